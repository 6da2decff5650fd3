//! Thinking parameters (<https://platform.claude.com/docs/en/build-with-claude/extended-thinking>,
//! <https://platform.claude.com/docs/en/build-with-claude/effort>).
//!
//! There are three forms: a budget of tokens, a level of effort, and adaptive. A model accepts some of them; the
//! others are translated. Effort alone enables thinking, as in the dialects that have nothing else.

use serde::Serialize;
use serde_json::value::RawValue;

use super::fields::{self, Path};
use super::model_rules::{ModelRules, ThinkingForm};
use crate::dialect::canonical::Reasoning;
use crate::dialect::upstream::constraints::efforts;
use crate::error::ApiError;
use crate::json::error::invalid_value;

/// The smallest budget that the API accepts.
pub const MIN_BUDGET: u64 = 1024;

/// Tokens for the answer in addition to a budget, if the caller set no limit.
const ROOM_FOR_ANSWER: u64 = 8192;

/// `thinking`
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Thinking {
    Enabled {
        budget_tokens: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
    Adaptive {
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
    Disabled,
}

impl Thinking {
    /// Whether the model will, or may, think.
    pub fn is_on(&self) -> bool {
        !matches!(self, Self::Disabled)
    }
}

/// The thinking parameters of a request, and the limit on tokens that includes them.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    pub thinking: Option<Thinking>,
    pub effort: Option<&'static str>,
    pub max_tokens: u64,
}

/// What in the rest of the request excludes thinking.
#[derive(Debug, Clone, Copy, Default)]
pub struct Obstacles {
    /// A tool call is required.
    pub forced_tool: bool,
    /// The conversation is in the middle of a round of tool calls that began without a thinking block.
    pub thoughtless_tool_calls: bool,
}

/// Converts `thinking` to the canonical form.
pub fn read(value: &RawValue, path: Path<'_>, reasoning: &mut Reasoning) -> Result<(), ApiError> {
    let object = fields::object(value, path)?;
    let form = fields::required(&object, "type", path, fields::string)?;
    match form.as_str() {
        "enabled" => {
            let budget = fields::required(&object, "budget_tokens", path, fields::integer)?;
            if budget == 0 {
                return Err(invalid_value(path.field("budget_tokens"), "must be at least 1024"));
            }
            reasoning.budget_tokens = Some(budget);
        }
        // The model decides in both; between tool calls only, in the second.
        "adaptive" | "between_tools" => reasoning.adaptive = true,
        "disabled" => reasoning.budget_tokens = Some(0),
        _ => {
            return Err(invalid_value(
                path.field("type"),
                "must be `enabled`, `adaptive`, `between_tools` or `disabled`",
            ));
        }
    }
    if let Some(display) = fields::optional(&object, "display", path, fields::string)? {
        reasoning.include = Some(display != "omitted");
    }
    Ok(())
}

/// Chooses the thinking parameters for a model.
pub fn plan(
    reasoning: Option<&Reasoning>,
    max_tokens: Option<u64>,
    rules: ModelRules,
    obstacles: Obstacles,
    dropped: &mut Vec<String>,
) -> Plan {
    let mut plan =
        Plan { thinking: None, effort: None, max_tokens: max_tokens.unwrap_or(rules.default_max_tokens) };
    let Some(reasoning) = reasoning else { return plan };
    let effort = reasoning.effort.as_deref().filter(|effort| *effort != "none");
    let is_off = reasoning.budget_tokens == Some(0)
        || (reasoning.effort.as_deref() == Some("none") && reasoning.budget_tokens.is_none());
    plan.effort = effort.and_then(|effort| level(effort, rules));
    if is_off && rules.always_thinks {
        // The least there is.
        plan.effort = level("low", rules);
        dropped.push("thinking".to_owned());
        return plan;
    }
    if is_off {
        // Newer models refuse the highest efforts without thinking.
        plan.effort =
            plan.effort.map(|effort| if matches!(effort, "xhigh" | "max") { "high" } else { effort });
        plan.thinking = (rules.thinking != ThinkingForm::None).then_some(Thinking::Disabled);
        return plan;
    }
    let budget = reasoning.budget_tokens;
    if effort.is_none() && budget.is_none() && !reasoning.adaptive {
        return plan;
    }
    // The parameter to report if it cannot be expressed.
    let name = if effort.is_some() { "reasoning_effort" } else { "thinking" };
    let display = reasoning
        .include
        .or(reasoning.summary.as_ref().map(|_| true))
        .filter(|_| rules.display)
        .map(|include| if include { "summarized" } else { "omitted" });
    let adapts = matches!(rules.thinking, ThinkingForm::Adaptive)
        || (rules.thinking == ThinkingForm::BudgetOrAdaptive && budget.is_none());
    let needs_thoughts = obstacles.thoughtless_tool_calls && !adapts;
    if rules.thinking == ThinkingForm::None || obstacles.forced_tool || needs_thoughts {
        dropped.push(name.to_owned());
        return plan;
    }
    if adapts {
        if let Some(budget) = budget {
            plan.effort = plan.effort.or_else(|| level(effort_of(budget), rules));
            dropped.push("thinking.budget_tokens".to_owned());
        } else if effort.is_some() && plan.effort.is_none() {
            dropped.push(name.to_owned());
        }
        plan.thinking = Some(Thinking::Adaptive { display });
        return plan;
    }
    let wanted = budget.unwrap_or_else(|| budget_of(effort.unwrap_or("medium")));
    match fit(wanted, max_tokens, rules) {
        Some((budget_tokens, max_tokens)) => {
            if budget.is_some_and(|budget| budget != budget_tokens) {
                dropped.push("thinking.budget_tokens".to_owned());
            }
            plan.max_tokens = max_tokens;
            plan.thinking = Some(Thinking::Enabled { budget_tokens, display });
        }
        None => dropped.push(name.to_owned()),
    }
    plan
}

/// A budget, and a limit above it. The caller's limit takes precedence, because it bounds the cost: a budget that
/// does not fit leaves a quarter for the answer. `None` if the limit leaves no room for thinking.
fn fit(wanted: u64, max_tokens: Option<u64>, rules: ModelRules) -> Option<(u64, u64)> {
    let wanted = wanted.max(MIN_BUDGET);
    match max_tokens {
        None => Some((wanted, rules.default_max_tokens.max(wanted.saturating_add(ROOM_FOR_ANSWER)))),
        Some(limit) if wanted < limit => Some((wanted, limit)),
        Some(limit) if limit > MIN_BUDGET => Some(((limit / 4 * 3).max(MIN_BUDGET), limit)),
        Some(_) => None,
    }
}

/// The model's level for an effort: the same, or the nearest.
fn level(effort: &str, rules: ModelRules) -> Option<&'static str> {
    efforts::nearest(effort, rules.efforts)
}

