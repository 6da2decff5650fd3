// Proves that an answer does not wait for a slow database: a history that the isolate does not know is looked up there, and an
// answer that begins first leaves without the name of its conversation, which its record has nevertheless.
import assert from "node:assert/strict";
import { suite, test } from "../support/suite.mjs";
import { answersWith, completion, delay, streamEvents, usage } from "../support/upstream.mjs";
import { bearer, eventually, send } from "../support/util.mjs";

/** Milliseconds that the database takes for a look-up: far more than an answer waits, and less than after it is given up. */
const SLOW_MS = 1_000;

// The twin's look-ups of conversations are slow, as where the database is far away.
const entry = `
import { WorkerEntrypoint } from "cloudflare:workers";
import Original from "./index.js";
export * from "./index.js";

function stand(target, name, replace) {
  return new Proxy(target, {
    get(_, property) {
      const value = Reflect.get(target, property, target);
      if (typeof value !== "function" || property === "constructor") return value;
      return property === name ? (...args) => replace(value.bind(target), ...args) : value.bind(target);
    },
  });
}

const later = (call, ...args) => new Promise((resolve) => setTimeout(resolve, ${SLOW_MS})).then(() => call(...args));
const slowly = (statement) => stand(statement, "bind", (call, ...args) => stand(call(...args), "all", later));
const slow = (database) =>
  stand(database, "prepare", (call, sql) => (/FROM conversations/.test(sql) ? slowly(call(sql)) : call(sql)));

export default class extends WorkerEntrypoint {
  fetch(request) {
    const env = request.headers.has("x-slow-database") ? { ...this.env, DB: slow(this.env.DB) } : this.env;
    return new Original(this.ctx, env).fetch(request);
  }
  queue(batch) {
    return new Original(this.ctx, this.env).queue(batch);
  }
  scheduled(controller) {
    return new Original(this.ctx, this.env).scheduled(controller);
  }
}
`;

const t = suite({ twin: true, entry });

const say = (role, content) => ({ role, content });
const MODEL = "prompt";

/** A request to another isolate than the one that has answered so far, over a slow database. */
function elsewhere(body, { headers = {}, target = "/v1/chat/completions" } = {}) {
  return send(t.gw.twinUrl + target, {
    method: "POST",
    headers: { "content-type": "application/json", ...bearer(t.key), "x-slow-database": "1", ...headers },
    body: JSON.stringify({ model: MODEL, ...body }),
  });
}

/** A conversation with one turn, and the messages of its next one. */
async function begun(question) {
  const answer = await t.complete({ model: MODEL, messages: [say("user", question)] });
  assert.equal(answer.status, 200, answer.text);
  await t.gw.row(answer.headers["x-request-id"]);
  const messages = [say("user", question), say("assistant", "yes"), say("user", "and then?")];
  return { id: answer.headers["x-conversation-id"], messages };
}

const recorded = async (answer) => (await t.gw.row(answer.headers["x-request-id"])).conversation_id;

test("an answer leaves before its conversation is found, and is recorded under it", async () => {
  await t.model(MODEL, answersWith(completion(MODEL, "yes", { reported: usage(10, 2) })));
  for (const stream of [false, true]) {
    const { id, messages } = await begun(`streamed: ${stream}`);
    const answer = await elsewhere({ messages, stream });
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.text, /yes/);
    assert.ok(!("x-conversation-id" in answer.headers), "the answer waited for the database");
    assert.equal(await recorded(answer), id);
    const { body } = await eventually(async () => {
      const archived = await t.gw.admin("GET", `/stats/conversation/${id}`);
      return archived.body.messages?.length >= 4 && archived;
    });
    assert.deepEqual(
      body.messages.map(({ content }) => content),
      [messages[0].content, "yes", "and then?", "yes"],
      "each message is archived once",
    );
    // The isolate knows it from now on.
    const next = await elsewhere({ messages: [...messages, say("assistant", "yes"), say("user", "on")], stream });
    assert.equal(next.headers["x-conversation-id"], id);
  }
});

test("the look-up goes on beside a stream, so that the next turn finds what it found", async () => {
  const name = "long-stream";
  const texts = ["yes", " indeed"];
  await t.model(name, async (x) => {
    if (!x.json().stream) return answersWith(completion(name, "yes"))(x);
    x.sse();
    const events = streamEvents(name, texts);
    for (const event of events.slice(0, 2)) await x.write(event);
    // The look-up is over before the stream is.
    await delay(2 * SLOW_MS);
    for (const event of events.slice(2)) await x.write(event);
    return x.end();
  });
  // It may take a moment until the other isolate knows the model.
  await eventually(async () => (await elsewhere({ model: name, messages: [say("user", "hello")] })).status === 200);
  const question = say("user", "streamed for long");
  const first = await t.complete({ model: name, messages: [question] });
  await t.gw.row(first.headers["x-request-id"]);
  const messages = [question, say("assistant", "yes"), say("user", "and then?")];
  const streamed = await elsewhere({ model: name, messages, stream: true });
  assert.equal(streamed.status, 200, streamed.text);
  assert.ok(!("x-conversation-id" in streamed.headers), "the answer waited for the database");
  // At once: neither the record nor another look-up is waited for.
  const next = await elsewhere({
    model: name,
    messages: [...messages, say("assistant", texts.join("")), say("user", "on")],
  });
  assert.equal(next.headers["x-conversation-id"], first.headers["x-conversation-id"]);
});

test("a conversation that the request names is named in the answer, however slow the database is", async () => {
  const { messages } = await begun("named in a header");
  const headers = { "x-conversation-id": "named-while-slow" };
  const answer = await elsewhere({ messages }, { headers });
  assert.equal(answer.headers["x-conversation-id"], "named-while-slow");
  assert.equal(await recorded(answer), "named-while-slow");
  const { messages: others } = await begun("named in the body");
  const inBody = await elsewhere({ messages: others, metadata: { session_id: "named-in-its-body" } });
  assert.equal(inBody.headers["x-conversation-id"], "named-in-its-body");
  assert.equal(await recorded(inBody), "named-in-its-body");
});

test("what an answer of the Responses API belongs to is waited for, because the next one continues from it", async () => {
  const { id, messages } = await begun("responses");
  const answer = await elsewhere({ input: messages }, { target: "/v1/responses" });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers["x-conversation-id"], id);
});
