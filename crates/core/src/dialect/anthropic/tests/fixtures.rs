//! The fixtures of the other dialects.

use std::path::PathBuf;

use super::*;

fn all(kind: &str, extension: &str) -> Vec<(String, Vec<u8>)> {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind).join("anthropic");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()))
        .collect()
}

#[test]
fn requests_are_read_and_written_without_loss_for_a_model_that_takes_them() {
    let requests = all("requests", "json");
    assert!(requests.len() >= 12);
    for (name, body) in requests {
        let request = Anthropic.decode_request(&body).unwrap();
        let model = request.model.clone();
        let encoded = Anthropic.encode_request(&request, &model);
        let back = Anthropic.decode_request(&encoded.body).unwrap();
        assert_eq!(back, request, "{name}");
        assert_eq!(encoded.dropped, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn each_stream_is_the_answer_of_the_same_name() {
    let responses = all("responses", "json");
    let mut streams: std::collections::BTreeMap<_, _> = all("streams", "sse").into_iter().collect();
    assert!(responses.len() >= 8);
    for (name, body) in responses {
        let expected = Anthropic.decode_response(&body).unwrap();
        let stream = streams.remove(&name).unwrap_or_else(|| panic!("no stream {name}"));
        let whole = read_stream([stream.as_slice()]);
        assert_eq!(read_stream(stream.chunks(1)), whole, "{name}");
        let assembled = assemble(whole).unwrap();
        assert_eq!(assembled, expected, "{name}");
    }
}

#[test]
fn errors_have_the_status_of_their_name() {
    let errors = all("errors", "json");
    assert!(errors.len() >= 3);
    for (name, body) in errors {
        let (status, _) = name.split_once('_').unwrap();
        let status = status.parse().unwrap();
        let error = Anthropic.decode_error(status, &body);
        assert_eq!((error.status, error.kind), (status, ErrorKind::of_status(status)), "{name}");
        assert!(error.code.is_some() && !error.message.is_empty(), "{name}");
    }
}

#[test]
fn streams_that_break_off_end_in_an_error() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/streams/anthropic/broken");
    for (name, status, code) in
        [("truncated", 502, "upstream_stream_truncated"), ("overloaded", 529, "overloaded_error")]
    {
        let stream = std::fs::read(folder.join(name).with_extension("sse")).unwrap();
        let error = assemble(read_stream([stream.as_slice()])).unwrap_err();
        assert_eq!((error.status, error.code.as_deref()), (status, Some(code)), "{name}");
    }
}
