//! One consistent usage from the numbers of an answer.
//!
//! Vendors disagree on whether a part (cached, reasoning, audio) is included in the whole. The table knows it for most
//! names; for the rest the total is the witness, and a part that exceeds its whole cannot be included in it.

use super::table::Says;
use crate::tokens::TokenUsage;

/// The usage that the numbers amount to, not yet clamped. `said`: the number that says this, if there is one.
pub(super) fn settled(said: impl Fn(Says) -> Option<u64>) -> TokenUsage {
    let count = |says| said(says).unwrap_or(0);

    let within = (count(Says::Cached), count(Says::Written));
    let beside = (count(Says::CachedBeside), count(Says::WrittenBeside));
    let pick = |within: u64, beside: u64| if within > 0 { within } else { beside };
    let by_lifetime = count(Says::WrittenShort).saturating_add(count(Says::WrittenLong));
    let cached = pick(within.0, beside.0);
    let written = pick(within.1, beside.1).max(by_lifetime);

    // What is charged leaves out what the service puts before a prompt, and that is cached first.
    let billed = said(Says::Billed).filter(|billed| *billed > 0);
    let free = billed.map_or(0, |billed| count(Says::Prompt).saturating_sub(billed));
    let cached = cached.saturating_sub(free);
    let whole = billed.or(said(Says::Prompt).filter(|prompt| *prompt > 0));
    let prompt = whole.or_else(|| {
        let input = said(Says::Input)?;
        let is_beside = within == (0, 0) && beside != (0, 0);
        Some(if is_beside { input.saturating_add(cached).saturating_add(written) } else { input })
    });
    let prompt = prompt.map(|prompt| prompt.saturating_add(count(Says::InputBeside)));

    let thoughts = count(Says::ReasoningBeside);
    let completion = said(Says::Completion).map(|completion| completion.saturating_add(thoughts));
    let stated = count(Says::Reasoning);
    let loose = count(Says::ReasoningLoose);
    let reasoning = [thoughts, stated, loose].into_iter().find(|part| *part > 0).unwrap_or(0);
    let total = count(Says::Total);

    let is_only_total = prompt.unwrap_or(0) == 0 && completion.unwrap_or(0) == 0 && total > 0;
    let (prompt, completion) = match (prompt.unwrap_or(0), completion.unwrap_or(0)) {
        (prompt, 0) => (prompt, total.saturating_sub(prompt).max(thoughts)),
        (0, completion) => (total.saturating_sub(completion), completion),
        both => both,
    };
    let mut usage = TokenUsage {
        prompt,
        completion,
        cached,
        cache_written: written,
        cache_written_1h: count(Says::WrittenLong),
        reasoning,
        audio_prompt: count(Says::AudioPrompt),
        audio_completion: count(Says::AudioCompletion),
        audio_cached: count(Says::AudioCached),
        image_prompt: count(Says::ImagePrompt),
        image_completion: count(Says::ImageCompletion),
        is_only_total,
        ..TokenUsage::default()
    };
    // What the service adds up itself beside thoughts needs no witness.
    let is_part = thoughts == 0;
    add_what_the_total_shows(&mut usage, total, is_part, count(Says::AudioSeconds) > 0);
    if billed.is_none() {
        add_what_cannot_be_part(&mut usage, total, within != (0, 0), is_part && stated > 0);
    }
    usage
}

/// A total above prompt and answer includes something that neither does.
fn add_what_the_total_shows(usage: &mut TokenUsage, total: u64, is_part: bool, has_audio: bool) {
    let spare = total.saturating_sub(usage.total());
    if spare == 0 {
        return;
    }
    let reasoning = if is_part { usage.reasoning } else { 0 };
    let cache = usage.cached.saturating_add(usage.cache_written);
    if has_audio {
        usage.prompt = usage.prompt.saturating_add(spare);
        usage.audio_prompt = usage.audio_prompt.max(spare);
    } else if spare == reasoning {
        usage.completion = usage.completion.saturating_add(spare);
    } else if [cache, usage.cached, usage.cache_written].contains(&spare) {
        usage.prompt = usage.prompt.saturating_add(spare);
    } else if spare == cache.saturating_add(reasoning) {
        usage.prompt = usage.prompt.saturating_add(cache);
        usage.completion = usage.completion.saturating_add(reasoning);
    } else if usage.reasoning == 0 {
        // Thoughts that are not named otherwise (Gemini in the shape of Chat Completions).
        usage.completion = usage.completion.saturating_add(spare);
    }
}

/// A part above its whole was counted beside it. But a detail is merely too high if the total agrees without it (xAI
/// counts what it adds to a prompt as cached; `OpenRouter` what is read and stored again as both).
fn add_what_cannot_be_part(usage: &mut TokenUsage, total: u64, is_cache_detail: bool, is_detail: bool) {
    let is_whole = total == usage.total();
    if is_cache_detail && is_whole {
        // Clamped later.
    } else if usage.cached > usage.prompt {
        let cache = usage.cached.saturating_add(usage.cache_written);
        usage.prompt = usage.prompt.saturating_add(cache);
    } else if usage.cached.saturating_add(usage.cache_written) > usage.prompt {
        usage.prompt = usage.prompt.saturating_add(usage.cache_written);
    }
    if usage.reasoning > usage.completion && !(is_detail && is_whole) {
        usage.completion = usage.completion.saturating_add(usage.reasoning);
    }
    if usage.audio_prompt > usage.prompt && !is_whole {
        usage.prompt = usage.prompt.saturating_add(usage.audio_prompt);
    }
    if usage.audio_completion > usage.completion && !is_whole {
        usage.completion = usage.completion.saturating_add(usage.audio_completion);
    }
}

/// Billed are all iterations; the top of the object leaves compactions out. The list is complete, but it is not relied
/// on to be.
pub(super) fn with_iterations(top: TokenUsage, all: &TokenUsage, compactions: &TokenUsage) -> TokenUsage {
    let mut sum = top;
    accumulate(&mut sum, compactions);
    let mut usage = if all.total() >= sum.total() { *all } else { sum };
    usage.reasoning = usage.reasoning.max(top.reasoning);
    usage
}

/// Adds the counts of one run of the model.
pub(super) fn accumulate(sum: &mut TokenUsage, usage: &TokenUsage) {
    for (held, more) in [
        (&mut sum.prompt, usage.prompt),
        (&mut sum.completion, usage.completion),
        (&mut sum.cached, usage.cached),
        (&mut sum.cache_written, usage.cache_written),
        (&mut sum.cache_written_1h, usage.cache_written_1h),
        (&mut sum.reasoning, usage.reasoning),
    ] {
        *held = held.saturating_add(more);
    }
}
