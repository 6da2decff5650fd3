// Proves that conversations are recognised by their history and archived as the key's policy says, that no two keys
// share one, and that deleted ones are gone.
import assert from "node:assert/strict";
import { suite, test } from "../support/suite.mjs";
import { answersWith, completion, delay, streamEvents, usage } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite({ twin: true });

const say = (role, content) => ({ role, content });
let made = 0;

/** A model that answers each question with `re: <question>`, after some time. */
async function model({ thinksMs = 0 } = {}) {
  const name = `talk-${++made}`;
  await t.model(name, async (x) => {
    await delay(thinksMs);
    const last = x.json().messages.at(-1).content;
    const text = `re: ${typeof last === "string" ? last : last.map((part) => part.text).join("")}`;
    return answersWith(completion(name, text, { reported: usage(10, 2) }))(x);
  });
  return name;
}

/** Sends a request, and waits until the conversation is stored, which happens after the answer. */
async function turn(name, messages, { key = t.key, headers = {}, stream = false, url = t.gw.url, ...rest } = {}) {
  const answer = await t.gw.complete(key, { model: name, messages, stream, ...rest }, { headers });
  assert.equal(answer.status, 200, answer.text);
  await t.gw.row(answer.headers["x-request-id"]);
  void url;
  return answer.headers["x-conversation-id"];
}

test("a conversation keeps its id through turns, forms, streams and dialects", async () => {
  const name = await model();
  const first = await turn(name, [say("user", "one")]);
  const second = await turn(name, [say("user", "one"), say("assistant", "re: one"), say("user", "two")]);
  assert.equal(second, first);
  const third = await turn(
    name,
    [
      say("user", [{ type: "text", text: "one" }]),
      say("assistant", [{ type: "text", text: "re: one " }]),
      say("user", " two"),
      say("assistant", "re: two"),
      say("user", "three"),
    ],
    { stream: true },
  );
  assert.equal(third, first);
  const body = {
    model: name,
    max_tokens: 9,
    messages: [
      say("user", "one"),
      say("assistant", "re: one"),
      say("user", "two"),
      say("assistant", "re: two"),
      say("user", "three"),
      say("assistant", "re: three"),
      say("user", "four"),
    ],
  };
  const fourth = await t.gw.complete(t.key, body, { target: "/v1/messages" });
  assert.equal(fourth.status, 200, fourth.text);
  assert.equal(fourth.headers["x-conversation-id"], first);
});

test("a response that continues another by its id is in the same conversation", async () => {
  const name = await model();
  const respond = async (body) => {
    const answer = await t.gw.complete(t.key, { model: name, ...body }, { target: "/v1/responses" });
    assert.equal(answer.status, 200, answer.text);
    await t.gw.row(answer.headers["x-request-id"]);
    return { id: answer.json().id, conversation: answer.headers["x-conversation-id"] };
  };
  const first = await respond({ input: "respond once" });
  const second = await respond({ input: "respond twice", previous_response_id: first.id });
  assert.equal(second.conversation, first.conversation);
  const third = await respond({ input: "respond thrice", previous_response_id: second.id });
  assert.equal(third.conversation, first.conversation);
  const branch = await respond({ input: "otherwise", previous_response_id: first.id });
  assert.notEqual(branch.conversation, first.conversation);
});

test("the first question again is the same conversation; another is another; another key has its own", async () => {
  const name = await model();
  const first = await turn(name, [say("user", "a question of its own")]);
  assert.equal(await turn(name, [say("user", "a question of its own ")]), first);
  assert.notEqual(await turn(name, [say("user", "another question")]), first);
  const { key } = await t.gw.createKey({});
  const history = [
    say("user", "a question of its own"),
    say("assistant", "re: a question of its own"),
    say("user", "on"),
  ];
  assert.notEqual(await turn(name, history, { key }), first);
  assert.equal(await turn(name, history), first);
});

test("what the caller names is believed: headers first, then metadata", async () => {
  const name = await model();
  assert.equal(await turn(name, [say("user", "named")], { headers: { "x-session-id": "my-session" } }), "my-session");
  assert.equal(
    await turn(name, [say("user", "named")], { headers: { "x-conversation-id": "my-conversation" } }),
    "my-conversation",
  );
  assert.equal(
    await turn(name, [say("user", "named too")], { metadata: { session_id: "in-metadata" } }),
    "in-metadata",
  );
  // And recognised when it is no longer named.
  assert.equal(
    await turn(name, [say("user", "named too"), say("assistant", "re: named too"), say("user", "on")]),
    "in-metadata",
  );
});

