//! How deep a JSON text is nested, without reading its values.

/// The deepest nesting of arrays and objects in a JSON text: 0 for `1`, 1 for `[]`. For a text that is not JSON, what its
/// brackets outside strings say; never more than the number of its bytes.
#[must_use]
pub fn depth(json: &[u8]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                open += 1;
                deepest = deepest.max(open);
            }
            (false, b'}' | b']') => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_count() {
        for (json, expected) in
            [("1", 0), ("{}", 1), (r#"{"a":[1,[2]]}"#, 3), (r#"["[[[", "\"[["]"#, 1), ("", 0)]
        {
            assert_eq!(depth(json.as_bytes()), expected, "{json}");
        }
        assert_eq!(depth("[".repeat(10_000).as_bytes()), 10_000);
    }
}
