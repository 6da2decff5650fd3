//! The header fields of a request or an answer.
//!
//! The platform keeps them in an object of its own, where every access is a call across the border to JavaScript.
//! Here they are passed as one text instead: alternating lines of names and values, neither of which can contain a
//! line break.
//!
//! ```text
//! content-type
//! application/json
//! x-request-id
//! req_01M7…
//! ```

/// Header fields in their order. Names are compared without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderList {
    fields: Vec<(String, String)>,
}

impl HeaderList {
    /// Parses alternating lines of names and values. A name without a value is left out.
    #[must_use]
    pub fn from_lines(lines: &str) -> Self {
        let mut fields = Vec::with_capacity(16);
        let mut lines = lines.split('\n');
        while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
            if !name.is_empty() {
                fields.push((name.to_owned(), value.to_owned()));
            }
        }
        Self { fields }
    }

    /// The fields as alternating lines of names and values.
    #[must_use]
    pub fn to_lines(&self) -> String {
        let length = self.fields.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        let mut lines = String::with_capacity(length);
        for (name, value) in &self.fields {
            for text in [name, value] {
                lines.push_str(text);
                lines.push('\n');
            }
        }
        lines
    }

    /// The value of the first field with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Sets a field, replacing all with the same name.
    pub fn set(&mut self, name: &str, value: &str) {
        let mut is_set = false;
        self.fields.retain_mut(|(known, old)| {
            if !known.eq_ignore_ascii_case(name) {
                return true;
            }
            if !is_set {
                value.clone_into(old);
            }
            !std::mem::replace(&mut is_set, true)
        });
        if !is_set {
            self.fields.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Adds a field beside those with the same name.
    pub fn add(&mut self, name: &str, value: &str) {
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_there_and_back() {
        let lines = "content-type\napplication/json\nx-empty\n\nx-a\n1, 2\n";
        let list = HeaderList::from_lines(lines);
        assert_eq!(list.get("Content-Type"), Some("application/json"));
        assert_eq!(list.get("x-empty"), Some(""));
        assert_eq!(list.get("x-none"), None);
        assert_eq!(list.to_lines(), lines);
        assert_eq!(HeaderList::from_lines(""), HeaderList::default());
        assert_eq!(HeaderList::from_lines("name"), HeaderList::default());
    }

    #[test]
    fn a_field_is_set_once() {
        let mut list = HeaderList::from_lines("x-a\n1\nx-b\n2\nX-A\n3\n");
        list.set("x-A", "4");
        list.set("x-c", "5");
        assert_eq!(list.to_lines(), "x-a\n4\nx-b\n2\nx-c\n5\n");
    }
}
