// What Cohere answers to /v2/chat: https://docs.cohere.com/v2/reference/chat.
import { inPieces } from "./upstream.mjs";

const ID = "c14c80c3-18eb-4519-9460-6c92edd8cfb4";

/** What is billed, and what the service adds to the prompt itself. */
export const tokens = (input, output) => ({
  billed_units: { input_tokens: input, output_tokens: output },
  tokens: { input_tokens: input + 200, output_tokens: output + 2 },
});

/** A whole answer; `message` is a text or the message's fields. */
export const chatted = (message, { finish = "COMPLETE", usage = tokens(9, 4) } = {}) => ({
  id: ID,
  message: {
    role: "assistant",
    ...(typeof message === "string" ? { content: [{ type: "text", text: message }] } : message),
  },
  finish_reason: finish,
  usage,
});

export const event = (type, fields) => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

const delta = (type, index, message) => event(type, { index, delta: { message } });

/** The same as the events of a stream. */
export function eventsOf({ id, message, finish_reason, usage }, size = 3) {
  const events = [
    event("message-start", {
      id,
      delta: { message: { role: "assistant", content: [], tool_plan: "", tool_calls: [], citations: [] } },
    }),
  ];
  for (const piece of inPieces(message.tool_plan ?? "", size))
    events.push(event("tool-plan-delta", { delta: { message: { tool_plan: piece } } }));
  for (const [index, { type, [type]: text }] of (message.content ?? []).entries()) {
    events.push(delta("content-start", index, { content: { type, [type]: "" } }));
    for (const piece of inPieces(text, size))
      events.push(delta("content-delta", index, { content: { [type]: piece } }));
    events.push(event("content-end", { index }));
  }
  for (const [
    index,
    {
      function: { name, arguments: args },
      ...call
    },
  ] of (message.tool_calls ?? []).entries()) {
    events.push(delta("tool-call-start", index, { tool_calls: { ...call, function: { name, arguments: "" } } }));
    for (const piece of inPieces(args, size))
      events.push(delta("tool-call-delta", index, { tool_calls: { function: { arguments: piece } } }));
    events.push(event("tool-call-end", { index }));
  }
  for (const [index, citation] of (message.citations ?? []).entries()) {
    events.push(delta("citation-start", index, { citations: citation }), event("citation-end", { index }));
  }
  return [...events, event("message-end", { id, delta: { finish_reason, usage } })];
}

/** Answers like Cohere, streamed or not as the body says. */
export const answersWith = (whole) => (x) => (x.json().stream ? x.stream(eventsOf(whole)) : x.reply(200, whole));
