//! The fixtures of the other dialects.

use super::*;
use crate::dialect::upstream::testing::{fixture, fixtures};

#[test]
fn requests_are_read_and_written_without_loss_for_a_model_that_takes_them() {
    let requests = fixtures("requests/anthropic");
    assert!(requests.len() >= 12);
    // A history out of order is written in order.
    for (name, body) in requests.into_iter().filter(|(name, _)| name != "history_out_of_order") {
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
    let responses = fixtures("responses/anthropic");
    let mut streams: std::collections::BTreeMap<_, _> = fixtures("streams/anthropic").into_iter().collect();
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
    let errors = fixtures("errors/anthropic");
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
    for (name, status, code) in
        [("truncated", 502, "upstream_stream_truncated"), ("overloaded", 529, "overloaded_error")]
    {
        let stream = fixture(&format!("streams/anthropic/broken/{name}.sse"));
        let error = assemble(read_stream([stream.as_slice()])).unwrap_err();
        assert_eq!((error.status, error.code.as_deref()), (status, Some(code)), "{name}");
    }
}
