// The bytes that the benchmark sends and expects. The upstream and the load generator both build them from this module,
// so every answer can be compared byte for byte without either process telling the other what it sent.
//
// No two requests are alike: every turn of a prompt carries the request's number, always twelve digits wide, which is
// written into a prebuilt buffer. The upstream puts it into its answer, so an answer that belongs to another request is
// noticed. Otherwise a gateway that remembers what it has seen (hashes, token counts, whole answers) would look cheaper
// than it is in life.

export const MODEL = "bench-model";
export const ANTHROPIC_MODEL = "bench-claude";
export const COUNTED_MODEL = "bench-counted";
const CREATED = 1767225600;
const WORDS = "the gateway reads one request and answers it from the nearest place that has room for it".split(" ");
const PLACE = "000000000000";
const TURN_BYTES = 2000;

/** A buffer with places for a request's number. */
export class Template {
  constructor(bytes) {
    this.bytes = Buffer.from(bytes);
    this.places = [];
    for (let at = this.bytes.indexOf(PLACE); at >= 0; at = this.bytes.indexOf(PLACE, at + PLACE.length))
      this.places.push(at);
  }

  /** A copy of its own, to be stamped. */
  copy() {
    return Buffer.from(this.bytes);
  }

  /** Writes the number into a copy. */
  stamp(copy, digits) {
    for (const at of this.places) digits.copy(copy, at);
    return copy;
  }

  /** The whole text with a number in it. */
  with(digits) {
    return this.stamp(this.copy(), digits);
  }
}

/** A request's number as it is written. */
export const digitsOf = (number) => Buffer.from(String(number).padStart(PLACE.length, "0"), "latin1");

const MARK = Buffer.from("Request ");

/** The number of a request from its body, wherever the gateway put the prompt; null if there is none. */
export function digitsIn(body) {
  const at = body.indexOf(MARK) + MARK.length;
  if (at < MARK.length || at + PLACE.length > body.length) return null;
  const digits = body.subarray(at, at + PLACE.length);
  return digits.every((byte) => byte >= 48 && byte <= 57) ? digits : null;
}

function prose(bytes) {
  let text = "";
  for (let i = 0; text.length < bytes; i++) text += WORDS[(i * 7) % WORDS.length] + (i % 16 === 15 ? ".\n" : " ");
  return text.slice(0, bytes);
}

/** The turns of a prompt of about `promptBytes`, as a client that resends its history would have them; an odd number. */
function turnsOf({ promptBytes, turns }) {
  const size = turns ? Math.ceil(promptBytes / turns) : TURN_BYTES;
  const contents = [];
  for (let left = promptBytes; left > 0; left -= size) {
    const head = `Request ${PLACE}, part ${contents.length + 1}. `;
    contents.push(head + prose(Math.max(0, Math.min(size, left) - head.length)));
  }
  if (contents.length % 2 === 0) contents.push(`Request ${PLACE}, go on.`);
  return contents;
}

/** A chat request: `promptBytes` of prompt, in `turns` turns if that is given; `usage` asks for a stream's usage. */
export function requestTemplate({ promptBytes, stream, usage, turns, model = MODEL }) {
  const messages = [{ role: "system", content: 'You are a terse assistant. Quote "exactly" and keep lines.\n' }];
  for (const content of turnsOf({ promptBytes, turns })) {
    messages.push({ role: messages.length % 2 ? "user" : "assistant", content });
  }
  const body = { model, messages, temperature: 0.7, max_tokens: 1024 };
  if (stream) body.stream = true;
  if (stream && usage) body.stream_options = { include_usage: true };
  return new Template(JSON.stringify(body));
}

/** What a body must contain, in this order, if a gateway serialises it again: every turn as a JSON string. */
export const turnTemplates = (request) => turnsOf(request).map((content) => new Template(JSON.stringify(content)));

const USAGE = { prompt_tokens: 250, completion_tokens: 180, total_tokens: 430 };

/** The upstream's unstreamed answer. */
export const completionText = new Template(`Answer ${PLACE}. ${prose(700)}`);

/** The upstream's whole answer when it does not stream: about 1 KB. */
export const completion = new Template(
  JSON.stringify({
    id: `chatcmpl-${PLACE}`,
    object: "chat.completion",
    created: CREATED,
    model: MODEL,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: completionText.bytes.toString(), refusal: null },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: USAGE,
    service_tier: "default",
    system_fingerprint: "fp_bench",
  }),
);

/** The text of a streamed answer of `chunks` chunks, piece by piece; the first piece has the request's number. */
function piecesOf(chunks) {
  return Array.from({ length: chunks }, (_, i) => ` ${i ? WORDS[i % WORDS.length] : PLACE}`);
}

export const streamText = (chunks) => new Template(piecesOf(chunks).join(""));

function chunkEvent(choices, extra) {
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
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function openaiEvents(chunks) {
  const choice = (delta, finish_reason = null) => [{ index: 0, delta, logprobs: null, finish_reason }];
  return {
    opening: [chunkEvent(choice({ role: "assistant", content: "", refusal: null }))],
    pieces: piecesOf(chunks).map((content) => chunkEvent(choice({ content }))),
    // What comes with `include_usage` is sent only when the request asks for it, as OpenAI does: a gateway that asks for
    // itself must take it out again.
    closing: [chunkEvent(choice({}, "stop")), "data: [DONE]\n\n"],
    usage: chunkEvent([], { usage: USAGE }),
  };
}

function anthropicEvents(chunks) {
  const event = (type, fields) => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
  const cached = { cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  const message = {
    id: "msg_bench",
    type: "message",
    role: "assistant",
    model: ANTHROPIC_MODEL,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: USAGE.prompt_tokens, ...cached, output_tokens: 1 },
  };
  return {
    opening: [
      event("message_start", { message }),
      event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
      event("ping", {}),
    ],
    pieces: piecesOf(chunks).map((text) =>
      event("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
    ),
    closing: [
      event("content_block_stop", { index: 0 }),
      event("message_delta", {
        delta: { stop_reason: "end_turn", stop_sequence: null },
        usage: { output_tokens: USAGE.completion_tokens },
      }),
      event("message_stop", {}),
    ],
  };
}

/**
 * The events of a streamed answer with `chunks` pieces of text, in the upstream's dialect: what opens it, the pieces (the
 * first has a place for the number), what closes it, and what reports the usage where that has to be asked for.
 */
export const streamEvents = (chunks, dialect) => (dialect === "anthropic" ? anthropicEvents : openaiEvents)(chunks);

/** What a caller must receive from a gateway that changes nothing, with usage if requested, and where each piece ends. */
export function expectedStream(chunks, dialect, asksUsage) {
  const { opening, pieces, closing, usage } = streamEvents(chunks, dialect);
  const ends = new Uint32Array(pieces.length);
  let at = Buffer.byteLength(opening.join(""));
  pieces.forEach((text, i) => (ends[i] = at += Buffer.byteLength(text)));
  const end = asksUsage && usage ? closing.toSpliced(-1, 0, usage) : closing;
  return { template: new Template([...opening, ...pieces, ...end].join("")), ends };
}
