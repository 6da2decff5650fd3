//! YAML as a tree whose nodes know the line they stand on.
//!
//! A configuration is read by people, so every complaint about it names a line. Aliases are refused: no configuration needs
//! them, and a document of a few lines could otherwise grow to any size. Keys that are given twice are problems.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::problem::Problem;

/// How deep a document may be nested.
const DEPTH: usize = 32;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What stands there.
    pub value: Value,
    /// The line of its first character, from 1.
    pub line: usize,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Anything that is not a list or a mapping.
    Scalar {
        /// Its text, without quotes.
        text: String,
        /// False for text in quotes, which is never a number or a boolean.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// One line of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The line of the key, from 1.
    pub line: usize,
    /// What it is set to.
    pub node: Node,
}

/// Reads one document. An empty text is `Null`. Problems are keys that stand twice.
///
/// # Errors
/// What makes the text no YAML, or YAML that is refused: aliases, several documents, keys that are no text.
pub fn parse(text: &str) -> Result<(Node, Vec<Problem>), Problem> {
    let mut reader = Reader { parser: Parser::new_from_str(text), problems: Vec::new() };
    let mut root = Node { value: Value::Null, line: 1 };
    let mut documents = 0;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok((root, reader.problems)),
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(Problem::error(line(span), "a configuration is one YAML document"));
                }
            }
            other => root = reader.node(other, span, 0)?,
        }
    }
}

struct Reader<'text> {
    parser: Parser<'text, saphyr_parser::StrInput<'text>>,
    problems: Vec<Problem>,
}

impl<'text> Reader<'text> {
    fn next(&mut self) -> Result<(Event<'text>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => {
                Err(Problem::error(error.marker().line(), format!("not YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'text>, span: Span, depth: usize) -> Result<Node, Problem> {
        if depth > DEPTH {
            return Err(Problem::error(line(span), "nested too deep"));
        }
        let value = match event {
            Event::Scalar(text, style, _, _) => scalar(text.into_owned(), style),
            Event::SequenceStart(..) => self.list(depth)?,
            Event::MappingStart(..) => self.map(depth)?,
            Event::Alias(_) => {
                return Err(Problem::error(line(span), "aliases are not supported: write the value again"));
            }
            _ => return Err(Problem::error(line(span), "a value is missing")),
        };
        Ok(Node { value, line: line(span) })
    }

    fn list(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut nodes = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::List(nodes));
            }
            nodes.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(Value::Map(entries)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(Problem::error(line(span), "a key must be text")),
            };
            let key_line = line(span);
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1)?;
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let said = format!("`{key}` is given twice: the first is on line {}", first.line);
                self.problems.push(Problem::error(key_line, said));
                continue;
            }
            entries.push(Entry { key, line: key_line, node });
        }
    }
}

fn scalar(text: String, style: ScalarStyle) -> Value {
    let plain = style == ScalarStyle::Plain;
    if plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    Value::Scalar { text, plain }
}

fn line(span: Span) -> usize {
    span.start.line().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Scalar { text: value.to_owned(), plain: true }
    }

    #[test]
    fn every_node_knows_its_line() {
        let (root, problems) = parse("a: 1\nb:\n  - x\n  - y: \"2\"\n").unwrap();
        assert!(problems.is_empty());
        let Value::Map(entries) = root.value else { panic!("a mapping") };
        assert_eq!((entries[0].key.as_str(), entries[0].line, &entries[0].node.value), ("a", 1, &text("1")));
        let Value::List(list) = &entries[1].node.value else { panic!("a list") };
        assert_eq!((list[0].line, list[1].line), (3, 4));
        let Value::Map(inner) = &list[1].value else { panic!("a mapping") };
        assert_eq!(inner[0].node.value, Value::Scalar { text: "2".into(), plain: false });
    }

    #[test]
    fn a_key_that_is_given_twice_is_a_problem_with_both_lines() {
        let (_, problems) = parse("a: 1\n\na: 2\n").unwrap();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].line, 3);
        assert!(problems[0].message.contains("line 1"));
    }

    #[test]
    fn what_could_grow_and_what_is_no_yaml_is_refused() {
        assert!(parse("a: &x [1]\nb: *x\n").unwrap_err().message.contains("aliases"));
        assert!(parse("a: 1\n---\nb: 2\n").unwrap_err().message.contains("one YAML document"));
        assert_eq!(parse("a: 1\nb: [1\n").unwrap_err().message.split(':').next(), Some("not YAML"));
        assert!(parse(&format!("a: {}{}", "[".repeat(60), "]".repeat(60))).is_err());
        assert!(parse("? [1]\n: 2\n").unwrap_err().message.contains("must be text"));
    }

    #[test]
    fn nothing_is_null() {
        assert_eq!(parse("").unwrap().0.value, Value::Null);
        assert_eq!(parse("# only a comment\n").unwrap().0.value, Value::Null);
    }
}
