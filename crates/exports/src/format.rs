//! The formats of an export.

use nexus_edge_core::error::ApiError;
use serde::{Deserialize, Serialize};

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 4180, with a header line.
    Csv,
    /// One object with a list of rows.
    Json,
    /// A JSON object a line.
    Ndjson,
}

impl Format {
    /// All, by name.
    pub const NAMES: [(&'static str, Self); 3] =
        [("csv", Self::Csv), ("json", Self::Json), ("ndjson", Self::Ndjson)];

    /// The format of this name; without one, NDJSON.
    ///
    /// # Errors
    /// `invalid_value` for any other name.
    pub fn read(name: Option<&str>) -> Result<Self, ApiError> {
        let Some(name) = name else { return Ok(Self::Ndjson) };
        let found = Self::NAMES.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, format)| format).ok_or_else(|| {
            ApiError::invalid("invalid_value", "format", "`format` must be csv, json or ndjson.")
        })
    }

    /// Its name, which is also the ending of a file.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }

    /// Its media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_read_by_its_name() {
        for (name, format) in Format::NAMES {
            assert_eq!((Format::read(Some(name)).unwrap(), format.name()), (format, name));
        }
        assert_eq!(Format::read(None).unwrap(), Format::Ndjson);
        assert_eq!(Format::read(Some("xlsx")).unwrap_err().param.as_deref(), Some("format"));
    }
}
