//! A model of a preset.

use serde::Serialize;

/// A known model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(into = "PresetModelView")]
pub struct PresetModel {
    /// The provider's name of it.
    pub name: &'static str,
    /// Context length in tokens, prompt and answer together; `None`: unknown.
    pub context_length: Option<u32>,
    /// Most tokens of an answer; `None`: unknown, or only limited by the context.
    pub max_output: Option<u32>,
    /// Whether its provider advises against it.
    pub deprecated: bool,
    /// Whether it is gone, on a day that the sources do not tell.
    pub is_gone: bool,
    /// The first day on which it is gone, such as `2026-12-01`.
    pub retires: Option<&'static str>,
    /// The model of the same preset that takes its place.
    pub successor: Option<&'static str>,
    abilities: u8,
}

// The capabilities of a model, as bits of [`PresetModel::new`]'s last argument.
pub(super) const VISION: u8 = 1;
pub(super) const TOOLS: u8 = 1 << 1;
pub(super) const JSON_SCHEMA: u8 = 1 << 2;
pub(super) const REASONING: u8 = 1 << 3;
pub(super) const SLOW: u8 = 1 << 4;

impl PresetModel {
    pub(super) const fn new(name: &'static str, context_length: u32, abilities: u8) -> Self {
        let context_length = if context_length == 0 { None } else { Some(context_length) };
        Self {
            name,
            context_length,
            max_output: None,
            deprecated: false,
            is_gone: false,
            retires: None,
            successor: None,
            abilities,
        }
    }

    /// The same with a limit of its answers.
    pub(super) const fn output(self, tokens: u32) -> Self {
        Self { max_output: Some(tokens), ..self }
    }

    /// The same, gone from this day on.
    pub(super) const fn until(self, day: &'static str) -> Self {
        Self { retires: Some(day), ..self }
    }

    /// The same, gone since an unknown day.
    pub(super) const fn gone(self) -> Self {
        Self { is_gone: true, ..self }
    }

    /// The same, which its provider advises against.
    pub(super) const fn deprecated(self) -> Self {
        Self { deprecated: true, ..self }
    }

    /// The same, replaced by another.
    pub(super) const fn then(self, successor: &'static str) -> Self {
        Self { successor: Some(successor), ..self }
    }

    /// Whether it is gone on a day (`2026-12-01`).
    #[must_use]
    pub fn is_retired(&self, day: &str) -> bool {
        self.is_gone || self.retires.is_some_and(|retires| retires <= day)
    }

    fn can(self, ability: u8) -> bool {
        self.abilities & ability != 0
    }

    /// It accepts images.
    #[must_use]
    pub fn vision(self) -> bool {
        self.can(VISION)
    }

    /// It calls tools.
    #[must_use]
    pub fn tools(self) -> bool {
        self.can(TOOLS)
    }

    /// It answers by a JSON schema.
    #[must_use]
    pub fn json_schema(self) -> bool {
        self.can(JSON_SCHEMA)
    }

    /// It is a reasoning model.
    #[must_use]
    pub fn reasoning(self) -> bool {
        self.can(REASONING)
    }

    /// Its first byte may take minutes.
    #[must_use]
    pub fn slow(self) -> bool {
        self.can(SLOW)
    }
}

/// A model of a preset as the admin API shows it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "PresetModel"))]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the answer")]
struct PresetModelView {
    /// What the provider calls it.
    name: &'static str,
    /// Tokens of prompt and answer together that fit into a conversation, if that is known.
    context_length: Option<u32>,
    /// Most tokens of an answer; `null` if that is unknown or only limited by the context.
    max_output: Option<u32>,
    /// Whether it sees pictures.
    vision: bool,
    /// Whether it calls tools.
    tools: bool,
    /// Whether it answers in JSON of a given schema.
    json_schema: bool,
    /// Whether it reasons before it answers.
    reasoning: bool,
    /// Whether its first byte may take minutes.
    slow: bool,
    /// Whether its provider advises against it, though it still answers.
    deprecated: bool,
    /// The first day on which it is gone, such as `2026-12-01`; `null` if none is known.
    retires: Option<&'static str>,
    /// The model of the same preset that takes its place.
    successor: Option<&'static str>,
}

impl From<PresetModel> for PresetModelView {
    fn from(model: PresetModel) -> Self {
        Self {
            name: model.name,
            context_length: model.context_length,
            max_output: model.max_output,
            vision: model.vision(),
            tools: model.tools(),
            json_schema: model.json_schema(),
            reasoning: model.reasoning(),
            slow: model.slow(),
            deprecated: model.deprecated,
            retires: model.retires,
            successor: model.successor,
        }
    }
}