test("an edited question begins a conversation that knows where it comes from", async () => {
  const name = await model();
  const trunk = await turn(name, [
    say("user", "root"),
    say("assistant", "made up by the client"),
    say("user", "start"),
  ]);
  const history = [
    say("user", "root"),
    say("assistant", "made up by the client"),
    say("user", "start"),
    say("assistant", "re: start"),
  ];
  assert.equal(await turn(name, [...history, say("user", "left")]), trunk);
  const branch = await turn(name, [...history, say("user", "right")]);
  assert.notEqual(branch, trunk);
  assert.equal(
    await turn(name, [...history, say("user", "right"), say("assistant", "re: right"), say("user", "on")]),
    branch,
  );
  const rows = await eventually(async () => {
    const found = await t.gw.db("SELECT parent_id FROM conversations WHERE id = ? AND rounds > 0", branch);
    return found.length > 0 && found;
  });
  assert.equal(rows[0].parent_id, trunk);
});

// An answer names its conversation if that is found while the upstream works.
const LOOKED_UP = { thinksMs: 1_000 };

test("another isolate recognises it, too", async () => {
  const name = await model(LOOKED_UP);
  const first = await turn(name, [say("user", "across")]);
  const messages = [say("user", "across"), say("assistant", "re: across"), say("user", "on")];
  const response = await fetch(`${t.gw.twinUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { ...bearer(t.key), "content-type": "application/json" },
    body: JSON.stringify({ model: name, messages }),
  });
  assert.equal(response.headers.get("x-conversation-id"), first);
  await response.text();
});

test("another isolate knows turns and branches as well, and what the archive has of a conversation with a name", async () => {
  const name = await model(LOOKED_UP);
  const twin = async (messages, headers = {}) => {
    // It may take a moment until the other isolate knows the model.
    const response = await eventually(async () => {
      const answer = await fetch(`${t.gw.twinUrl}/v1/chat/completions`, {
        method: "POST",
        headers: { ...bearer(t.key), "content-type": "application/json", ...headers },
        body: JSON.stringify({ model: name, messages }),
      });
      await answer.text();
      return answer.status === 200 && answer;
    });
    await t.gw.row(response.headers.get("x-request-id"));
    return response.headers.get("x-conversation-id");
  };
  const begun = [say("user", "trunk of two"), say("assistant", "re: trunk of two")];
  const trunk = await turn(name, begun.slice(0, 1));
  assert.equal(await turn(name, [...begun, say("user", "left")]), trunk);
  const branch = await twin([...begun, say("user", "right")]);
  assert.notEqual(branch, trunk);
  const [{ parent_id: parent }] = await t.gw.db("SELECT parent_id FROM conversations WHERE id = ?", branch);
  assert.equal(parent, trunk);
  assert.equal(await twin([...begun, say("user", "left")]), trunk, "the same question again");
  const left = [...begun, say("user", "left"), say("assistant", "re: left"), say("user", "on")];
  assert.equal(await twin(left), trunk);
  const right = [...begun, say("user", "right"), say("assistant", "re: right"), say("user", "on")];
  assert.equal(await turn(name, right), branch);

  const headers = { "x-conversation-id": "named-by-two" };
  const named = [say("user", "named"), say("assistant", "re: named"), say("user", "on")];
  await turn(name, named.slice(0, 1), { headers });
  await twin(named, headers);
  const { body } = await stats("named-by-two");
  assert.deepEqual(
    body.messages.map(({ content }) => content),
    ["named", "re: named", "on", "re: on"],
  );
});

const stats = (id, query = "") => t.gw.admin("GET", `/stats/conversation/${id}${query}`);

test("the archive has every message once, and the sums", async () => {
  const name = await model();
  const system = say("system", "Be brief.");
  const id = await turn(name, [system, say("user", "first words")]);
  await turn(name, [
    system,
    say("user", "first words"),
    say("assistant", "re: first words"),
    say("user", "second words"),
  ]);
  await turn(name, [
    system,
    say("user", "first words"),
    say("assistant", "re: first words"),
    say("user", "second words"),
  ]);
  const { body } = await eventually(async () => {
    const answer = await stats(id);
    return answer.body.rounds === 3 && answer;
  });
  assert.deepEqual(
    body.messages.map(({ role, content }) => [role, content]),
    [
      ["system", "Be brief."],
      ["user", "first words"],
      ["assistant", "re: first words"],
      ["user", "second words"],
      ["assistant", "re: second words"],
      ["assistant", "re: second words"],
    ],
  );
  assert.deepEqual(
    [body.conversation_id, body.prompt_tokens, body.completion_tokens, body.total_tokens],
    [id, 30, 6, 36],
  );
  for (const message of body.messages) assert.ok(message.tokens_count > 0 && Date.parse(message.timestamp) > 0);
  const page = (await stats(id, "?limit=2")).body;
  assert.equal(page.messages.length, 2);
  assert.equal((await stats(id, `?limit=4&after=${page.next_after}`)).body.messages.length, 4);
  assert.equal((await stats("nothing")).status, 404);

  const list = async (query) => (await t.gw.admin("GET", `/conversations${query}`)).body;
  const found = (await list("?search=second%20words")).conversations;
  assert.deepEqual(
    found.map((row) => [row.conversation_id, row.rounds, row.title]),
    [[id, 3, "first words"]],
  );
  assert.equal((await list(`?model=${name}`)).conversations.length, 1);
  assert.equal((await list("?search=nothing-like-it")).conversations.length, 0);
  assert.equal((await list(`?model=${name}&to=1`)).conversations.length, 0);
  const first = await list("?limit=1");
  const second = await list(`?limit=1&cursor=${encodeURIComponent(first.next_cursor)}`);
  assert.notEqual(first.conversations[0].conversation_id, second.conversations[0].conversation_id);
  for (const query of ["?limit=0", "?cursor=x", "?from=never"])
    assert.equal((await t.gw.admin("GET", `/conversations${query}`)).status, 400);

  assert.equal((await t.gw.admin("DELETE", `/conversations/${id}`)).body.deleted, true);
  assert.equal((await stats(id)).status, 404);
  assert.equal((await t.gw.admin("DELETE", `/conversations/${id}`)).status, 404);
  assert.ok(!(await t.gw.dump()).some(({ text }) => text?.includes("second words")), "it is really gone");
});

test("an answer that was kept from before is remembered and archived like any other", async () => {
  const name = await model();
  const question = [say("user", "asked once more")];
  const ask = async (conversation, stream) => {
    const headers = { "x-nexus-cache": "on", "x-conversation-id": conversation };
    const answer = await t.gw.complete(t.key, { model: name, messages: question, stream }, { headers });
    return answer.headers["x-nexus-cache"];
  };
  assert.equal(await ask("heard-first", false), "miss");
  await eventually(async () => (await t.gw.db("SELECT * FROM cached_answers WHERE model = ?", name)).length > 0, {
    what: "the answer being kept",
  });
  for (const [conversation, stream] of [
    ["heard-again", false],
    ["heard-streamed", true],
  ]) {
    assert.equal(await ask(conversation, stream), "hit");
    const { body } = await eventually(
      async () => {
        const answer = await stats(conversation);
        return answer.status === 200 && answer;
      },
      { what: "the archive" },
    );
    assert.deepEqual(
      body.messages.map(({ role, content }) => [role, content]),
      [
        ["user", "asked once more"],
        ["assistant", "re: asked once more"],
      ],
    );
    assert.deepEqual([body.rounds, body.total_tokens], [1, 0], "nothing was used");
    for (const message of body.messages) assert.ok(message.tokens_count > 0);
    assert.equal(
      await turn(name, [...question, say("assistant", "re: asked once more"), say("user", `on from ${conversation}`)]),
      conversation,
    );
  }
  assert.equal(t.up.seen(name).length, 3);
});

test("a key decides what is kept", async () => {
  const name = await model();
  for (const [store, content] of [
    ["full", "kept content"],
    ["metadata", null],
    ["none", undefined],
  ]) {
    const { key, id: keyId, store: answered } = await t.gw.createKey({ store });
    assert.equal(answered, store);
    const id = await turn(name, [say("user", "kept content")], { key });
    if (content === undefined) {
      await turn(name, [say("user", "marker")]);
      assert.equal((await stats(id)).status, 404);
      continue;
    }
    const { body } = await eventually(async () => {
      const answer = await stats(id);
      return answer.status === 200 && answer;
    });
    assert.deepEqual([body.messages[0].content, body.rounds, body.key_id], [content, 1, keyId]);
    assert.ok(body.messages[0].tokens_count > 0);
  }
  assert.equal((await t.gw.admin("POST", "/keys", { name: "x", store: "some" })).body.error.param, "store");
});

test("two keys that use the same id still have two conversations", async () => {
  const name = await model();
  const { key, id: keyId } = await t.gw.createKey({});
  const headers = { "x-conversation-id": "shared-id" };
  await turn(name, [say("user", "mine")], { headers });
  await turn(name, [say("user", "theirs")], { headers, key });
  const answer = await eventually(async () => {
    const found = await stats("shared-id");
    return found.status === 409 && found;
  });
  assert.equal(answer.body.error.code, "ambiguous_conversation");
  const { body } = await stats("shared-id", `?key_id=${keyId}`);
  assert.deepEqual(
    body.messages.map(({ content }) => content),
    ["theirs", "re: theirs"],
  );
});

test("large messages of several requests come back whole; deleting one conversation erases only its own", async () => {
  const name = await model();
  const large = ["x", "y", "z"].map((letter) => `large ${letter.repeat(200_000)}`);
  // What ends at about the same time shares an object.
  const ids = await Promise.all(large.map((text) => turn(name, [say("user", text)])));
  const contentOf = async (id) => {
    const { body } = await eventually(async () => {
      const answer = await stats(id);
      return answer.status === 200 && answer;
    });
    return body.messages[0].content;
  };
  assert.deepEqual(await Promise.all(ids.map(contentOf)), large);
  const places = async (letter) =>
    (await t.gw.dump())
      .filter(({ text }) => text?.includes(letter.repeat(1_000)))
      .map(({ place }) => place.split("/").slice(0, 2).join("/"));
  assert.deepEqual(await places("x"), ["R2 packs/archive-large"]);
  await t.gw.admin("DELETE", `/conversations/${ids[0]}`);
  assert.deepEqual(await places("x"), []);
  assert.deepEqual(await Promise.all(ids.slice(1).map(contentOf)), large.slice(1));
});

test("a new history is one entry; it is paged through, searched and read message by message", async () => {
  const name = await model();
  const history = [say("system", 'Quote "exactly".')];
  for (let turn = 0; turn < 20; turn++)
    history.push(say("user", `question ${turn}\nsecond line`), say("assistant", `answer ${turn} \\o/ 100%`));
  const id = await turn(name, [...history, say("user", "and now?")]);
  const { body } = await eventually(async () => {
    const answer = await stats(id);
    return answer.status === 200 && answer;
  });
  const said = [...history, say("user", "and now?"), say("assistant", "re: and now?")];
  assert.deepEqual(
    body.messages.map(({ role, content }) => say(role, content)),
    said,
  );
  assert.equal(body.messages.at(-1).finish_reason, "stop");
  assert.ok(body.messages.slice(0, -1).every(({ finish_reason: reason }) => reason === null));
  assert.equal(body.rounds, 21);
  const [{ items }] = await t.gw.db("SELECT items FROM conversations WHERE id = ?", id);
  assert.equal(JSON.parse(`[${items}]`).length, 1);

  const paged = [];
  for (let after = ""; after !== null; ) {
    const page = (await stats(id, `?limit=7${after && `&after=${after}`}`)).body;
    paged.push(...page.messages);
    after = page.next_after;
  }
  assert.deepEqual(paged, body.messages);

  const found = async (search) =>
    (await t.gw.admin("GET", `/conversations?model=${name}&search=${encodeURIComponent(search)}`)).body.conversations
      .length;
  // The title, and the beginnings of the latest questions and answers.
  for (const search of ["AND NOW", "re: and"]) assert.equal(await found(search), 1, search);
  // The database refuses patterns of LIKE from 50 bytes on.
  for (const size of [49, 50, 51, 2_000]) assert.equal(await found("x".repeat(size)), 0, `${size} bytes`);
  for (const search of ['"exactly"', "assistant", "and_now"]) assert.equal(await found(search), 0, search);
});

test("a long history is read as a whole", async () => {
  const name = await model();
  const history = [];
  for (let turn = 0; turn < 9; turn++)
    history.push(say("user", `${turn}${"x".repeat(20_000)}`), say("assistant", `${turn}`));
  const id = await turn(name, [...history, say("user", "go on")]);
  const { body } = await eventually(async () => {
    const answer = await stats(id);
    return answer.status === 200 && answer;
  });
  assert.deepEqual(
    body.messages.map(({ content }) => content),
    [...history.map(({ content }) => content), "go on", "re: go on"],
  );
  assert.equal((await stats(id, `?after=${body.messages[9].id}&limit=2`)).body.messages[0].id, body.messages[10].id);
});

test("an answer that broke off is remembered as far as it came", async () => {
  const name = "broken-off";
  await t.model(name, async (x) => {
    x.sse();
    for (const one of streamEvents(name, ["half ", "an answer"], { done: false }).slice(0, 3)) await x.write(one);
    x.cut();
  });
  const answer = await t.complete({ model: name, messages: [say("user", "break")], stream: true });
  await t.gw.row(answer.headers["x-request-id"]);
  await t.model("mended", answersWith(completion("mended", "whole")));
  const next = await turn(name.replace("broken-off", "mended"), [
    say("user", "break"),
    say("assistant", "half an answer"),
    say("user", "on"),
  ]);
  assert.notEqual(next, answer.headers["x-conversation-id"], "another family of models is another conversation");
  t.up.on(name, answersWith(completion(name, "whole")));
  assert.equal(
    await turn(name, [say("user", "break"), say("assistant", "half an answer"), say("user", "on")]),
    answer.headers["x-conversation-id"],
  );
});
