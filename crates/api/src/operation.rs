//! One operation of the API: a method, a path, who may call it, and in which dialect it is answered.

use nexus_edge_core::access::permission::Permission;
use nexus_edge_core::access::person::Need;
use nexus_edge_core::dialect::caller::CallerDialect;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads. HEAD is answered as well, without the body.
    Get,
    /// Makes or does something.
    Post,
    /// Changes what the body names.
    Put,
    /// Changes by a list of operations.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Anyone.
    Public,
    /// The holder of an API key, which the handler checks. Browsers may call it from the allowed origins.
    Caller,
    /// Those who may do what the operation needs; the holder of the admin token may do everything.
    Person(Need),
    /// The holder of the token for metrics, or of the admin token.
    Scraper,
    /// Users who are signed in, whatever they may do.
    SignedIn,
    /// A directory with the token of a SCIM client.
    Directory,
}

/// The dialect in which an operation is called, and in which its errors are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// This one.
    Dialect(CallerDialect),
    /// That of the SDK which the request's headers show: `anthropic-version`, `x-goog-api-key`, else `OpenAI`'s. For
    /// paths that several SDKs share.
    DialectOfHeaders,
    /// The envelope of the session API: `{success, data, message, timestamp, request_id, error_code}`.
    Envelope,
    /// SCIM 2.0 (RFC 7644): `{schemas, status, scimType, detail}`.
    Scim,
}

/// One operation of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The path: literal segments, `{name}` for one segment, a final `{name...}` for the rest, slashes included.
    pub path: &'static str,
    /// Who may call it.
    pub audience: Audience,
    /// Its dialect.
    pub speaks: Speaks,
}

impl Operation {
    /// An operation in the dialect of `OpenAI`.
    #[must_use]
    pub const fn new(method: Method, path: &'static str, audience: Audience) -> Self {
        Self { method, path, audience, speaks: Speaks::Dialect(CallerDialect::OpenaiChat) }
    }

    /// The same operation in another dialect.
    #[must_use]
    pub const fn speaking(self, speaks: Speaks) -> Self {
        Self { speaks, ..self }
    }

    /// Whether `row` is the method and the path with a space between them: `GET /keys/{id}`. Known while compiling, so
    /// that a route table can show both and cannot show them wrongly.
    #[must_use]
    pub const fn is_row(&self, row: &str) -> bool {
        let (mut row, mut method) = (row.as_bytes(), self.method.name().as_bytes());
        while let ([x, rest_row @ ..], [y, rest_method @ ..]) = (row, method) {
            if *x != *y {
                return false;
            }
            (row, method) = (rest_row, rest_method);
        }
        match row {
            [b' ', path @ ..] => method.is_empty() && equal(path, self.path.as_bytes()),
            _ => false,
        }
    }

    /// Whether a page's visitor must have shown just now who they are: what it does cannot be undone, or gives away what others
    /// must not have.
    #[must_use]
    pub const fn asks_again(&self) -> bool {
        let Audience::Person(Need { all, .. }) = self.audience else { return false };
        match self.method {
            Method::Get => false,
            Method::Delete if matches!(all, Permission::ManageProviders) => true,
            Method::Post | Method::Put | Method::Patch | Method::Delete => matches!(
                all,
                Permission::ManageUsers
                    | Permission::ManageRegistration
                    | Permission::ManageIdentityProviders
                    | Permission::ExportAllData
                    | Permission::ManageBackups
                    | Permission::RotateSystemSecretKey
            ),
        }
    }

    /// Whether both are the same method and path.
    #[must_use]
    pub const fn is_same(&self, other: &Self) -> bool {
        equal(self.method.name().as_bytes(), other.method.name().as_bytes())
            && equal(self.path.as_bytes(), other.path.as_bytes())
    }
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    let (mut a, mut b) = (a, b);
    while let ([x, rest_a @ ..], [y, rest_b @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.is_empty() && b.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_undone_asks_again() {
        let asks =
            |method, all| Operation::new(method, "/x/{id}", Audience::Person(Need::of(all))).asks_again();
        assert!(asks(Method::Post, Permission::ManageUsers) && !asks(Method::Get, Permission::ManageUsers));
        assert!(
            asks(Method::Delete, Permission::ManageProviders)
                && !asks(Method::Put, Permission::ManageProviders)
        );
        assert!(!Operation::new(Method::Post, "/x", Audience::Caller).asks_again());
    }

    #[test]
    fn a_row_is_recognised_by_method_and_path_only_together() {
        let operation =
            Operation::new(Method::Get, "/keys/{id}", Audience::Person(Need::of(Permission::ViewAllApiKeys)));
        assert!(operation.is_row("GET /keys/{id}"));
        for row in [
            "GET /keys",
            "GET /keys/{id}/rotate",
            "PUT /keys/{id}",
            "GET/keys/{id}",
            "GET  /keys/{id}",
            "GET",
        ] {
            assert!(!operation.is_row(row), "{row}");
        }
    }
}
