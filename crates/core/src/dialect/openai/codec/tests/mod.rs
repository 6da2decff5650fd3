//! The codec as a whole.

mod properties;
mod repeated;

use super::wants_function_call;

#[test]
fn old_callers_are_known_by_their_functions() {
    assert!(wants_function_call(br#"{"functions":[]}"#));
    for body in [r#"{"functions":[],"tools":[]}"#, "{}", "", r#"{"functions":null}"#] {
        assert!(!wants_function_call(body.as_bytes()), "{body}");
    }
}
