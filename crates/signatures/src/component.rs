//! What a signature can cover of a request: the derived components and the headers (RFC 9421, 2).

use std::borrow::Cow;
use std::fmt;

use crate::request::Request;
use crate::structured::{BareItem, Item};

/// A part of a request that a signature covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Component {
    /// `@method`
    Method,
    /// `@authority`
    Authority,
    /// `@path`
    Path,
    /// `@query`
    Query,
    /// A header, by its name in lower case.
    Header(Cow<'static, str>),
}

/// Why a component cannot be covered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// It is neither a text that names a header in lower case nor a derived component that is known here.
    #[error("the component {0} is not supported")]
    Unsupported(String),
    /// It has parameters such as `sf` or `req`, none of which is known here.
    #[error("the component {0} has parameters, which are not supported")]
    HasParameters(String),
    /// The request has no such header.
    #[error("the component {0} is not in the request")]
    Absent(String),
    /// The value has a line break, which would begin another line of the signature base.
    #[error("the component {0} has a line break")]
    LineBreak(String),
}

impl Component {
    /// A header. The name must be in lower case.
    #[must_use]
    pub const fn header(name: &'static str) -> Self {
        Self::Header(Cow::Borrowed(name))
    }

    /// The name in a signature, without quotes.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Method => "@method",
            Self::Authority => "@authority",
            Self::Path => "@path",
            Self::Query => "@query",
            Self::Header(name) => name,
        }
    }

    /// Reads an identifier.
    ///
    /// # Errors
    /// If it is no text, unknown, or has parameters.
    pub fn of_item(item: &Item) -> Result<Self, ComponentError> {
        let BareItem::Text(name) = &item.value else {
            return Err(ComponentError::Unsupported(item.to_string()));
        };
        if !item.parameters.is_empty() {
            return Err(ComponentError::HasParameters(item.to_string()));
        }
        let is_header = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        match name.as_str() {
            "@method" => Ok(Self::Method),
            "@authority" => Ok(Self::Authority),
            "@path" => Ok(Self::Path),
            "@query" => Ok(Self::Query),
            name if !name.is_empty()
                && name.bytes().all(|byte| is_header(byte) && !byte.is_ascii_uppercase()) =>
            {
                Ok(Self::Header(Cow::Owned(name.to_owned())))
            }
            _ => Err(ComponentError::Unsupported(item.to_string())),
        }
    }

    /// The value in this request.
    ///
    /// # Errors
    /// If the request has none, or one that cannot stand in a signature base.
    pub fn value(&self, request: &Request<'_>) -> Result<String, ComponentError> {
        let value = match self {
            Self::Method => request.method.to_owned(),
            Self::Authority => request.target.authority(),
            Self::Path => request.target.path().to_owned(),
            Self::Query => request.target.query(),
            Self::Header(name) => {
                request.header(name).ok_or_else(|| ComponentError::Absent(self.to_string()))?.into_owned()
            }
        };
        if value.contains(['\r', '\n']) {
            return Err(ComponentError::LineBreak(self.to_string()));
        }
        Ok(value)
    }
}

/// The identifier, in quotes.
impl fmt::Display for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        BareItem::Text(self.name().to_owned()).fmt(formatter)
    }
}
