// Checks answers. `ByteCheck` expects exactly the bytes that the upstream sent; `ContentCheck` is for
// contestants that serialise the answer again (or translate it): the text, piece by piece, and a proper end.
//
// One check serves one connection, answer after answer: begin(digits), feed(bytes) → pieces of text so far, end(); what is
// wrong is thrown.
import { completion, completionText, expectedStream, streamText } from "./payload.mjs";

/**
 * @param {{chunks?: number, dialect: string, answer: "bytes" | "content", request: {usage?: boolean}}} job `chunks` where the
 *   answer is streamed
 */
export function answerCheck({ chunks, dialect, answer, request }) {
  if (answer === "content") {
    if (chunks) {
      const text = streamText(chunks);
      return () => new ContentStreamCheck(text, chunks, request.usage);
    }
    return () => new ContentCheck();
  }
  const expected = chunks
    ? expectedStream(chunks, dialect, request.usage)
    : { template: completion, ends: new Uint32Array() };
  return () => new ByteCheck(expected);
}

class ByteCheck {
  constructor({ template, ends }) {
    this.template = template;
    this.ends = ends;
    this.expected = template.copy();
  }

  begin(digits) {
    this.template.stamp(this.expected, digits);
    this.at = 0;
    this.pieces = 0;
  }

  feed(bytes) {
    const { expected } = this;
    const to = this.at + bytes.length;
    if (to > expected.length || expected.compare(bytes, 0, bytes.length, this.at, to) !== 0) {
      let same = 0;
      while (same < bytes.length && bytes[same] === expected[this.at + same]) same++;
      const at = this.at + same;
      const [wanted, got] = [excerpt(expected, at), excerpt(bytes, same)].map((text) => JSON.stringify(text));
      throw new Error(`wrong bytes at ${at} of ${expected.length}:\n  expected ${wanted}\n  received ${got}`);
    }
    this.at = to;
    while (this.pieces < this.ends.length && this.ends[this.pieces] <= to) this.pieces++;
    return this.pieces;
  }

  end() {
    if (this.at !== this.expected.length) throw new Error(`the answer ended early: ${this.progress()}`);
  }

  progress() {
    return `${this.at} of ${this.expected.length} bytes (${this.pieces} of ${this.ends.length} chunks)`;
  }
}

class ContentCheck {
  begin(digits) {
    this.digits = digits;
    this.parts = [];
  }

  feed(bytes) {
    this.parts.push(Buffer.from(bytes));
    return 0;
  }

  end() {
    const text = Buffer.concat(this.parts).toString();
    const { choices, usage } = JSON.parse(text);
    const wanted = completionText.with(this.digits).toString();
    if (choices[0].message.content !== wanted || !(usage.total_tokens > 0))
      throw new Error(`wrong answer: ${text.slice(0, 800)}`);
  }

  progress() {
    return `${this.parts.reduce((sum, { length }) => sum + length, 0)} bytes`;
  }
}

const EVENT_END = Buffer.from("\n\n");

class ContentStreamCheck {
  constructor(text, chunks, asksUsage) {
    this.template = text;
    this.chunks = chunks;
    this.asksUsage = asksUsage;
  }

  begin(digits) {
    this.wanted = this.template.with(digits).toString();
    this.at = 0;
    this.pieces = 0;
    this.finish = null;
    this.usage = null;
    this.done = false;
    this.rest = null;
  }

  feed(bytes) {
    const all = this.rest ? Buffer.concat([this.rest, bytes]) : bytes;
    let from = 0;
    for (let end = all.indexOf(EVENT_END); end >= 0; end = all.indexOf(EVENT_END, from)) {
      if (end > from) this.#event(all.utf8Slice(from, end));
      from = end + EVENT_END.length;
    }
    this.rest = from < all.length ? Buffer.from(all.subarray(from)) : null;
    return this.pieces;
  }

  #event(text) {
    if (!text.startsWith("data:")) {
      if (text.startsWith(":")) return;
      throw new Error(`not an event of this API: ${JSON.stringify(text.slice(0, 300))}`);
    }
    const data = text.slice(5).trim();
    if (data === "[DONE]") {
      this.done = true;
      return;
    }
    const { choices, error, usage } = JSON.parse(data);
    if (error) throw new Error(`an error in the stream: ${data}`);
    if (usage) this.usage = usage;
    const [choice] = choices;
    if (choice?.finish_reason) this.finish = choice.finish_reason;
    const content = choice?.delta?.content;
    if (!content) return;
    if (!this.wanted.startsWith(content, this.at)) {
      throw new Error(`wrong text after ${this.progress()}: ${JSON.stringify(content.slice(0, 200))}`);
    }
    this.at += content.length;
    this.pieces++;
  }

  end() {
    const { at, wanted, pieces, chunks, finish, done } = this;
    if (at !== wanted.length || pieces !== chunks || finish !== "stop" || !done) {
      throw new Error(`the stream ended wrongly after ${this.progress()}: finish_reason ${finish}, [DONE] ${done}`);
    }
    if (this.asksUsage && !(this.usage?.total_tokens > 0)) throw new Error("the caller asked for usage, and got none");
  }

  progress() {
    return `${this.at} of ${this.wanted.length} characters (${this.pieces} of ${this.chunks} chunks)`;
  }
}

export const excerpt = (bytes, from, length = 160) => bytes.subarray(from, from + length).toString("latin1");
