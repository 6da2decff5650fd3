//! The media types that an upstream accepts, and its own names of them.

/// The kind of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaForm {
    /// A picture.
    Picture,
    /// A recording.
    Recording,
    /// A film.
    Film,
    /// A document.
    Document,
}

/// A list of media types in their canonical form (see [`super::super::media_type`]) with the upstream's name of each.
pub type Names = &'static [(&'static str, &'static str)];

/// The media types of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaTypes {
    /// Types of pictures; `None`: any `image/…`.
    pub pictures: Option<Names>,
    /// Types of recordings; `None`: any `audio/…`.
    pub recordings: Option<Names>,
    /// Types of films.
    pub films: Names,
    /// Types of documents; `None`: any.
    pub documents: Option<Names>,
    /// The name under which text of a type that is not among the documents is accepted as a document.
    pub plain_text: Option<&'static str>,
}

impl MediaTypes {
    /// All types, under their own names.
    pub const ANY: Self =
        Self { pictures: None, recordings: None, films: &[], documents: None, plain_text: None };

    /// No media at all.
    pub const NONE: Self = Self {
        pictures: Some(&[]),
        recordings: Some(&[]),
        films: &[],
        documents: Some(&[]),
        plain_text: None,
    };

    /// Kind and name of a canonical media type; `None` if the upstream refuses it.
    #[must_use]
    pub fn find<'a>(&self, media_type: &'a str) -> Option<(MediaForm, &'a str)> {
        let listed = |names: Names| names.iter().find(|(name, _)| *name == media_type).map(|(_, own)| *own);
        let kind = media_type.split('/').next().unwrap_or_default();
        let any = |list: Option<Names>, prefix: &str| match list {
            Some(names) => listed(names),
            None => (kind == prefix).then_some(media_type),
        };
        if let Some(name) = any(self.pictures, "image") {
            return Some((MediaForm::Picture, name));
        }
        if let Some(name) = any(self.recordings, "audio") {
            return Some((MediaForm::Recording, name));
        }
        if let Some(name) = listed(self.films) {
            return Some((MediaForm::Film, name));
        }
        let document = match self.documents {
            Some(names) => listed(names),
            None => (!matches!(kind, "image" | "audio")).then_some(media_type),
        };
        let name = document.or(self.plain_text.filter(|_| is_text(media_type)))?;
        Some((MediaForm::Document, name))
    }
}

/// Whether a canonical media type is one of text.
#[must_use]
pub fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml") && media_type != "image/svg+xml"
        || matches!(
            media_type,
            "application/json"
                | "application/x-ndjson"
                | "application/xml"
                | "application/yaml"
                | "application/toml"
                | "application/javascript"
                | "application/typescript"
                | "application/sql"
                | "application/x-sh"
                | "application/x-python"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: MediaTypes = MediaTypes {
        pictures: Some(&[("image/png", "png")]),
        recordings: None,
        films: &[("video/mp4", "mp4")],
        documents: Some(&[("application/pdf", "pdf")]),
        plain_text: Some("txt"),
    };

    #[test]
    fn types_are_found_under_the_upstreams_name() {
        use MediaForm as F;
        for (media_type, found) in [
            ("image/png", Some((F::Picture, "png"))),
            ("image/tiff", None),
            ("audio/aac", Some((F::Recording, "audio/aac"))),
            ("video/mp4", Some((F::Film, "mp4"))),
            ("application/pdf", Some((F::Document, "pdf"))),
            ("application/json", Some((F::Document, "txt"))),
            ("application/zip", None),
        ] {
            assert_eq!(SOME.find(media_type), found, "{media_type}");
        }
        assert_eq!(MediaTypes::ANY.find("image/x"), Some((F::Picture, "image/x")));
        assert_eq!(MediaTypes::NONE.find("image/png"), None);
    }
}
