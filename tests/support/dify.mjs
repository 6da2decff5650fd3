// What a Dify chat application sends: https://docs.dify.ai/api-reference/chat/send-chat-message.
import { inPieces } from "./upstream.mjs";

const IDS = {
  task_id: "c3800678-a077-43df-a102-53f23ed20b88",
  message_id: "9da23599-e713-473b-982c-4328d4f5c78a",
  created_at: 1_705_395_332,
};

export const tokens = (prompt, completion) => ({
  prompt_tokens: prompt,
  prompt_unit_price: "0.001",
  prompt_price_unit: "0.001",
  prompt_price: "0.0001",
  completion_tokens: completion,
  completion_unit_price: "0.002",
  completion_price_unit: "0.001",
  completion_price: "0.0001",
  total_tokens: prompt + completion,
  total_price: "0.0002",
  currency: "USD",
  latency: 1.25,
});

export const event = (name, fields, conversation = "conv-1") =>
  `data: ${JSON.stringify({ event: name, conversation_id: conversation, ...IDS, ...fields })}\n\n`;

/** The events of an answer of a chat application. */
export function chatEvents(text, { conversation = "conv-1", usage = tokens(9, 4), size = 3, name = "message" } = {}) {
  return [
    "event: ping\n\n",
    ...inPieces(text, size).map((answer) =>
      event(name, { id: IDS.message_id, answer, from_variable_selector: null }, conversation),
    ),
    event(
      "message_end",
      { id: IDS.message_id, metadata: { usage, retriever_resources: [] }, files: null },
      conversation,
    ),
  ];
}

/** An answer in blocking mode. */
export const chatAnswer = (text, { conversation = "conv-1", usage = tokens(9, 4) } = {}) => ({
  event: "message",
  ...IDS,
  id: IDS.message_id,
  conversation_id: conversation,
  mode: "chat",
  answer: text,
  metadata: { usage, retriever_resources: [] },
});

/** Answers like Dify, streamed or not as requested. */
export const answersWith = (text, options) => (x) =>
  x.wantsStream ? x.stream(chatEvents(text, options)) : x.reply(200, chatAnswer(text, options));

export const errorBody = (status, code, message) => ({ code, message, status });
