// `agent serve-mcp` with the reference servers behind it, for the official clients of both lines.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { Client as Client2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as Stdio2 } from "@modelcontextprotocol/client/stdio";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as Stdio1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ResourceUpdatedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";

import { home, real } from "./support/agent.mjs";

const TIMEOUT = { timeout: 120_000 };
const CAPABILITIES = { elicitation: {}, sampling: {} };

/** The answers of a user and of a model, for servers that ask the client. */
const accepted = { action: "accept", content: { name: "Ada", check: true } };
const sampled = { model: "m", role: "assistant", content: { type: "text", text: "sampled words" } };

const clients = {
  "SDK 1.x": async (transport) => {
    const client = new Client1({ name: "test", version: "1" }, { capabilities: CAPABILITIES });
    client.setRequestHandler(ElicitRequestSchema, () => accepted);
    client.setRequestHandler(CreateMessageRequestSchema, () => sampled);
    await client.connect(new Stdio1({ ...transport, stderr: "inherit" }), TIMEOUT);
    const call = (params, options) => client.callTool(params, undefined, { ...TIMEOUT, ...options });
    const watch = async (uri, told) => {
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => told(params.uri));
      await client.subscribeResource({ uri }, TIMEOUT);
    };
    return { client, call, watch };
  },
  "client 2.x, modern": async (transport) => {
    const client = new Client2(
      { name: "test", version: "1" },
      { capabilities: CAPABILITIES, versionNegotiation: { mode: { pin: "2026-07-28" } } },
    );
    client.setRequestHandler("elicitation/create", () => accepted);
    client.setRequestHandler("sampling/createMessage", () => sampled);
    await client.connect(new Stdio2({ ...transport, stderr: "inherit" }), TIMEOUT);
    const call = (params, options) => client.callTool(params, { ...TIMEOUT, ...options });
    const watch = async (uri, told) => {
      client.setNotificationHandler("notifications/resources/updated", ({ params }) => told(params.uri));
      await client.listen({ resourceSubscriptions: [uri] }, TIMEOUT);
    };
    return { client, call, watch };
  },
};

