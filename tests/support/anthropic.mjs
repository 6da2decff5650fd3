// What Anthropic's Messages API sends: https://platform.claude.com/docs/en/api/messages and
// https://platform.claude.com/docs/en/build-with-claude/streaming.
import { inPieces } from "./upstream.mjs";

export const tokens = (input, output, extra = {}) => ({
  input_tokens: input,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: output,
  service_tier: "standard",
  ...extra,
});

/** A whole answer; `content` is a text or a list of blocks. */
export const message = (
  model,
  content,
  { stop = "end_turn", sequence = null, usage = tokens(9, 4), ...rest } = {},
) => ({
  id: "msg_01Loopback",
  type: "message",
  role: "assistant",
  model,
  content: typeof content === "string" ? [{ type: "text", text: content }] : content,
  stop_reason: stop,
  stop_sequence: sequence,
  usage,
  ...rest,
});

export const named = (name, fields) => `event: ${name}\ndata: ${JSON.stringify({ type: name, ...fields })}\n\n`;

/** The events of a complete answer as a stream; text in pieces of `size` characters. */
export function messageEvents(whole, { size = 3 } = {}) {
  const { content, stop_reason, stop_sequence, usage, ...head } = whole;
  const events = [
    named("message_start", {
      message: { ...head, content: [], stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: 1 } },
    }),
  ];
  for (const [index, block] of content.entries()) {
    const { start, deltas } = blockEvents(block, size);
    events.push(named("content_block_start", { index, content_block: start }));
    if (index === 0) events.push(named("ping", {}));
    events.push(...deltas.map((delta) => named("content_block_delta", { index, delta })));
    events.push(named("content_block_stop", { index }));
  }
  events.push(
    named("message_delta", { delta: { stop_reason, stop_sequence }, usage: { output_tokens: usage.output_tokens } }),
  );
  events.push(named("message_stop", {}));
  return events;
}

function blockEvents(block, size) {
  const texts = (text, type, field) => inPieces(text, size).map((piece) => ({ type, [field]: piece }));
  switch (block.type) {
    case "text":
      return { start: { type: "text", text: "" }, deltas: texts(block.text, "text_delta", "text") };
    case "thinking": {
      const deltas = texts(block.thinking, "thinking_delta", "thinking");
      return {
        start: { type: "thinking", thinking: "", signature: "" },
        deltas: [...deltas, { type: "signature_delta", signature: block.signature }],
      };
    }
    case "tool_use": {
      const json = Object.keys(block.input).length === 0 ? "" : JSON.stringify(block.input);
      return {
        start: { ...block, input: {} },
        deltas: [{ type: "input_json_delta", partial_json: "" }, ...texts(json, "input_json_delta", "partial_json")],
      };
    }
    default:
      return { start: block, deltas: [] };
  }
}

/** Answers like Anthropic, streamed or not as requested. */
export const answersWith =
  (whole, headers = {}) =>
  (x) =>
    x.json().stream ? x.stream(messageEvents(whole), headers) : x.reply(200, whole, headers);

export const errorBody = (type, message) => ({
  type: "error",
  error: { type, message },
  request_id: "req_011Upstream",
});
