// What OpenAI's own Responses API sends: https://platform.openai.com/docs/api-reference/responses.
import { inPieces } from "./upstream.mjs";

let made = 0;

/** A whole response with one message, and the items of `before` in front of it. */
export function response(
  text,
  {
    before = [],
    status = "completed",
    usage = {
      input_tokens: 120,
      input_tokens_details: { cached_tokens: 80 },
      output_tokens: 5,
      output_tokens_details: { reasoning_tokens: 2 },
      total_tokens: 125,
    },
    ...rest
  } = {},
) {
  const id = `resp_upstream_${++made}`;
  const message = {
    type: "message",
    id: `msg_${made}`,
    status: "completed",
    role: "assistant",
    content: [{ type: "output_text", text, annotations: [], logprobs: [] }],
  };
  return {
    id,
    object: "response",
    created_at: 1_700_000_000,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    model: "gpt-5.6-2026",
    output: status === "completed" ? [...before, message] : [],
    usage: status === "completed" ? usage : null,
    ...rest,
  };
}

/** Its events as a stream. */
export function eventsOf(whole) {
  const events = [];
  const say = (type, fields) =>
    events.push(`event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: events.length, ...fields })}\n\n`);
  const begun = { ...whole, status: "in_progress", output: [], usage: null };
  say("response.created", { response: begun });
  say("response.in_progress", { response: begun });
  for (const [output_index, item] of whole.output.entries()) {
    const isCall = item.type === "function_call";
    const summary = item.summary ?? [];
    say("response.output_item.added", {
      output_index,
      item: {
        ...item,
        status: "in_progress",
        content: item.content && [],
        ...(isCall ? { arguments: "" } : {}),
        ...(item.summary ? { summary: [] } : {}),
      },
    });
    for (const [summary_index, part] of summary.entries()) {
      const at = { item_id: item.id, output_index, summary_index };
      say("response.reasoning_summary_part.added", { ...at, part: { type: "summary_text", text: "" } });
      for (const delta of inPieces(part.text, 3)) say("response.reasoning_summary_text.delta", { ...at, delta });
      say("response.reasoning_summary_text.done", { ...at, text: part.text });
      say("response.reasoning_summary_part.done", { ...at, part });
    }
    if (isCall) {
      const at = { item_id: item.id, output_index };
      for (const delta of inPieces(item.arguments, 3)) say("response.function_call_arguments.delta", { ...at, delta });
      say("response.function_call_arguments.done", { ...at, arguments: item.arguments });
    }
    if (item.type === "message") {
      const at = { item_id: item.id, output_index, content_index: 0 };
      say("response.content_part.added", { ...at, part: { type: "output_text", text: "", annotations: [] } });
      for (const delta of inPieces(item.content[0].text, 3))
        say("response.output_text.delta", { ...at, delta, logprobs: [], obfuscation: "xyz" });
      say("response.output_text.done", { ...at, text: item.content[0].text, logprobs: [] });
      say("response.content_part.done", { ...at, part: item.content[0] });
    }
    say("response.output_item.done", { output_index, item });
  }
  say("response.completed", { response: whole });
  return events;
}

/** Answers like OpenAI, streamed or not as requested. */
export const answersWith = (whole) => (x) => (x.json().stream ? x.stream(eventsOf(whole)) : x.reply(200, whole));