for (const [line, connect] of Object.entries(clients)) {
  describe(line, () => {
    let place;
    let client;
    let call;
    let watch;

    before(async () => {
      place = home([]);
      place.configure([
        real("everything"),
        real("filesystem", [place.folder]),
        real("memory", [], { env: { MEMORY_FILE_PATH: join(place.folder, "memory.jsonl") } }),
        real("sequential-thinking"),
      ]);
      writeFileSync(join(place.folder, "note.txt"), "words of a file\n");
      ({ client, call, watch } = await connect(place.transport));
    });

    after(async () => {
      await client?.close();
      place.remove();
    });

    test("the tools of all servers stand beside each other under names that models accept", async () => {
      const { tools } = await client.listTools({}, TIMEOUT);
      const names = tools.map((tool) => tool.name);
      for (const name of ["everything__echo", "filesystem__read_text_file", "memory__create_entities"]) {
        assert.ok(names.includes(name), `${name} in ${names}`);
      }
      assert.ok(names.every((name) => /^[A-Za-z0-9_-]{1,48}$/.test(name)));
      assert.equal(new Set(names).size, names.length);
      const read = tools.find((tool) => tool.name === "filesystem__read_text_file");
      assert.equal(read.annotations.readOnlyHint, true);
    });

    test("tools of each server are called", async () => {
      const echo = await call({ name: "everything__echo", arguments: { message: "hello" } });
      assert.match(echo.content[0].text, /hello/);
      const path = join(place.folder, "note.txt");
      const file = await call({ name: "filesystem__read_text_file", arguments: { path } });
      assert.equal(file.content[0].text, "words of a file\n");
      assert.equal(file.structuredContent.content, "words of a file\n");
      const entities = [{ name: "Ada", entityType: "person", observations: ["writes programs"] }];
      await call({ name: "memory__create_entities", arguments: { entities } });
      const graph = await call({ name: "memory__read_graph", arguments: {} });
      assert.match(JSON.stringify(graph.structuredContent), /writes programs/);
      const thought = await call({
        name: "sequential-thinking__sequentialthinking",
        arguments: { thought: "first", nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 },
      });
      assert.match(thought.content[0].text, /thoughtNumber/);
    });

    test("an error of a tool, and a tool that does not exist, are what they are", async () => {
      const missing = join(place.folder, "no-such-file");
      const result = await call({ name: "filesystem__read_text_file", arguments: { path: missing } });
      assert.equal(result.isError, true);
      await assert.rejects(call({ name: "filesystem__no_such_tool", arguments: {} }), /Unknown tool/);
    });

    test("prompts, resources, templates and completions", async () => {
      const { prompts } = await client.listPrompts({}, TIMEOUT);
      assert.ok(prompts.some((prompt) => prompt.name === "everything__simple-prompt"));
      const prompt = await client.getPrompt({ name: "everything__simple-prompt" }, TIMEOUT);
      assert.ok(prompt.messages.length > 0);
      const { resources } = await client.listResources({}, TIMEOUT);
      assert.ok(resources.length > 0);
      const read = await client.readResource({ uri: resources[0].uri }, TIMEOUT);
      assert.equal(read.contents[0].uri, resources[0].uri);
      const { resourceTemplates } = await client.listResourceTemplates({}, TIMEOUT);
      assert.ok(resourceTemplates.length > 0);
      const completion = await client.complete(
        {
          ref: { type: "ref/prompt", name: "everything__completable-prompt" },
          argument: { name: "department", value: "E" },
        },
        TIMEOUT,
      );
      assert.deepEqual(completion.completion.values, ["Engineering"]);
    });

    test("a watched resource is told when it changes", async () => {
      const { resources } = await client.listResources({}, TIMEOUT);
      const { uri } = resources.find((resource) => resource.uri.startsWith("demo:"));
      let told;
      const updated = new Promise((resolve) => (told = resolve));
      await watch(uri, told);
      await call({ name: "everything__toggle-subscriber-updates", arguments: {} });
      assert.equal(await updated, uri);
      await call({ name: "everything__toggle-subscriber-updates", arguments: {} });
    });

    test("progress is told under the caller's own token", async () => {
      const seen = [];
      const result = await call(
        { name: "everything__trigger-long-running-operation", arguments: { duration: 1, steps: 4 } },
        { onprogress: (progress) => seen.push(progress.progress) },
      );
      assert.match(result.content[0].text, /completed/i);
      assert.deepEqual(seen.slice(0, 3), [1, 2, 3]);
    });

    test("what a server of the older era asks reaches the client's user and model", async () => {
      const elicited = await call({ name: "everything__trigger-elicitation-request", arguments: {} });
      assert.match(JSON.stringify(elicited.content), /Ada/);
      const asked = await call({
        name: "everything__trigger-sampling-request",
        arguments: { prompt: "say something", maxTokens: 10 },
      });
      assert.match(JSON.stringify(asked.content), /sampled words/);
    });

    test("a call that is given up leaves the server usable", async () => {
      const giving = new AbortController();
      const long = call(
        { name: "everything__trigger-long-running-operation", arguments: { duration: 30, steps: 3 } },
        { signal: giving.signal },
      );
      setTimeout(() => giving.abort(), 300);
      await assert.rejects(long);
      const echo = await call({ name: "everything__echo", arguments: { message: "still here" } });
      assert.match(echo.content[0].text, /still here/);
    });
  });
}

describe("the rules of the file", () => {
  test("forbidden tools are neither shown nor called, and what is asked about needs an approval", async () => {
    const place = home(
      [real("everything", [], { deny: ["get-env"], tools: { echo: "ask" } })],
      "policy: {confirm: remote}",
    );
    try {
      for (const [line, connect] of Object.entries(clients)) {
        const { client, call } = await connect(place.transport);
        const { tools } = await client.listTools({}, TIMEOUT);
        assert.ok(!tools.some((tool) => tool.name === "everything__get-env"), line);
        await assert.rejects(call({ name: "everything__get-env", arguments: {} }), /Unknown tool|forbids/, line);
        // The user of this client accepts with content that is no approval: that is a refusal.
        await assert.rejects(call({ name: "everything__echo", arguments: { message: "x" } }), /refused/, line);
        await client.close();
      }
    } finally {
      place.remove();
    }
  });

  test("an approval that is given once holds once", async () => {
    const place = home([real("everything", [], { tools: { echo: "ask" } })], "policy: {confirm: remote}");
    const client = new Client1({ name: "test", version: "1" }, { capabilities: { elicitation: {} } });
    const asked = [];
    client.setRequestHandler(ElicitRequestSchema, (request) => {
      asked.push(request.params.message);
      return { action: "accept", content: { answer: asked.length === 1 ? "once" : "session" } };
    });
    try {
      await client.connect(new Stdio1({ ...place.transport, stderr: "inherit" }), TIMEOUT);
      const echo = () =>
        client.callTool({ name: "everything__echo", arguments: { message: "hi" } }, undefined, TIMEOUT);
      for (let round = 0; round < 3; round += 1) assert.match((await echo()).content[0].text, /hi/);
      assert.equal(asked.length, 2);
      assert.match(asked[0], /`echo` of the server `everything`/);
    } finally {
      await client.close();
      place.remove();
    }
  });
});
