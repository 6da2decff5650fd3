//! How a resource declares its operations: method, path, audience and dialect, and what the `OpenAPI` document says of each.
//!
//! Above [`crate::operation`] and the document, because a declaration names both.

/// Declares the operations of one resource.
///
/// Each is `NAME: Method "/path" Audience [in Speaks], |it| …;` with a doc comment whose first line is the summary and
/// whose rest is the description in the `OpenAPI` document. The audience is `Public`, `Caller`, `SignedIn`, or the
/// [`Permission`](nexus_edge_core::access::permission::Permission) that the operation needs; where a person may do it with their
/// own things on the strength of another permission: `ViewAllRequests / ViewOwnRequests`. The closure tells what goes in and comes out; it is compiled
/// only with the feature `openapi`.
macro_rules! operations {
    (
        $tag:literal;
        $(
            $(#[doc = $doc:literal])+
            $name:ident: $method:ident $path:literal $audience:ident $(/ $own:ident)? $(in $speaks:expr)?, |$it:ident| $described:expr;
        )+
    ) => {
        $(
            $(#[doc = $doc])+
            pub const $name: $crate::Operation = $crate::Operation::new(
                $crate::Method::$method, $path, $crate::declare::audience!($audience $(/ $own)?),
            )$(.speaking($speaks))?;
        )+

        /// The operations of this module.
        pub(crate) const ALL: &[$crate::Operation] = &[$($name),+];

        #[cfg(feature = "openapi")]
        pub(crate) fn describe(document: &mut $crate::document::Document) {
            document.tag($tag);
            $(
                let id = concat!(module_path!(), "::", stringify!($name));
                document.operation(&$name, id, concat!($($doc, "\n"),+), |$it| {
                    $described;
                });
            )+
        }
    };
}
pub(crate) use operations;

/// The audience of the word that an operation is declared with.
macro_rules! audience {
    (Public) => {
        $crate::Audience::Public
    };
    (Caller) => {
        $crate::Audience::Caller
    };
    (Scraper) => {
        $crate::Audience::Scraper
    };
    (SignedIn) => {
        $crate::Audience::SignedIn
    };
    (Directory) => {
        $crate::Audience::Directory
    };
    (Admin) => {
        compile_error!("name the permission that the operation needs: crates/core/src/access/permission.rs")
    };
    ($all:ident) => {
        $crate::Audience::Person(nexus_edge_core::access::person::Need::of(
            nexus_edge_core::access::permission::Permission::$all,
        ))
    };
    ($all:ident / $own:ident) => {
        $crate::Audience::Person(nexus_edge_core::access::person::Need::or_own(
            nexus_edge_core::access::permission::Permission::$all,
            nexus_edge_core::access::permission::Permission::$own,
        ))
    };
}
pub(crate) use audience;
