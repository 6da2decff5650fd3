//! Quirks: how a provider deviates from the dialect of its kind. Presets and the records of providers use the same names.
//!
//! Those that the codec of `OpenAI`-compatible services or the pipeline reads change what is sent. The others (from
//! [`Quirk::NeedsUser`] on) are recorded only: nothing depends on them yet.

use std::fmt;

use serde::{Serialize, Serializer};

/// A deviation from the dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// The text of an answer may be in a top-level field (`message`, `text`, `content`, `response`).
    OddReplies,
    /// Accepts marks up to which a prompt is cached (`cache_control`).
    CacheControl,
    /// Requires `max_completion_tokens` instead of `max_tokens`.
    MaxCompletionTokens,
    /// Accepts `max_tokens` only.
    MaxTokensOnly,
    /// Refuses `stream_options`; reports usage without it.
    NoStreamOptions,
    /// Has the Responses API itself, and is asked in it by callers of every dialect.
    Responses,
    /// A Dify completion app.
    DifyCompletion,
    /// A Dify workflow app.
    DifyWorkflow,
    /// Does not know the role `developer`.
    NoDeveloperRole,
    /// Requires the field `user`.
    NeedsUser,
    /// Stores the conversation itself.
    KeepsConversation,
    /// Does not support forcing a tool call.
    ToolChoiceAutoOnly,
    /// Supports JSON output, but no schema.
    NoJsonSchema,
    /// Writes its reasoning into the text, between `<think>` and `</think>`.
    ThinkTags,
    /// With [`Quirk::Responses`]: callers of Chat Completions pass through to Chat Completions, unless a model needs
    /// the Responses API.
    ChatPassthrough,
    /// Is trusted not to repeat its key in a stream: streams that need no change are piped by the platform, unread.
    DiscreetStreams,
    /// Is not asked for the usage of a stream whose caller does not ask for it: such a stream is passed on as it is, and its
    /// tokens are counted here. Requests that are paid for are asked for it all the same.
    CountedUsage,
    /// The account belongs to those who may use the provider: they may name whatever is in it.
    OwnAccount,
}

impl Quirk {
    /// Every quirk with its name in the admin API and in the database.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("odd_replies", Self::OddReplies),
        ("cache_control", Self::CacheControl),
        ("max_tokens_only", Self::MaxTokensOnly),
        ("max_completion_tokens", Self::MaxCompletionTokens),
        ("no_stream_options", Self::NoStreamOptions),
        ("responses", Self::Responses),
        ("dify_completion", Self::DifyCompletion),
        ("dify_workflow", Self::DifyWorkflow),
        ("no_developer_role", Self::NoDeveloperRole),
        ("needs_user", Self::NeedsUser),
        ("keeps_conversation", Self::KeepsConversation),
        ("tool_choice_auto_only", Self::ToolChoiceAutoOnly),
        ("no_json_schema", Self::NoJsonSchema),
        ("think_tags", Self::ThinkTags),
        ("chat_passthrough", Self::ChatPassthrough),
        ("discreet_streams", Self::DiscreetStreams),
        ("counted_usage", Self::CountedUsage),
        ("own_account", Self::OwnAccount),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, quirk)| *quirk == self).map_or("", |(name, _)| name)
    }

    /// The quirk of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, quirk)| *quirk)
    }
}

impl Serialize for Quirk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for Quirk {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quirk".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = Self::NAMES.iter().map(|(name, _)| *name).collect();
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}

/// The quirks of one provider.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks(u32);

impl Quirks {
    /// No deviation.
    pub const NONE: Self = Self(0);

    /// The quirks of a list of names separated by commas, as the database keeps it. A name that this version does not
    /// know is left out.
    #[must_use]
    pub fn read(names: &str) -> Self {
        names.split(',').filter_map(Quirk::named).collect()
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn has(self, quirk: Quirk) -> bool {
        self.0 & (1 << quirk as u32) != 0
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        Self(quirks.into_iter().fold(0, |set, quirk| set | 1 << quirk as u32))
    }
}

impl fmt::Debug for Quirks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Quirk::NAMES.iter().filter(|(_, quirk)| self.has(*quirk));
        formatter.debug_list().entries(set.map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_the_same() {
        for (name, quirk) in Quirk::NAMES {
            assert_eq!((quirk.name(), Quirk::named(name)), (*name, Some(*quirk)));
            let others = Quirk::NAMES.iter().filter(|(_, other)| other != quirk);
            let set = Quirks::read(&format!("unknown,{name}"));
            assert!(set.has(*quirk) && others.map(|(_, other)| other).all(|other| !set.has(*other)));
        }
        assert_eq!(Quirks::read(""), Quirks::NONE);
        assert_eq!(format!("{:?}", Quirks::read("think_tags")), r#"["think_tags"]"#);
    }
}
