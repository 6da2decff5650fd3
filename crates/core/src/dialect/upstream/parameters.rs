//! The optional parameters that a request sets, under `OpenAI`'s names.

use crate::dialect::canonical::{ChatRequest, Reasoning, ResponseFormat, ToolChoice};

/// The optional parameters that are set to something other than the common default. Messages, tools and `extra` are
/// not among them.
pub fn set_parameters(request: &ChatRequest) -> Vec<&'static str> {
    let sampling = &request.sampling;
    let choice = &request.tool_choice;
    [
        ("temperature", sampling.temperature.is_some()),
        ("top_p", sampling.top_p.is_some()),
        ("top_k", sampling.top_k.is_some()),
        ("seed", sampling.seed.is_some()),
        ("frequency_penalty", sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("presence_penalty", sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("logprobs", sampling.logprobs == Some(true)),
        ("top_logprobs", sampling.top_logprobs.is_some()),
        ("n", sampling.n.is_some_and(|n| n != 1)),
        ("stop", !sampling.stop.is_empty()),
        ("tool_choice", choice.as_ref().is_some_and(|choice| *choice != ToolChoice::Auto)),
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
        (
            "response_format",
            request.response_format.as_ref().is_some_and(|format| *format != ResponseFormat::Text),
        ),
        ("max_tokens", request.max_tokens.is_some()),
        ("user", request.user.is_some()),
        ("metadata", request.metadata.is_some()),
        ("service_tier", request.service_tier.as_deref().is_some_and(|tier| tier != "auto")),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("audio", request.audio.is_some()),
        ("reasoning_effort", request.reasoning.as_ref().is_some_and(|reasoning| reasoning.effort.is_some())),
        ("reasoning", request.reasoning.as_ref().is_some_and(is_set_otherwise)),
    ]
    .into_iter()
    .filter_map(|(name, is_set)| is_set.then_some(name))
    .collect()
}

fn is_set_otherwise(reasoning: &Reasoning) -> bool {
    let Reasoning { effort: _, budget_tokens, adaptive, include, summary } = reasoning;
    budget_tokens.is_some() || *adaptive || include.is_some() || summary.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::Sampling;

    #[test]
    fn what_changes_nothing_is_not_set() {
        let request = ChatRequest {
            sampling: Sampling { n: Some(1), logprobs: Some(false), ..Sampling::default() },
            tool_choice: Some(ToolChoice::Auto),
            response_format: Some(ResponseFormat::Text),
            parallel_tool_calls: Some(true),
            ..ChatRequest::default()
        };
        assert!(set_parameters(&request).is_empty());
        let request = ChatRequest {
            sampling: Sampling { n: Some(2), seed: Some(1), ..Sampling::default() },
            user: Some("u".into()),
            ..ChatRequest::default()
        };
        assert_eq!(set_parameters(&request), ["seed", "n", "user"]);
    }
}
