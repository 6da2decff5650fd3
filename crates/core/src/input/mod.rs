//! Bodies of admin requests, each declared once.
//!
//! [`input!`](crate::input!) declares the fields of a body: each with its description, its type and the [`Rule`] that
//! parses and validates it. Parsing, errors and the JSON Schema in the `OpenAPI` document all come from that
//! declaration, so they cannot differ. An unknown field is refused, and every error names its field.
//!
//! With the feature `openapi` each input can describe itself; the Worker is built without it.

mod body;
mod fields;
#[cfg(feature = "openapi")]
pub mod object_schema;
mod query;
mod rule;
mod rules;
#[cfg(feature = "openapi")]
pub mod schema;

pub use body::Input;
pub use fields::{Fields, Patch};
pub use query::query_number;
pub use rule::{Checked, NotNull, Required, Rule};
pub use rules::{
    boolean, choice, credential, decimal, dollars, ids, integer, integer_u32, numbers, object, objects,
    one_of, text, text_map, texts,
};

/// Declares a request body: a struct with a [`Patch`](crate::input::Patch) for each field, which implements
/// [`Input`].
///
/// ```
/// use nexus_edge_core::input;
/// use nexus_edge_core::input::{Input, Rule, boolean, text};
///
/// input! {
///     /// What may be said about a thing.
///     pub struct ThingInput {
///         /// Shown in lists.
///         pub name: String = text(1..=100).not_null().required(),
///         /// Whether it is used.
///         pub enabled: bool = boolean().not_null(),
///     }
/// }
///
/// let error = ThingInput::parse_new(br#"{"enabled":true}"#).unwrap_err();
/// assert_eq!((error.code, error.param.as_deref()), ("missing_required_parameter", Some("name")));
/// ```
///
/// Fields that several bodies share are an input of their own and are taken in with `..pub group: GroupInput,` behind the
/// others.
#[macro_export]
macro_rules! input {
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $name:ident {
            $( $(#[doc = $doc:literal])+ $field_vis:vis $field:ident: $type:ty = $rule:expr, )*
            $( ..$group_vis:vis $group:ident: $group_type:ty, )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        $vis struct $name {
            $( $(#[doc = $doc])+ $field_vis $field: $crate::input::Patch<$type>, )*
            $( #[doc = "Fields that other bodies have, too."] $group_vis $group: $group_type, )*
        }

        impl $crate::input::Input for $name {
            fn names() -> ::std::vec::Vec<&'static str> {
                #[allow(unused_mut, clippy::allow_attributes_without_reason, clippy::allow_attributes)]
                let mut names = ::std::vec![$( ::std::stringify!($field), )*];
                $( names.extend(<$group_type as $crate::input::Input>::names()); )*
                names
            }

            fn read(fields: &$crate::input::Fields<'_>) -> ::std::result::Result<Self, $crate::error::ApiError> {
                Ok(Self {
                    $( $field: $crate::input::Rule::read(&$rule, fields, ::std::stringify!($field))?, )*
                    $( $group: <$group_type as $crate::input::Input>::read(fields)?, )*
                })
            }

            fn check_required(&self) -> ::std::result::Result<(), $crate::error::ApiError> {
                $( $crate::input::Rule::check_required(&$rule, &self.$field, ::std::stringify!($field))?; )*
                $( $crate::input::Input::check_required(&self.$group)?; )*
                Ok(())
            }

            #[cfg(feature = "openapi")]
            fn describe(object: &mut $crate::input::object_schema::ObjectSchema<'_>) {
                $( object.field(::std::stringify!($field), &$rule, ::std::concat!($($doc, "\n"),+)); )*
                $( <$group_type as $crate::input::Input>::describe(object); )*
            }

            #[cfg(feature = "openapi")]
            const ABOUT: (&'static str, &'static str) =
                (::std::stringify!($name), ::std::concat!($($about, "\n"),+));
        }
    };
}
