// Proves that every kind of Dify app gets its own form of request, that files in a request are uploaded first, and
// that an app is stopped when its caller disconnects.
import assert from "node:assert/strict";
import { both, chat, dialectSuite, KEY, PNG, user } from "../support/dialects.mjs";
import * as dify from "../support/dify.mjs";
import { test } from "../support/suite.mjs";
import { eventually } from "../support/util.mjs";

let client;
const t = dialectSuite([], { setUp: () => (client = t.openai()) });

/** The public id of a key. */
const idOf = (key) => key.split("-")[2];
/** Dify's user for a user of the suite's key. */
const ofTenant = (user) => `${idOf(t.key)}/${user}`;

/** An application of its own: Dify identifies it by its key, the tests by a part of the URL. */
async function app(name, behaviour, quirks = []) {
  t.up.on(name, behaviour);
  const provider = await t.gw.createProvider({
    kind: "dify",
    server_url: `${t.up.url}/apps/${name}/v1`,
    server_key: KEY,
    quirks,
  });
  await t.gw.createModel({ provider_id: provider.id, model_name: name });
}

const paths = (name) => t.up.seen(name).map((x) => x.path.replace(`/apps/${name}/v1`, ""));

test("a workflow", async () => {
  const outputs = { text: "Grüezi 😀", score: 1 };
  const run = { task_id: "task-1", workflow_run_id: "run-1" };
  await app(
    "flow",
    (x) => {
      if (!x.wantsStream)
        return x.reply(200, {
          ...run,
          data: {
            id: "run-1",
            workflow_id: "w",
            status: "succeeded",
            outputs,
            error: null,
            elapsed_time: 0.1,
            total_tokens: 12,
            total_steps: 2,
            created_at: 1,
            finished_at: 2,
          },
        });
      const say = (event, data) => `data: ${JSON.stringify({ event, ...run, data })}\n\n`;
      return x.stream([
        say("workflow_started", { id: "run-1" }),
        say("text_chunk", { text: "Grüezi ", from_variable_selector: ["a", "b"] }),
        say("text_chunk", { text: "😀" }),
        say("workflow_finished", { id: "run-1", status: "succeeded", outputs }),
      ]);
    },
    ["dify_workflow"],
  );
  await both(async (stream) => {
    const answer = await chat(
      client,
      { model: "flow", messages: [{ role: "system", content: "Be brief." }, ...user("Hi")], user: "anna" },
      { stream },
    );
    assert.deepEqual([answer.choices[0].message.content, answer.choices[0].finish_reason], ["Grüezi 😀", "stop"]);
    const { inputs, user: who, query, conversation_id } = t.up.last("flow").json();
    assert.match(inputs.query, /Be brief\..*Hi$/s);
    assert.deepEqual([who, query, conversation_id], [ofTenant("anna"), undefined, undefined]);
  });
  assert.deepEqual(new Set(paths("flow")), new Set(["/workflows/run"]));
});

test("a completion app", async () => {
  await app("text", dify.answersWith("done"), ["dify_completion"]);
  await both(async (stream) => {
    const answer = await chat(client, { model: "text", messages: user("Hi") }, { stream });
    assert.equal(answer.choices[0].message.content, "done");
    assert.equal(t.up.last("text").json().inputs.query, "Hi");
  });
  assert.deepEqual(new Set(paths("text")), new Set(["/completion-messages"]));
});

