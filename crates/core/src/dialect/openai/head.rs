//! The fields that every chunk of a stream in `OpenAI`'s dialects repeats.

use crate::dialect::canonical::{ReplyContext, StreamEvent};

/// The head of the chunks of one answer.
#[derive(Debug)]
pub(super) struct Head {
    pub id: String,
    pub model: String,
    pub created: u64,
    pub service_tier: Option<String>,
    pub system_fingerprint: Option<String>,
}

impl Head {
    /// The head before any event. `kind` is the prefix of ids in the dialect.
    pub fn new(kind: &str, context: &ReplyContext) -> Self {
        Self {
            id: format!("{kind}-{}", context.unique),
            model: context.model.clone(),
            created: context.created,
            service_tier: None,
            system_fingerprint: None,
        }
    }

    /// Takes the fields of the head from an event. Others are kept.
    pub fn note(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Start { id, model, created } => {
                if let Some(id) = id {
                    self.id.clone_from(id);
                }
                if let Some(model) = model {
                    self.model.clone_from(model);
                }
                self.created = created.unwrap_or(self.created);
            }
            StreamEvent::Served { service_tier, system_fingerprint } => {
                if service_tier.is_some() {
                    self.service_tier.clone_from(service_tier);
                }
                if system_fingerprint.is_some() {
                    self.system_fingerprint.clone_from(system_fingerprint);
                }
            }
            _ => {}
        }
    }
}