/// The budget of an effort.
fn budget_of(effort: &str) -> u64 {
    match effort {
        "minimal" => MIN_BUDGET,
        "low" => 2048,
        "high" => 16_384,
        "xhigh" | "max" => 24_576,
        _ => 8192,
    }
}

/// The effort of a budget.
fn effort_of(budget: u64) -> &'static str {
    match budget {
        0..=2048 => "low",
        2049..=8192 => "medium",
        8193..=20_000 => "high",
        _ => "xhigh",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "claude-sonnet-4-5";
    const BOTH: &str = "claude-opus-4-6";
    const NEW: &str = "claude-opus-4-7";

    fn effort(effort: &str) -> Reasoning {
        Reasoning { effort: Some(effort.into()), ..Reasoning::default() }
    }

    fn budget(tokens: u64) -> Reasoning {
        Reasoning { budget_tokens: Some(tokens), ..Reasoning::default() }
    }

    fn planned(reasoning: &Reasoning, max_tokens: Option<u64>, model: &str) -> (Plan, Vec<String>) {
        let mut dropped = Vec::new();
        let rules = ModelRules::of(model);
        let plan = plan(Some(reasoning), max_tokens, rules, Obstacles::default(), &mut dropped);
        (plan, dropped)
    }

    fn enabled(budget_tokens: u64) -> Thinking {
        Thinking::Enabled { budget_tokens, display: None }
    }

    const ADAPTIVE: Option<Thinking> = Some(Thinking::Adaptive { display: None });

    #[test]
    fn effort_becomes_a_budget_or_a_level() {
        let (plan, dropped) = planned(&effort("low"), None, OLD);
        assert_eq!((plan.thinking, plan.effort, plan.max_tokens), (Some(enabled(2048)), None, 32_000));
        assert!(dropped.is_empty());
        for model in [BOTH, NEW] {
            let (plan, dropped) = planned(&effort("minimal"), Some(100), model);
            assert_eq!((plan.thinking, plan.effort, plan.max_tokens), (ADAPTIVE, Some("low"), 100));
            assert!(dropped.is_empty());
        }
        assert_eq!(planned(&effort("xhigh"), None, BOTH).0.effort, Some("high"));
        assert_eq!(planned(&effort("xhigh"), None, NEW).0.effort, Some("xhigh"));
        assert_eq!(planned(&effort("odd"), None, NEW).1, ["reasoning_effort"]);
    }

    #[test]
    fn a_budget_fits_under_the_limit_or_is_given_up() {
        assert_eq!(planned(&budget(5000), Some(6000), OLD).0.thinking, Some(enabled(5000)));
        let (plan, dropped) = planned(&budget(5000), Some(4000), OLD);
        assert_eq!((plan.thinking, plan.max_tokens), (Some(enabled(3000)), 4000));
        assert_eq!(dropped, ["thinking.budget_tokens"]);
        let (plan, dropped) = planned(&effort("high"), Some(1024), OLD);
        assert_eq!((plan.thinking, dropped), (None, vec!["reasoning_effort".to_owned()]));
        assert_eq!(planned(&effort("high"), Some(4000), OLD).1, Vec::<String>::new());
        assert_eq!(planned(&budget(60_000), None, OLD).0.max_tokens, 68_192);
        assert_eq!(planned(&budget(5), None, OLD).0.thinking, Some(enabled(1024)));
    }

    #[test]
    fn a_budget_becomes_a_level_where_budgets_are_refused() {
        let (plan, dropped) = planned(&budget(5000), Some(100), NEW);
        assert_eq!((plan.thinking, plan.effort), (ADAPTIVE, Some("medium")));
        assert_eq!(dropped, ["thinking.budget_tokens"]);
        assert_eq!(planned(&budget(5000), None, BOTH).0.thinking, Some(enabled(5000)));
    }

    #[test]
    fn thinking_is_switched_off_in_words() {
        for off in [budget(0), effort("none")] {
            assert_eq!(planned(&off, None, NEW).0.thinking, Some(Thinking::Disabled));
        }
        assert_eq!(planned(&budget(0), None, "claude-3-haiku").0.thinking, None);
        assert_eq!(planned(&effort("low"), None, "claude-3-haiku").1, ["reasoning_effort"]);
        assert_eq!(planned(&Reasoning::default(), None, NEW).0.thinking, None);
    }

    #[test]
    fn thinking_gives_way_to_a_forced_tool_and_to_a_round_without_thoughts() {
        for (obstacles, model, gives_way) in [
            (Obstacles { forced_tool: true, ..Obstacles::default() }, NEW, true),
            (Obstacles { thoughtless_tool_calls: true, ..Obstacles::default() }, OLD, true),
            (Obstacles { thoughtless_tool_calls: true, ..Obstacles::default() }, NEW, false),
        ] {
            let mut dropped = Vec::new();
            let plan = plan(Some(&effort("high")), None, ModelRules::of(model), obstacles, &mut dropped);
            assert_eq!((plan.thinking.is_none(), !dropped.is_empty()), (gives_way, gives_way));
        }
    }

    #[test]
    fn some_models_cannot_stop_thinking() {
        let (plan, dropped) = planned(&budget(0), None, "claude-mythos-5");
        assert_eq!((plan.thinking, plan.effort, dropped), (None, Some("low"), vec!["thinking".to_owned()]));
        let capped = Reasoning { budget_tokens: Some(0), ..effort("max") };
        assert_eq!(planned(&capped, None, "claude-opus-5").0.effort, Some("high"));
    }

    #[test]
    fn whether_thoughts_are_shown() {
        let shown = Reasoning { include: Some(false), adaptive: true, ..Reasoning::default() };
        let omitted = Some(Thinking::Adaptive { display: Some("omitted") });
        assert_eq!(planned(&shown, None, NEW).0.thinking, omitted);
        let summary = Reasoning { summary: Some("auto".into()), ..effort("low") };
        let summarized = Some(Thinking::Adaptive { display: Some("summarized") });
        assert_eq!(planned(&summary, None, NEW).0.thinking, summarized);
    }
}
