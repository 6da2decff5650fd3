//! The result of a tool call: `functionResponse.response` is an object, with the result under `output` or, of a tool
//! that failed, under `error` (<https://ai.google.dev/api/caching#FunctionResponse>). An object with neither is the
//! result itself.

use serde_json::json;
use serde_json::value::RawValue;

use crate::dialect::canonical::Json;
use crate::json::lenient::string;
use crate::json::object::JsonObject;

/// The response object for a result.
pub(super) fn write(text: &str, is_error: bool) -> Json {
    let object = Json::parse(text).filter(|json| json.text().starts_with('{'));
    match (object, is_error) {
        (Some(object), false) if unwrap(object.raw()).is_none() => object,
        (Some(object), false) => Json::of(&Output { output: object }),
        (None, false) => Json::of(&json!({ "output": text })),
        (_, true) => Json::of(&json!({ "error": text })),
    }
}

#[derive(serde::Serialize)]
struct Output {
    output: Json,
}

/// The text of a result, and whether it is that of a failure.
pub(super) fn read(response: &RawValue) -> (String, bool) {
    let (value, is_error) = unwrap(response).unwrap_or((response, false));
    let text = string(value).map_or_else(|| value.get().to_owned(), std::borrow::Cow::into_owned);
    (text, is_error)
}

/// The only value, under `output`, `result` or `error`. Google's own client libraries use `result`.
fn unwrap(response: &RawValue) -> Option<(&RawValue, bool)> {
    let object: JsonObject<'_> = serde_json::from_str(response.get()).ok()?;
    let mut fields = object.iter();
    let (name, value) = fields.next().filter(|_| object.iter().count() == 1)?;
    match name {
        "output" | "result" => Some((value, false)),
        "error" => Some((value, true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_comes_back() {
        for (text, is_error, written) in [
            ("sunny", false, r#"{"output":"sunny"}"#),
            ("", false, r#"{"output":""}"#),
            ("[1]", false, r#"{"output":"[1]"}"#),
            (r#"{"a":1.50}"#, false, r#"{"a":1.50}"#),
            (r#"{"error":"x"}"#, false, r#"{"output":{"error":"x"}}"#),
            (r#"{"result":"x"}"#, false, r#"{"output":{"result":"x"}}"#),
            ("no", true, r#"{"error":"no"}"#),
            (r#"{"a":1}"#, true, r#"{"error":"{\"a\":1}"}"#),
        ] {
            let response = write(text, is_error);
            assert_eq!(response.text(), written);
            assert_eq!(read(response.raw()), (text.to_owned(), is_error), "{text}");
        }
        assert_eq!(read(Json::parse(r#"{"result":"x"}"#).unwrap().raw()), ("x".into(), false));
        assert_eq!(read(Json::parse("{}").unwrap().raw()), ("{}".into(), false));
    }
}
