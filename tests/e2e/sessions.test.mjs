// Proves the session API: its envelope everywhere, sessions and their history, turns over HTTP, streamed and not, one
// history with the WebSocket, the window and the summary, exports, rates.
import assert from "node:assert/strict";
import { connect } from "../support/socket.mjs";
import { suite, test } from "../support/suite.mjs";
import { answersWith, completion, gate, streamEvents, usage } from "../support/upstream.mjs";
import { bearer, dataOf, eventually, within } from "../support/util.mjs";

const t = suite({ vars: { CHAT_STREAM_PER_MINUTE: "30", CHAT_PER_MINUTE: "60" } });

/** A request to the session API with a key of its own, so that rate limits do not interfere; checks the envelope. */
async function user() {
  const { key, id } = await t.gw.createKey({});
  const raw = (method, target, body, headers = {}) =>
    t.gw.call(`/api/v1${target}`, {
      method,
      headers: { ...bearer(key), ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
  const call = async (method, target, body, headers) => {
    const answer = await raw(method, target, body, headers);
    return { ...checked(answer), status: answer.status, headers: answer.headers };
  };
  const create = async (fields) => {
    const { status, data } = await call("POST", "/sessions", fields);
    assert.equal(status, 201);
    return data;
  };
  return { key, keyId: id, raw, call, create };
}

function checked(answer) {
  const body = answer.json();
  assert.deepEqual(
    Object.keys(body)
      .filter((name) => name !== "param")
      .sort(),
    ["data", "error_code", "message", "request_id", "success", "timestamp"],
    answer.text,
  );
  assert.equal(body.success, answer.status < 400);
  assert.equal(body.request_id, answer.headers["x-request-id"]);
  assert.ok(Math.abs(Date.parse(body.timestamp) - Date.now()) < 60_000);
  if (body.success) assert.equal(body.error_code, null);
  else {
    assert.match(body.error_code, /^[A-Z_]+$/);
    assert.equal(body.data, null);
  }
  return body;
}

test("a session is created, found, changed, listed and deleted", async () => {
  const u = await user();
  const made = await u.create({
    title: "Plans",
    ai_provider: "loopback",
    model: "m",
    config: { temperature: 0.5, system_prompt: "Be brief." },
  });
  assert.match(made.id, /^sess_/);
  assert.deepEqual(
    [made.title, made.ai_provider, made.model, made.config.temperature, made.is_active],
    ["Plans", "loopback", "m", 0.5, true],
  );
  assert.equal((await u.call("GET", `/sessions/${made.id}`)).data.config.system_prompt, "Be brief.");
  const changed = (
    await u.call("PUT", `/sessions/${made.id}`, { title: "Better plans", pinned: true, config: { temperature: null } })
  ).data;
  assert.deepEqual([changed.title, changed.pinned, changed.config.temperature], ["Better plans", true, undefined]);
  const other = await u.create({ title: "100% other_things" });
  const archived = await u.create({ title: "Old" });
  await u.call("PUT", `/sessions/${archived.id}`, { archived: true });

  const titles = async (query = "") =>
    (await u.call("GET", `/sessions${query}`)).data.sessions.map((session) => session.title);
  assert.deepEqual(await titles(), ["Better plans", "100% other_things"]);
  assert.deepEqual(await titles("?archived=true"), ["Old"]);
  assert.deepEqual(await titles("?pinned=false"), ["100% other_things"]);
  assert.deepEqual(await titles("?search=plans"), ["Better plans"]);
  assert.deepEqual(await titles("?search=100%25"), ["100% other_things"]);
  assert.deepEqual(await titles("?search=r_t"), ["100% other_things"]);
  const page = (await u.call("GET", "/sessions?page=2&page_size=1")).data;
  assert.deepEqual([page.sessions.length, page.total, page.has_more], [1, 2, false]);

  assert.equal((await u.call("DELETE", `/sessions/${other.id}`)).status, 200);
  assert.deepEqual(await titles(), ["Better plans"]);
  const gone = await u.call("GET", `/sessions/${other.id}`);
  assert.deepEqual([gone.status, gone.error_code], [404, "INVALID_SESSION"]);
  assert.equal((await u.call("DELETE", `/sessions/${other.id}?permanent=true`)).status, 200);
  assert.equal((await u.call("DELETE", `/sessions/${other.id}?permanent=true`)).status, 404);

  // No other key can access it.
  const stranger = await user();
  assert.equal((await stranger.call("GET", `/sessions/${made.id}`)).status, 404);
  assert.deepEqual((await stranger.call("GET", "/sessions")).data.sessions, []);
  const mine = await stranger.create({ id: made.id, title: "Same id" });
  assert.equal(mine.title, "Same id");
  assert.equal((await u.call("GET", `/sessions/${made.id}`)).data.title, "Better plans");
});

test("what is wrong is said in the envelope, with a code and the field", async () => {
  const u = await user();
  const { id } = await u.create({});
  const cases = [
    ["POST", "/sessions", { colour: 1 }, 400, "UNKNOWN_PARAMETER", "colour"],
    ["POST", "/sessions", { config: { temperature: 9 } }, 400, "INVALID_VALUE", "config.temperature"],
    ["POST", "/sessions", { id: "a/b" }, 400, "INVALID_VALUE", "id"],
    ["POST", "/sessions", { id }, 409, "SESSION_EXISTS", "id"],
    ["POST", "/sessions", "[1]", 400, "INVALID_JSON", undefined],
    ["POST", "/sessions", "{", 400, "INVALID_JSON", undefined],
    ["GET", "/sessions?page=0", undefined, 400, "INVALID_VALUE", "page"],
    ["GET", "/sessions?page_size=101", undefined, 400, "INVALID_VALUE", "page_size"],
    ["GET", "/sessions?pinned=maybe", undefined, 400, "INVALID_VALUE", "pinned"],
    ["GET", "/sessions/none", undefined, 404, "INVALID_SESSION", "session_id"],
    ["GET", `/sessions/${id}/messages?limit=0`, undefined, 400, "INVALID_VALUE", "limit"],
    ["GET", `/sessions/${id}/export?format=pdf`, undefined, 400, "INVALID_VALUE", "format"],
    ["POST", "/chat", {}, 400, "MISSING_FIELDS", "session_id"],
    ["POST", "/chat", { session_id: 1 }, 400, "INVALID_TYPE", "session_id"],
    ["POST", "/chat", { session_id: id }, 400, "MISSING_FIELDS", "message"],
    ["POST", "/chat", { session_id: id, message: "" }, 400, "INVALID_VALUE", "message"],
    ["POST", "/chat", { session_id: id, message: "x" }, 400, "MISSING_FIELDS", "model"],
    ["POST", "/chat", { session_id: id, message: "x", stream: "yes" }, 400, "INVALID_TYPE", "stream"],
    ["POST", "/chat", { session_id: id, message: "x", model: "none" }, 404, "MODEL_NOT_FOUND", undefined],
    ["POST", "/chat", { session_id: "none", message: "x", model: "none" }, 404, "INVALID_SESSION", "session_id"],
    ["POST", "/chat/regenerate", { session_id: id, model: "m", x: 1 }, 400, "UNKNOWN_PARAMETER", "x"],
    ["GET", "/chat/providers/none/models", undefined, 404, "PROVIDER_NOT_FOUND", undefined],
    ["PATCH", "/sessions", undefined, 405, "METHOD_NOT_ALLOWED", undefined],
  ];
  for (const [method, target, body, status, code, param] of cases) {
    const answer = await u.call(method, target, body);
    assert.deepEqual(
      [answer.status, answer.error_code, answer.param],
      [status, code, param],
      `${method} ${target} ${JSON.stringify(body)}: ${answer.message}`,
    );
  }
  const text = await u.call("POST", "/chat", "hello", { "content-type": "text/plain" });
  assert.equal(text.error_code, "INVALID_CONTENT_TYPE");
  for (const [headers, code] of [
    [{}, "MISSING_AUTH_HEADER"],
    [bearer("nonsense"), "INVALID_TOKEN"],
  ]) {
    const answer = await t.gw.call("/api/v1/sessions", { headers });
    assert.deepEqual([answer.status, checked(answer).error_code], [401, code]);
  }
  assert.equal(checked(await t.gw.call("/api/v1/health")).data.status, "ok");
});

test("turns over HTTP, whole and streamed, over WebSocket, and back: one history", async () => {
  const u = await user();
  let turn = 0;
  await t.model("story", (x) => answersWith(completion("story", `Answer ${++turn}.`, { reported: usage(5, 3) }))(x));
  const { id } = await u.create({
    ai_provider: "loopback",
    model: "story",
    config: { system_prompt: "Be brief.", max_tokens: 50 },
  });
  const first = await u.call("POST", "/chat", { session_id: id, message: "Tell me about the sea, please" });
  assert.equal(first.status, 200, first.message);
  assert.deepEqual(
    [first.data.message.role, first.data.message.content, first.data.finish_reason, first.data.provider],
    ["assistant", "Answer 1.", "stop", "loopback"],
  );
  assert.deepEqual(first.data.usage, { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 });
  const sent = t.up.last("story").json();
  assert.deepEqual([sent.messages[0].role, sent.max_tokens, sent.stream], ["system", 50, true]);

  const stream = await u.raw("POST", "/chat/stream", { session_id: id, message: "More" });
  assert.equal(stream.status, 200);
  const data = dataOf(stream.text);
  assert.equal(data.at(-1), "[DONE]");
  const events = data.slice(0, -1).map((one) => JSON.parse(one));
  assert.equal(
    events
      .filter((event) => event.type === "delta")
      .map((event) => event.content)
      .join(""),
    "Answer 2.",
  );
  assert.equal(events.at(-1).type, "done");

  const socket = await connect(`${t.gw.url}/ws/chat?v=2&session_id=${id}`, { headers: bearer(u.key) });
  const hello = await socket.frame("hello");
  assert.equal(hello.title, "Tell me about the sea, please");
  socket.send({ type: "message", content: "Over the wire" });
  await socket.frame("done");
  const last = await u.call("POST", "/chat", { session_id: id, message: "Back again" });
  assert.equal(last.data.message.content, "Answer 4.");
  await socket.frame((frame) => frame.type === "done" && frame.turn_id === last.data.turn_id);
  assert.deepEqual(
    t.up
      .last("story")
      .json()
      .messages.map(({ content }) => content),
    [
      "Be brief.",
      "Tell me about the sea, please",
      "Answer 1.",
      "More",
      "Answer 2.",
      "Over the wire",
      "Answer 3.",
      "Back again",
    ],
  );
  socket.close();

  const { data: all } = await u.call("GET", `/sessions/${id}/messages`);
  assert.equal(all.messages.length, 8);
  const { data: page } = await u.call("GET", `/sessions/${id}/messages?limit=3`);
  assert.deepEqual([page.messages.length, page.has_more, page.messages.at(-1).content], [3, true, "Answer 4."]);
  const { data: before } = await u.call("GET", `/sessions/${id}/messages?limit=3&before=${page.next_before}`);
  assert.deepEqual(
    before.messages.map(({ content }) => content),
    ["More", "Answer 2.", "Over the wire"],
  );

  const listed = await eventually(async () =>
    (await u.call("GET", "/sessions")).data.sessions.find((one) => one.message_count === 8),
  );
  assert.deepEqual([listed.title, listed.total_tokens], ["Tell me about the sea, please", 32]);
  // Text of messages is found, too.
  await eventually(
    async () =>
      (await u.call("GET", "/sessions?search=over the wire".replaceAll(" ", "%20"))).data.sessions.length === 1,
  );

  const whole = JSON.parse((await u.raw("GET", `/sessions/${id}/export`)).text);
  assert.equal(whole.messages.length, 8);
  const csv = await u.raw("GET", `/sessions/${id}/export?format=csv`);
  assert.ok(csv.headers["content-type"].startsWith("text/csv") && csv.text.split("\r\n").length === 10);
  const page2 = await u.raw("GET", `/sessions/${id}/export?format=markdown`);
  assert.ok(
    page2.text.startsWith("# Tell me about the sea, please\n") &&
      page2.headers["content-disposition"].includes(`${id}.md`),
  );

  const again = await u.call("POST", "/chat/regenerate", { session_id: id });
  assert.equal(again.data.message.content, "Answer 5.");
  const { data: after } = await u.call("GET", `/sessions/${id}/messages`);
  assert.deepEqual(
    after.messages.slice(-2).map(({ content }) => content),
    ["Back again", "Answer 5."],
  );
  assert.deepEqual(
    (await archived(id, 5)).slice(-3),
    ["Back again", "Answer 4.", "Answer 5."],
    "the question once, both answers",
  );
});

/** The archived messages of a session, once it has this many answers. */
async function archived(id, rounds) {
  const { body } = await eventually(
    async () => {
      const answer = await t.gw.admin("GET", `/stats/conversation/${id}`);
      return answer.body.rounds === rounds && answer;
    },
    { what: `${rounds} answers in the archive` },
  );
  return body.messages.map(({ content }) => content);
}

test("a question is archived with its first answer, however often that is wanted anew", async () => {
  const u = await user();
  await t.model("mood", (x) =>
    x.reply(400, { error: { message: "not now", type: "invalid_request_error", param: null, code: null } }),
  );
  const { id } = await u.create({ model: "mood", config: { system_prompt: "Be brief." } });
  assert.equal((await u.call("POST", "/chat", { session_id: id, message: "Well?" })).status, 400);
  for (const text of ["Yes.", "No."]) {
    t.up.on("mood", answersWith(completion("mood", text)));
    assert.equal((await u.call("POST", "/chat/regenerate", { session_id: id })).data.message.content, text);
  }
  assert.deepEqual(await archived(id, 2), ["Be brief.", "Well?", "Yes.", "No."]);
  await u.call("POST", "/chat", { session_id: id, message: "Sure?" });
  assert.deepEqual(await archived(id, 3), ["Be brief.", "Well?", "Yes.", "No.", "Sure?", "No."]);
});

test("an answer wanted anew is not the one that the cache has kept, and replaces it", async () => {
  let mood = "Yes.";
  let asked = 0;
  await t.model("fickle-upstream", (x) => {
    asked += 1;
    return answersWith(completion("fickle", mood))(x);
  });
  const made = await t.gw.admin("POST", "/logical-models", {
    name: "fickle",
    cache_ttl_s: 600,
    candidates: [{ provider_id: t.provider.id, model: "fickle-upstream" }],
  });
  assert.equal(made.status, 201, made.text);
  const u = await user();
  /** The same question in a new session, until it is answered from the cache. */
  const kept = (text) =>
    eventually(
      async () => {
        const before = asked;
        const { id } = await u.create({ model: "fickle" });
        const { data } = await u.call("POST", "/chat", { session_id: id, message: "Well?" });
        return asked === before && data.message.content === text && id;
      },
      { every: 200, what: `the kept answer ${text}` },
    );
  const id = await kept("Yes.");
  mood = "No.";
  const before = asked;
  const again = await u.call("POST", "/chat/regenerate", { session_id: id });
  assert.deepEqual([again.data.message.content, asked - before], ["No.", 1]);
  await kept("No.");
  assert.equal(asked - before, 1, "the new answer is kept");
});

test("a turn goes on when its caller leaves, and is stopped when he says so", async () => {
  const u = await user();
  const hold = gate();
  await t.model("leaving", async (x) => {
    const events = streamEvents("leaving", ["one ", "two ", "three"]);
    x.sse();
    await x.write(events[0] + events[1]);
    await hold.opened;
    for (const rest of events.slice(2)) await x.write(rest);
    x.end();
  });
  const { id } = await u.create({ model: "leaving" });
  const begun = t.gw.begin("/api/v1/chat/stream", {
    method: "POST",
    headers: { ...bearer(u.key), "content-type": "application/json" },
    body: JSON.stringify({ session_id: id, message: "Go" }),
  });
  const reply = await begun.reply;
  await reply.readUntil("one ");
  reply.abort();
  hold.open();
  await eventually(
    async () => (await u.call("GET", `/sessions/${id}/messages`)).data.messages.at(-1)?.content === "one two three",
  );

  await t.model("endless", async (x) => {
    x.sse();
    for (const one of streamEvents("endless", ["one "]).slice(0, 2)) await x.write(one);
    await x.hang();
  });
  const asking = u.call("POST", "/chat", { session_id: id, message: "Go", model: "endless" });
  await eventually(() => t.up.last("endless"));
  const stopped = await eventually(async () => {
    const answer = await u.call("POST", "/chat/stop", { session_id: id });
    return answer.data.stopped && answer;
  });
  assert.equal(stopped.status, 200);
  const answer = await within(5_000, asking, "the answer");
  assert.equal(answer.data.finish_reason, "stopped");
  await within(2_000, t.up.last("endless").closed, "the upstream seeing the close");
  assert.equal((await u.call("POST", "/chat/stop", { session_id: id })).data.stopped, false);
});

test("a history that outgrows the window is summarised, and the oldest turns stay at home", async () => {
  const u = await user();
  const long = (word) => `${word} `.repeat(120);
  await t.model("long", (x) => {
    const { messages } = x.json();
    const asked = messages.at(-1).content;
    const says = messages[0].content.startsWith("You keep the notes") ? "They spoke of alpha." : long("reply");
    void asked;
    return answersWith(completion("long", says))(x);
  });
  const { id } = await u.create({ model: "long", config: { context_tokens: 700 } });
  for (const word of ["alpha", "beta", "gamma", "delta"]) {
    assert.equal((await u.call("POST", "/chat", { session_id: id, message: long(word) })).status, 200);
  }
  const { data } = await eventually(async () => {
    const answer = await u.call("GET", `/sessions/${id}/messages`);
    return answer.data.summary && answer;
  });
  assert.equal(data.summary, "They spoke of alpha.");
  assert.equal(data.messages.length, 8, "nothing is lost");
  await u.call("POST", "/chat", { session_id: id, message: "And now?" });
  const sent = t.up.last("long").json().messages;
  const chat =
    t.up
      .seen("long")
      .map((x) => x.json().messages)
      .findLast((messages) => messages.at(-1).content === "And now?") ?? sent;
  assert.ok(chat[0].content.includes("They spoke of alpha."), JSON.stringify(chat[0]));
  assert.ok(!chat.some(({ role, content }) => role === "user" && content.startsWith("alpha")));
  const row = await t.gw.db("SELECT COUNT(*) AS n FROM conversations WHERE id LIKE ? AND rounds > 0", "%.summary");
  assert.equal(row[0].n, 0, "the gateway does not archive what it says to itself");
});

test("providers and models are those of the key; rates are held", async () => {
  const u = await user();
  await t.model("listed", answersWith(completion("listed", "Yes.")));
  const { data } = await u.call("GET", "/chat/providers");
  assert.ok(data.providers.some((provider) => provider.name === "loopback" && provider.models.includes("listed")));
  const models = (await u.call("GET", "/chat/providers/loopback/models")).data.models;
  assert.ok(models.some((model) => model.name === "listed"));

  const { id } = await u.create({ model: "listed" });
  const answers = await Promise.all(
    Array.from({ length: 31 }, () => u.raw("POST", "/chat/stream", { session_id: "none", message: "x" })),
  );
  const limited = answers.filter((answer) => answer.status === 429);
  assert.equal(limited.length, 1);
  assert.equal(checked(limited[0]).error_code, "RATE_LIMIT_EXCEEDED");
  assert.ok(Number(limited[0].headers["retry-after"]) > 0);
  const socket = await connect(`${t.gw.url}/ws/chat?v=2&session_id=${id}`, { headers: bearer(u.key) });
  socket.send({ type: "message", content: "x" });
  assert.equal((await socket.frame("error")).code, "rate_limited");
  socket.close();
  assert.equal((await u.call("POST", "/chat", { session_id: id, message: "x" })).status, 200);
});
