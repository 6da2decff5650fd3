//! Prices of everything that has one.

use serde::{Deserialize, Serialize};

use crate::plan::Values;

/// Declares [`Rates`], in the order of the encoding.
macro_rules! rates {
    ($( $(#[doc = $doc:literal])+ $field:ident, )*) => {
        /// Prices in millionths of a dollar for a million tokens; `None`: none of its own.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Rates {
            $(
                $(#[doc = $doc])+
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<u64>,
            )*
        }

        impl Rates {
            /// Where these have no price, those have.
            #[must_use]
            pub fn or(&self, others: &Self) -> Self {
                Self { $( $field: self.$field.or(others.$field), )* }
            }

            /// All prices with their names.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$( (stringify!($field), self.$field), )*]
                    .into_iter()
                    .filter_map(|(name, price)| Some((name, price?)))
            }

            pub(crate) fn of(values: &Values) -> Self {
                let [$( $field, )*] = values.map(|value| value.map(u64::from));
                Self { $( $field, )* }
            }
        }
    };
}

rates! {
    /// Tokens of the prompt.
    input,
    /// Tokens of the answer.
    output,
    /// Tokens of the prompt that the provider had cached; without: as `input`.
    cached_input,
    /// Tokens that the provider writes to its cache; without: as `input`.
    cache_write,
    /// The same, kept for an hour; without: as `cache_write`.
    cache_write_1h,
    /// Reasoning tokens; without: as `output`.
    reasoning,
    /// Audio of the prompt; without: as `input`.
    audio_input,
    /// Audio of the answer; without: as `output`.
    audio_output,
    /// Audio of the prompt that the provider had cached; without: as `cached_input`, else as `audio_input`.
    cached_audio,
    /// Images of the prompt; without: as `input`.
    image_input,
    /// Images of the answer; without: as `output`.
    image_output,
    /// Images of the prompt that the provider had cached; without: as `cached_input`.
    cached_image,
    /// A thousand requests, besides their tokens.
    per_1k_requests,
    /// A thousand searches of the web by the provider.
    per_1k_web_searches,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dimension::DIMENSIONS;

    #[test]
    fn the_order_is_that_of_the_encoding() {
        let mut values = Values::default();
        for (at, value) in values.iter_mut().enumerate() {
            *value = Some(u32::try_from(at).unwrap());
        }
        let rates = Rates::of(&values);
        let named: Vec<_> = rates.named().collect();
        assert_eq!(named.len(), DIMENSIONS.len());
        for ((at, name), (field, value)) in DIMENSIONS.iter().enumerate().zip(named) {
            assert_eq!(u64::try_from(at).unwrap(), value);
            let same = match *name {
                "cache_read" => "cached_input",
                "audio_cache_read" => "cached_audio",
                "image_cache_read" => "cached_image",
                other => other,
            };
            assert_eq!(field, same);
        }
    }
}
