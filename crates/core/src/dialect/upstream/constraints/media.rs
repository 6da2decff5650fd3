//! The media types that each upstream accepts, with its own name of each.

use crate::dialect::canonical::limits::MediaTypes;

/// Pictures that almost every service accepts.
const PICTURES: &[(&str, &str)] = &[
    ("image/jpeg", "image/jpeg"),
    ("image/png", "image/png"),
    ("image/gif", "image/gif"),
    ("image/webp", "image/webp"),
];

/// `OpenAI`: PNG, JPEG, WEBP and GIF (<https://platform.openai.com/docs/guides/images-vision>); `input_audio.format`
/// `wav` and `mp3`; PDF as a file (<https://platform.openai.com/docs/guides/pdf-files>). Text is sent as text.
pub const OPENAI: MediaTypes = MediaTypes {
    pictures: Some(PICTURES),
    recordings: Some(&[("audio/wav", "wav"), ("audio/mpeg", "mp3")]),
    films: &[],
    documents: Some(&[("application/pdf", "application/pdf")]),
    plain_text: Some("text/plain"),
};

/// Anthropic: `Base64ImageSource.media_type`, `Base64PDFSource.media_type` and `PlainTextSource.media_type` of the SDK's
/// types.
pub const ANTHROPIC: MediaTypes = MediaTypes {
    pictures: Some(PICTURES),
    recordings: Some(&[]),
    films: &[],
    documents: Some(&[("application/pdf", "application/pdf")]),
    plain_text: Some("text/plain"),
};

/// Gemini: <https://ai.google.dev/gemini-api/docs/image-understanding#supported-formats>, `audio`,
/// `video-understanding` and `document-processing` of the same documentation. Text of other types is plain text there.
pub const GEMINI: MediaTypes = MediaTypes {
    pictures: Some(&[
        ("image/png", "image/png"),
        ("image/jpeg", "image/jpeg"),
        ("image/webp", "image/webp"),
        ("image/heic", "image/heic"),
        ("image/heif", "image/heif"),
    ]),
    recordings: Some(&[
        ("audio/wav", "audio/wav"),
        ("audio/mpeg", "audio/mp3"),
        ("audio/aiff", "audio/aiff"),
        ("audio/aac", "audio/aac"),
        ("audio/ogg", "audio/ogg"),
        ("audio/opus", "audio/ogg"),
        ("audio/flac", "audio/flac"),
        ("audio/mp4", "audio/m4a"),
        ("audio/webm", "audio/webm"),
        ("audio/pcm", "audio/pcm"),
    ]),
    films: &[
        ("video/mp4", "video/mp4"),
        ("video/mpeg", "video/mpeg"),
        ("video/quicktime", "video/mov"),
        ("video/x-msvideo", "video/avi"),
        ("video/x-flv", "video/x-flv"),
        ("video/webm", "video/webm"),
        ("video/x-ms-wmv", "video/wmv"),
        ("video/3gpp", "video/3gpp"),
    ],
    documents: Some(&[
        ("application/pdf", "application/pdf"),
        ("text/plain", "text/plain"),
        ("text/html", "text/html"),
        ("text/css", "text/css"),
        ("text/markdown", "text/md"),
        ("text/csv", "text/csv"),
        ("text/rtf", "text/rtf"),
        ("application/xml", "text/xml"),
        ("application/javascript", "text/javascript"),
    ]),
    plain_text: Some("text/plain"),
};

/// Bedrock: the enumerations `ImageFormat`, `AudioFormat`, `VideoFormat` and `DocumentFormat` of the service model.
pub const BEDROCK: MediaTypes = MediaTypes {
    pictures: Some(&[
        ("image/png", "png"),
        ("image/jpeg", "jpeg"),
        ("image/gif", "gif"),
        ("image/webp", "webp"),
    ]),
    recordings: Some(&[
        ("audio/mpeg", "mp3"),
        ("audio/wav", "wav"),
        ("audio/flac", "flac"),
        ("audio/ogg", "ogg"),
        ("audio/opus", "opus"),
        ("audio/aac", "aac"),
        ("audio/mp4", "m4a"),
        ("audio/webm", "webm"),
        ("audio/x-matroska", "mka"),
        ("audio/pcm", "pcm"),
    ]),
    films: &[
        ("video/mp4", "mp4"),
        ("video/quicktime", "mov"),
        ("video/x-matroska", "mkv"),
        ("video/webm", "webm"),
        ("video/x-flv", "flv"),
        ("video/mpeg", "mpeg"),
        ("video/x-ms-wmv", "wmv"),
        ("video/3gpp", "three_gp"),
    ],
    documents: Some(&[
        ("application/pdf", "pdf"),
        ("text/csv", "csv"),
        ("application/msword", "doc"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
        ("application/vnd.ms-excel", "xls"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        ("text/html", "html"),
        ("text/markdown", "md"),
    ]),
    plain_text: Some("txt"),
};

/// Cohere: "PNG, JPEG, WEBP and non-animated GIF" (<https://docs.cohere.com/docs/image-inputs>).
pub const COHERE: MediaTypes = MediaTypes { pictures: Some(PICTURES), ..MediaTypes::NONE };

/// DashScope: pictures of <https://www.alibabacloud.com/help/en/model-studio/vision>; recordings of any type.
pub const DASHSCOPE: MediaTypes = MediaTypes {
    pictures: Some(&[
        ("image/bmp", "image/bmp"),
        ("image/jpeg", "image/jpeg"),
        ("image/png", "image/png"),
        ("image/tiff", "image/tiff"),
        ("image/webp", "image/webp"),
        ("image/heic", "image/heic"),
        ("image/gif", "image/gif"),
    ]),
    recordings: None,
    ..MediaTypes::NONE
};
