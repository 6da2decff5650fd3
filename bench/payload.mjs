// The bytes that the benchmark sends and expects. The upstream and the load generator both build them from this module,
// so every answer can be compared byte for byte without either process telling the other what it sent.

export const MODEL = "bench-model";
const CREATED = 1767225600;
const WORDS = "the gateway reads one request and answers it from the nearest place that has room for it".split(" ");

function prose(bytes) {
  let text = "";
  for (let i = 0; text.length < bytes; i++) text += WORDS[(i * 7) % WORDS.length] + (i % 16 === 15 ? ".\n" : " ");
  return text.slice(0, bytes);
}

/** A chat request of about `promptBytes`, cut into turns as a client that resends its history would. */
export function requestBody({ promptBytes, stream }) {
  const turn = 2000;
  const messages = [{ role: "system", content: "You are a terse assistant. Quote \"exactly\" and keep lines.\n" }];
  for (let left = promptBytes; left > 0; left -= turn) {
    messages.push({ role: messages.length % 2 ? "user" : "assistant", content: prose(Math.min(turn, left)) });
  }
  if (messages.length % 2) messages.push({ role: "user", content: "Go on." });
  const body = { model: MODEL, messages, temperature: 0.7, max_tokens: 1024 };
  if (stream) body.stream = true;
  return Buffer.from(JSON.stringify(body));
}

const USAGE = { prompt_tokens: 250, completion_tokens: 180, total_tokens: 430 };

/** The upstream's whole answer when it does not stream: about 1 KB. */
export function completionBody() {
  return Buffer.from(JSON.stringify({
    id: "chatcmpl-bench",
    object: "chat.completion",
    created: CREATED,
    model: MODEL,
    choices: [{
      index: 0,
      message: { role: "assistant", content: prose(720), refusal: null },
      logprobs: null,
      finish_reason: "stop",
    }],
    usage: USAGE,
    service_tier: "default",
    system_fingerprint: "fp_bench",
  }));
}

function event(choices, extra) {
  const chunk = {
    id: "chatcmpl-bench",
    object: "chat.completion.chunk",
    created: CREATED,
    model: MODEL,
    service_tier: "default",
    system_fingerprint: "fp_bench",
    choices,
    ...extra,
  };
  return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
}

/** The events of a streamed answer with `chunks` chunks; the caller sees all of these, then `DONE_EVENT`. */
export function streamEvents(chunks) {
  const choice = (delta, finish_reason = null) => [{ index: 0, delta, logprobs: null, finish_reason }];
  const events = [event(choice({ role: "assistant", content: "", refusal: null }))];
  for (let i = 1; i < chunks - 1; i++) events.push(event(choice({ content: ` ${WORDS[i % WORDS.length]}` })));
  events.push(event(choice({}, "stop")));
  return events;
}

/** Sent only when the request asks for usage, as OpenAI does: a gateway that asks for itself must take it out again. */
export const USAGE_EVENT = event([], { usage: USAGE });
export const DONE_EVENT = Buffer.from("data: [DONE]\n\n");

/** What a caller that did not ask for usage must receive, and where each event ends in it. */
export function expectedStream(chunks) {
  const events = [...streamEvents(chunks), DONE_EVENT];
  const ends = new Uint32Array(events.length);
  let at = 0;
  events.forEach((bytes, i) => (ends[i] = at += bytes.length));
  return { body: Buffer.concat(events), ends };
}