test("a picture in the request is uploaded, one at an address is named", async () => {
  await app("seeing", (x) =>
    x.path.endsWith("/files/upload")
      ? x.reply(201, { id: "file-1", name: "file.png", size: 70, mime_type: "image/png" })
      : dify.answersWith("a dot")(x),
  );
  const content = [
    { type: "text", text: "What is it?" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
    { type: "image_url", image_url: { url: "https://images.example/dot.png" } },
  ];
  const { data, response } = await client.chat.completions
    .create({ model: "seeing", messages: user(content), user: "anna" })
    .withResponse();
  assert.equal(data.choices[0].message.content, "a dot");
  assert.equal(response.headers.get("x-nexus-dropped-params"), null);
  const [upload, asked] = t.up.seen("seeing");
  assert.match(upload.headers["content-type"], /^multipart\/form-data; boundary=/);
  assert.equal(upload.headers.authorization, `Bearer ${KEY}`);
  const form = await new Response(upload.body, {
    headers: { "content-type": upload.headers["content-type"] },
  }).formData();
  assert.equal(form.get("user"), ofTenant("anna"));
  assert.deepEqual(
    [form.get("file").type, Buffer.from(await form.get("file").arrayBuffer()).toString("base64")],
    ["image/png", PNG],
  );
  assert.deepEqual(asked.json().files, [
    { type: "image", transfer_method: "local_file", upload_file_id: "file-1" },
    { type: "image", transfer_method: "remote_url", url: "https://images.example/dot.png" },
  ]);
});

test("an upload that fails costs the picture, not the answer", async () => {
  await app("blind", (x) =>
    x.path.endsWith("/files/upload")
      ? x.reply(413, dify.errorBody(413, "file_too_large", "too large"))
      : dify.answersWith("ok")(x),
  );
  const content = [
    { type: "text", text: "x" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
  ];
  const { data, response } = await client.chat.completions
    .create({ model: "blind", messages: user(content) })
    .withResponse();
  assert.equal(data.choices[0].message.content, "ok");
  assert.match(response.headers.get("x-nexus-dropped-params"), /messages\[0\]\.content\[1\]/);
});

for (const [name, quirks, path] of [
  ["chatty", [], "/chat-messages/task-9/stop"],
  ["flowing", ["dify_workflow"], "/workflows/tasks/task-9/stop"],
]) {
  test(`${name}: an app whose caller leaves is told to stop`, async () => {
    await app(
      name,
      async (x) => {
        if (x.path.endsWith("/stop")) return x.reply(200, { result: "success" });
        x.sse();
        for (let i = 0; i < 200; i++)
          if (
            !(await x.write(
              `data: ${JSON.stringify({ event: name === "chatty" ? "message" : "text_chunk", task_id: "task-9", answer: "x ", data: { text: "x " } })}\n\n`,
            )) ||
            (i > 2 && (await Promise.race([x.closed.then(() => true), new Promise((r) => setTimeout(r, 50))])))
          )
            return;
        x.end();
      },
      quirks,
    );
    const stream = await client.chat.completions.create({
      model: name,
      messages: user("Hi"),
      user: "anna",
      stream: true,
    });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    await eventually(() => paths(name).includes(path), { what: `${path} being asked` });
    assert.deepEqual(t.up.last(name).json(), { user: ofTenant("anna") });
  });
}

test("an app that has said everything is not told to stop", async () => {
  await app("finished", (x) => dify.answersWith("ok")(x));
  await chat(client, { model: "finished", messages: user("Hi") }, { stream: true });
  assert.deepEqual(paths("finished"), ["/chat-messages"]);
});

test("two tenants never share a user of Dify, in any dialect, whatever they send", async () => {
  await app("shared", dify.answersWith("ok"));
  const other = (await t.gw.createKey({ name: "other" })).key;
  const said = [{ role: "user", content: "hi" }];
  const ask = (user) => [
    ["/v1/chat/completions", { model: "shared", messages: said, user }],
    ["/v1/responses", { model: "shared", input: "hi", user }],
    ["/v1/messages", { model: "shared", max_tokens: 9, messages: said, ...(user && { metadata: { user_id: user } }) }],
    ["/v1beta/models/shared:generateContent", { contents: [{ role: "user", parts: [{ text: "hi" }] }] }],
    ["/v1/completions", { model: "shared", prompt: "hi", user }],
  ];
  const users = new Map();
  for (const key of [t.key, other]) {
    for (const user of [undefined, "anna", `${idOf(t.key)}/anna`, idOf(t.key), idOf(other), "nexus-edge"]) {
      for (const [target, body] of ask(user)) {
        for (const stream of [false, true]) {
          const sent = target.includes("v1beta") ? body : { ...body, stream };
          const answer = await t.gw.complete(key, sent, { target });
          assert.equal(answer.status, 200, `${target}: ${answer.text}`);
          const { user: told } = t.up.last("shared").json();
          assert.ok((users.get(told) ?? key) === key, `${told} is shared`);
          users.set(told, key);
        }
      }
    }
  }
});

test("ids of files and conversations in Dify are not the caller's", async () => {
  await app("filed", dify.answersWith("ok"));
  const before = t.up.seen("filed").length;
  const file = { transfer_method: "local_file", type: "document", upload_file_id: "theirs" };
  for (const [target, body] of [
    [
      "/v1/chat/completions",
      {
        model: "filed",
        messages: user([
          { type: "file", file: { file_id: "theirs" } },
          { type: "text", text: "?" },
        ]),
      },
    ],
    ["/v1/chat/completions", { model: "filed", messages: user("?"), inputs: { document: file } }],
    ["/v1/chat/completions", { model: "filed", messages: user("?"), conversation_id: "theirs" }],
    [
      "/v1/responses",
      { model: "filed", input: [{ role: "user", content: [{ type: "input_file", file_id: "theirs" }] }] },
    ],
  ]) {
    const answer = await t.gw.complete(t.key, body, { target });
    assert.deepEqual([answer.status, answer.json().error.code], [404, "reference_not_found"], answer.text);
  }
  assert.equal(t.up.seen("filed").length, before);
});

test("an upload that never answers costs its time, and another provider answers", async () => {
  const picture = { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } };
  const body = (model, pictures = 1) => ({
    model,
    messages: user([{ type: "text", text: "x" }, ...Array.from({ length: pictures }, () => picture)]),
  });
  const mute = async (name, behaviour) => {
    t.up.on(name, behaviour);
    const provider = await t.gw.createProvider({
      kind: "dify",
      server_url: `${t.up.url}/apps/${name}/v1`,
      server_key: KEY,
      first_byte_timeout_ms: 700,
    });
    await t.gw.createModel({ provider_id: provider.id, model_name: name });
  };
  const ok = dify.answersWith("ok");
  const isUpload = (x) => x.path.endsWith("/files/upload");
  await app("stand-in", (x) =>
    isUpload(x) ? x.reply(201, { id: "file-1" }) : dify.answersWith("from the stand-in")(x),
  );
  await mute("silent", (x) => (isUpload(x) ? x.hang() : ok(x)));
  await mute("failing", (x) => (isUpload(x) ? x.reply(503, dify.errorBody(503, "busy", "busy")) : ok(x)));
  // Each upload takes less than the limit, all together more.
  let uploads = 0;
  await mute("slow", async (x) => {
    if (!isUpload(x)) return ok(x);
    await new Promise((resolve) => setTimeout(resolve, 300));
    x.reply(201, { id: `file-${++uploads}` });
  });
  for (const [name, pictures] of [
    ["silent", 3],
    ["failing", 1],
    ["slow", 6],
  ]) {
    const began = Date.now();
    const alone = await t.gw.complete(t.key, body(name, pictures));
    assert.equal(alone.status, 200, alone.text);
    assert.match(alone.headers["x-nexus-dropped-params"], /content/);
    const helped = await t.gw.complete(t.key, body(name, pictures), { headers: { "x-nexus-fallback": "stand-in" } });
    assert.equal(helped.status, 200, helped.text);
    assert.match(helped.text, /from the stand-in/);
    assert.equal(helped.headers["x-nexus-dropped-params"], undefined);
    assert.ok(Date.now() - began < 6_000, `${name}: after ${Date.now() - began} ms`);
  }
});
