// What the Gemini API sends: https://ai.google.dev/api/generate-content.
import { inPieces } from "./upstream.mjs";

export const tokens = (prompt, candidates, { thoughts, cached, ...rest } = {}) => ({
  promptTokenCount: prompt,
  candidatesTokenCount: candidates,
  totalTokenCount: prompt + candidates + (thoughts ?? 0),
  ...(cached === undefined
    ? {}
    : { cachedContentTokenCount: cached, cacheTokensDetails: [{ modality: "TEXT", tokenCount: cached }] }),
  promptTokensDetails: [{ modality: "TEXT", tokenCount: prompt }],
  ...(thoughts === undefined ? {} : { thoughtsTokenCount: thoughts }),
  ...rest,
});

/** A whole answer; `parts` is a text or a list of parts. */
export const generated = (model, parts, { finish = "STOP", usage = tokens(9, 4), candidate = {}, ...rest } = {}) => ({
  candidates: [
    {
      content: { parts: typeof parts === "string" ? [{ text: parts }] : parts, role: "model" },
      finishReason: finish,
      index: 0,
      ...candidate,
    },
  ],
  usageMetadata: usage,
  modelVersion: model,
  responseId: "respLoopback1",
  ...rest,
});

/** The service ends its lines in CR LF. */
export const event = (value) => `data: ${JSON.stringify(value)}\r\n\r\n`;

/** The chunks of a complete answer as a stream: text in pieces, each function call in one. */
export function chunksOf(whole, { size = 3 } = {}) {
  const { candidates, usageMetadata, ...rest } = whole;
  const { content, finishReason, ...candidate } = candidates[0];
  const pieces = content.parts.flatMap((part) => {
    if (part.text === undefined) return [part];
    const { text, thoughtSignature, ...kind } = part;
    const texts = inPieces(text, size).map((piece) => ({ ...kind, text: piece }));
    // The signature of a text comes with an empty part at its end.
    return thoughtSignature === undefined ? texts : [...texts, { ...kind, text: "", thoughtSignature }];
  });
  const early = { promptTokenCount: usageMetadata.promptTokenCount, totalTokenCount: usageMetadata.promptTokenCount };
  return pieces.map((part, i) => {
    const last = i === pieces.length - 1;
    return {
      candidates: [{ content: { parts: [part], role: "model" }, ...(last ? { finishReason } : {}), ...candidate }],
      usageMetadata: last ? usageMetadata : early,
      ...rest,
    };
  });
}

export const eventsOf = (whole, options) => chunksOf(whole, options).map(event);

/** Answers like Gemini, streamed or not as the URL says. */
export const answersWith =
  (whole, headers = {}) =>
  (x) =>
    x.wantsStream ? x.stream(eventsOf(whole), headers) : x.reply(200, whole, headers);

export const errorBody = (code, status, message, details) => ({
  error: { code, message, status, ...(details ? { details } : {}) },
});
