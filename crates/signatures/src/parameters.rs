//! What a signature says about itself: the covered components with `created`, `expires`, `keyid`, `nonce`, `tag`, `alg`
//! (RFC 9421, 2.3).

use crate::component::{Component, ComponentError};
use crate::structured::{BareItem, InnerList, Item};

/// The covered components and the parameters of one signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignatureInput {
    /// The components, in the order of the signature base.
    pub components: Vec<Component>,
    /// When it was made, in seconds since the epoch.
    pub created_s: Option<u64>,
    /// From when on it is void, in seconds since the epoch.
    pub expires_s: Option<u64>,
    /// The name of the key.
    pub key_id: Option<String>,
    /// A value that is used once.
    pub nonce: Option<String>,
    /// The application that it is made for.
    pub tag: Option<String>,
    /// The algorithm. Only ever compared with that of the key.
    pub algorithm: Option<String>,
    /// The parameters in the order in which they were read: the signature base repeats it.
    order: Vec<&'static str>,
}

/// The parameters in the order in which they are written.
const ORDER: [&str; 6] = ["created", "expires", "keyid", "alg", "nonce", "tag"];

/// Why the input of a signature cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// A component cannot be covered.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// A component occurs twice.
    #[error("the component {0} is covered twice")]
    Repeated(String),
    /// A parameter is unknown or of another type: a signature whose conditions are not understood proves nothing.
    #[error("the parameter `{0}` is unknown or not of its type")]
    Parameter(String),
}

impl SignatureInput {
    /// A signature that covers these components, and says nothing else yet.
    #[must_use]
    pub fn covering(components: Vec<Component>) -> Self {
        Self { components, ..Self::default() }
    }

    /// Reads the value of one signature in `signature-input`.
    ///
    /// # Errors
    /// What is not understood.
    pub fn of_list(list: &InnerList) -> Result<Self, InputError> {
        let mut input = Self::default();
        for item in &list.items {
            let component = Component::of_item(item)?;
            if input.components.contains(&component) {
                return Err(InputError::Repeated(component.to_string()));
            }
            input.components.push(component);
        }
        for (name, value) in &list.parameters {
            let unknown = || InputError::Parameter(name.clone());
            let known = *ORDER.iter().find(|known| **known == name).ok_or_else(unknown)?;
            match (known, value) {
                ("created", BareItem::Integer(at)) => {
                    input.created_s = Some(u64::try_from(*at).map_err(|_| unknown())?);
                }
                ("expires", BareItem::Integer(at)) => {
                    input.expires_s = Some(u64::try_from(*at).map_err(|_| unknown())?);
                }
                ("keyid", BareItem::Text(text)) => input.key_id = Some(text.clone()),
                ("nonce", BareItem::Text(text)) => input.nonce = Some(text.clone()),
                ("tag", BareItem::Text(text)) => input.tag = Some(text.clone()),
                ("alg", BareItem::Text(text)) => input.algorithm = Some(text.clone()),
                _ => return Err(unknown()),
            }
            input.order.push(known);
        }
        Ok(input)
    }

    /// As it stands in `signature-input` and in the last line of the signature base.
    #[must_use]
    pub fn to_list(&self) -> InnerList {
        let items = self.components.iter().map(|component| Item {
            value: BareItem::Text(component.name().to_owned()),
            parameters: Vec::new(),
        });
        let unread = ORDER.iter().filter(|name| !self.order.contains(name));
        let parameters = self.order.iter().chain(unread).filter_map(|name| {
            let number =
                |value: Option<u64>| value.and_then(|at| i64::try_from(at).ok()).map(BareItem::Integer);
            let text = |value: &Option<String>| value.clone().map(BareItem::Text);
            let value = match *name {
                "created" => number(self.created_s),
                "expires" => number(self.expires_s),
                "keyid" => text(&self.key_id),
                "alg" => text(&self.algorithm),
                "nonce" => text(&self.nonce),
                _ => text(&self.tag),
            };
            value.map(|value| ((*name).to_owned(), value))
        });
        InnerList { items: items.collect(), parameters: parameters.collect() }
    }
}
