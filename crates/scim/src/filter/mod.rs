//! Filters (RFC 7644, section 3.4.2.2): `userName eq "ada" and not (emails[type eq "work"] pr)`.
//!
//! [`parse`](Filter::parse) reads one, its `Display` writes it in a form that reads back to the same, and
//! [`matching`](crate::matching) says whether a resource is among what it selects. Length and nesting are bounded.

mod parser;
mod read;

use std::fmt::{self, Display, Formatter};

pub use read::{MAX_BYTES, MAX_DEPTH};

/// A filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Both.
    And(Box<Self>, Box<Self>),
    /// At least one.
    Or(Box<Self>, Box<Self>),
    /// Not this.
    Not(Box<Self>),
    /// `pr`: there is a value. With a filter behind the attribute: there is a value for which it holds.
    Present(Path),
    /// A value compares so.
    Compare(Path, Operator, Literal),
}

/// A place in a resource: `schema:attribute[filter].part`.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The URN before the attribute.
    pub schema: Option<String>,
    /// The attribute.
    pub attribute: String,
    /// Which values of the attribute.
    pub filter: Option<Box<Filter>>,
    /// The part of the value.
    pub part: Option<String>,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// Contains.
    Contains,
    /// Starts with.
    StartsWith,
    /// Ends with.
    EndsWith,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
}

impl Operator {
    /// Every operator by its name.
    pub const NAMES: [(&'static str, Self); 9] = [
        ("eq", Self::Equal),
        ("ne", Self::NotEqual),
        ("co", Self::Contains),
        ("sw", Self::StartsWith),
        ("ew", Self::EndsWith),
        ("gt", Self::Greater),
        ("ge", Self::GreaterOrEqual),
        ("lt", Self::Less),
        ("le", Self::LessOrEqual),
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Contains => "co",
            Self::StartsWith => "sw",
            Self::EndsWith => "ew",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
        }
    }
}

/// What is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// Nothing.
    Null,
}

impl Filter {
    /// The text that must be equal to this attribute, if the filter is `attribute eq "text"` and nothing else: such filters are
    /// answered by an index.
    #[must_use]
    pub fn equal_to(&self, attribute: &str) -> Option<&str> {
        let Self::Compare(path, Operator::Equal, Literal::Text(text)) = self else { return None };
        let is =
            path.attribute.eq_ignore_ascii_case(attribute) && path.part.is_none() && path.filter.is_none();
        is.then_some(text.as_str())
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(&self.attribute)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        match &self.part {
            Some(part) => write!(f, ".{part}"),
            None => Ok(()),
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&serde_json::Value::from(text.as_str()).to_string()),
            Self::Number(number) => f.write_str(&serde_json::Value::from(*number).to_string()),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Null => f.write_str("null"),
        }
    }
}

impl Display for Filter {
    /// With parentheses around everything that has parts, so that it reads back to the same.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(a, b) => write!(f, "({a} and {b})"),
            Self::Or(a, b) => write!(f, "({a} or {b})"),
            Self::Not(a) => write!(f, "not ({a})"),
            Self::Present(path) if path.filter.is_some() && path.part.is_none() => write!(f, "{path}"),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Compare(path, operator, literal) => write!(f, "{path} {} {literal}", operator.name()),
        }
    }
}
