// Proves of servers of tools: one is added with a token that is never shown again, tested, and has its tools; what changes is shown with
// its difference and accepted; what is not offered says so; one that does not answer says what it was asked.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/util.mjs";
import { PATIENCE, admin, consoleSuite } from "./support/console.mjs";
import { LONG, startServers } from "./support/tools.mjs";

const TOKEN = "the-token-of-the-server";
const ctx = consoleSuite({
  traffic: 0,
  setUp: async (made) => {
    made.servers = await startServers(made);
  },
});
const addressOf = (path) => `${ctx.servers.url}${path}`;
const create = async (id, path) => {
  const { status, text } = await admin(ctx, "POST", "/mcp-servers", { id, url: addressOf(path), token: TOKEN });
  assert.equal(status, 201, text);
};
const reviewed = async (id) => (await admin(ctx, "GET", `/mcp-servers/${id}/tools`)).body;

test("a server is added, asked, and has its tools", LONG, async () => {
  const { page, check, close } = await ctx.open("/tools");
  await page.getByText("No server.").waitFor();
  await page.getByRole("button", { name: "Add a server" }).first().click();
  const form = page.getByRole("dialog", { name: "Add a server" });
  await form.getByLabel("Name").fill("first");
  await form.getByLabel("Address").fill(addressOf("/modern"));
  await form.getByLabel("Token").fill(TOKEN);
  await check("the form");
  await form.getByRole("button", { name: "Add", exact: true }).click();
  const drawer = page.getByRole("dialog", { name: "first" });
  await drawer.getByText("Echo: Says it again.").waitFor();
  await drawer.getByText(`${ctx.gw.url}/mcp/server/first`).waitFor();
  await drawer.getByRole("button", { name: "Test", exact: true }).click();
  await drawer.getByText("It answered after").waitFor();
  await drawer.getByText("modern 1").waitFor();
  await drawer.getByText("2026-07-28 (modern)").waitFor();
  await check("a server that was tested");
  assert.ok(!(await page.content()).includes(TOKEN));
  const asked = ctx.servers.requests.find(({ path }) => path === "/modern");
  assert.equal(asked.headers.authorization, `Bearer ${TOKEN}`);
  await close();
});

test("what has changed is shown with its difference, and accepted", LONG, async () => {
  await create("changing", "/modern");
  await reviewed("changing");
  const [echo, ...others] = ctx.servers.tools.splice(0);
  ctx.servers.tools.push({ ...echo, description: "Sends it elsewhere." }, ...others, {
    name: "extra",
    inputSchema: { type: "object" },
  });
  try {
    const { page, check, close } = await ctx.open("/tools/changing");
    const drawer = page.getByRole("dialog", { name: "changing" });
    await drawer.getByRole("button", { name: "Test", exact: true }).click();
    const changed = drawer.getByRole("listitem").filter({ hasText: "Sends it elsewhere." });
    await changed.getByText("Says it again.").waitFor();
    await drawer.getByText("What is new or changed is neither listed nor called").waitFor();
    await check("a tool that has changed");
    await changed.getByRole("button", { name: "Accept", exact: true }).click();
    await changed.getByText("accepted").waitFor();
    const stateOf = (tools, name) => tools.find((tool) => tool.name === name).state;
    const { tools } = await reviewed("changing");
    assert.deepEqual([stateOf(tools, "echo"), stateOf(tools, "extra")], ["accepted", "new"]);
    await drawer.getByRole("button", { name: "Accept all 1" }).click();
    await drawer.getByText("What is new or changed").waitFor({ state: "detached" });
    assert.equal(stateOf((await reviewed("changing")).tools, "extra"), "accepted");
    await close();
  } finally {
    ctx.servers.tools.splice(0, Number.POSITIVE_INFINITY, echo, ...others);
  }
});

test("a server is changed, turned off and deleted, on a phone", LONG, async () => {
  await create("narrow", "/modern");
  const { page, check, close } = await ctx.open("/tools/narrow", { width: 390, height: 844 });
  const drawer = page.getByRole("dialog", { name: "narrow" });
  await drawer.getByRole("button", { name: "Edit" }).click();
  const form = page.getByRole("dialog", { name: "Edit" });
  await form.getByText("Which tools, agreement, headers, version, transport, how long").click();
  await form.getByLabel("Not these tools").fill("add");
  await form.getByLabel("Agreement to calls in chats").selectOption("rules");
  await form.getByLabel("Always with agreement").fill("echo");
  await form.getByLabel("Further headers").fill(`X-Api-Key: ${TOKEN}`);
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  const add = drawer.getByRole("listitem").filter({ has: page.getByText("add", { exact: true }) });
  await add.getByText("not offered").waitFor();
  await check("a server on a phone");
  const stored = (await admin(ctx, "GET", "/mcp-servers/narrow")).body;
  assert.deepEqual([stored.deny_tools, stored.has_token, stored.pins], [["add"], true, "strict"]);
  assert.deepEqual(
    [stored.tool_approval, stored.ask_tools, Object.keys(stored.headers)],
    ["rules", ["echo"], ["X-Api-Key"]],
  );
  await drawer.getByText("for tools that write or send").waitFor();
  await drawer.getByText("X-Api-Key", { exact: true }).waitFor();
  assert.ok(!(await page.content()).includes(TOKEN));
  await drawer.getByRole("button", { name: "Edit" }).click();
  await form.getByText("Which tools, agreement, headers, version, transport, how long").click();
  await form.getByText("Sent now: X-Api-Key").waitFor();
  await form.getByLabel("Send no further headers any more").check();
  await check("the whole form on a phone");
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  assert.deepEqual((await admin(ctx, "GET", "/mcp-servers/narrow")).body.headers, {});
  await drawer.getByRole("button", { name: "Turn off" }).click();
  await drawer.getByRole("button", { name: "Turn on" }).waitFor();
  await drawer.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete this server?" }).getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").first().waitFor({ state: "detached" });
  await eventually(async () => (await admin(ctx, "GET", "/mcp-servers/narrow")).status === 404, {
    within: PATIENCE,
    what: "the end of the server",
  });
  await close();
});

test("a server that does not answer says so, by keyboard alone", LONG, async () => {
  const { page, check, close } = await ctx.open("/", { warns: /502/ });
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("g");
  await page.getByRole("heading", { name: "Tools (MCP)", level: 1 }).waitFor();
  await page.getByRole("button", { name: "Add a server" }).first().focus();
  await page.keyboard.press("Enter");
  await page.getByLabel("Name").waitFor();
  // The first field has the focus.
  await page.keyboard.type("angry");
  await page.keyboard.press("Tab");
  await page.keyboard.type(addressOf("/angry"));
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("dialog", { name: "angry" });
  await drawer.getByText("The server's tools could not be read").waitFor();
  await drawer.getByRole("button", { name: "Test", exact: true }).focus();
  await page.keyboard.press("Enter");
  await drawer.getByText("mcp_server_unreachable").nth(1).waitFor();
  await check("a server that does not answer");
  await close();
});

test("a set is made of tools under names of their own, changed and deleted", LONG, async () => {
  await create("of-sets", "/modern");
  const { page, check, close } = await ctx.open("/tools?of=sets");
  await page.getByText("No set.").waitFor();
  await page.getByRole("button", { name: "New set" }).first().click();
  const form = page.getByRole("dialog", { name: "New set" });
  await form.getByLabel("Name", { exact: true }).fill("work");
  await form.getByLabel("Server 1").fill("of-sets");
  await form.getByLabel("Tool 1", { exact: true }).fill("e*");
  await form.getByRole("button", { name: "Another tool" }).click();
  await form.getByLabel("Server 2").fill("of-sets");
  await form.getByLabel("Tool 2", { exact: true }).fill("add");
  await form.getByLabel("Shown as 2").fill("sum");
  await check("the form of a set");
  await form.getByRole("button", { name: "Create" }).click();
  const drawer = page.getByRole("dialog", { name: "work" });
  await drawer.getByText(`${ctx.gw.url}/mcp/toolset/work`).waitFor();
  await drawer.getByText("of-sets/add → sum").waitFor();
  await check("a set");
  const { key } = await ctx.gw.createKey({ allow_tools: ["of-sets/*"] });
  const listed = await ctx.gw.call("/mcp/toolset/work", {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
  });
  assert.deepEqual(
    listed.json().result.tools.map(({ name }) => name),
    ["of-sets__echo", "sum"],
  );
  await drawer.getByRole("button", { name: "Edit" }).click();
  const edit = page.getByRole("dialog", { name: "Edit" });
  await edit.getByRole("button", { name: "Remove tool 1" }).click();
  await edit.getByRole("button", { name: "Save" }).click();
  await edit.waitFor({ state: "detached" });
  const { toolsets } = (await admin(ctx, "GET", "/toolsets")).body;
  assert.deepEqual(
    toolsets.map(({ tools }) => tools),
    [[{ server: "of-sets", tool: "add", name: "sum", description: null }]],
  );
  await drawer.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete this set?" }).getByRole("button", { name: "Delete" }).click();
  await page.getByText("No set.").waitFor();
  await close();
});

test("calls of tools are listed, filtered and opened, on a phone", LONG, async () => {
  await create("called", "/modern");
  const { key } = await ctx.gw.createKey({ name: "Key of the caller", allow_tools: ["called/*"] });
  for (const [name, given] of [
    ["echo", { text: "Hi" }],
    ["add", { a: 1, b: 2 }],
  ]) {
    const answer = await ctx.gw.call("/mcp/server/called", {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: { name, arguments: given },
      }),
    });
    assert.ok(answer.json().result, answer.text);
  }
  const isRecorded = async () => (await admin(ctx, "GET", "/tool-calls?server=called")).body.tool_calls.length === 2;
  await eventually(isRecorded, { within: PATIENCE, what: "the records" });
  const { page, check, close } = await ctx.open("/tools?of=calls&server=called", { width: 390, height: 844 });
  const grid = page.getByRole("grid");
  await grid.getByText("called/echo").waitFor();
  await page.getByLabel("Tool", { exact: true }).fill("add");
  await page.keyboard.press("Enter");
  await grid.getByText("called/echo").waitFor({ state: "detached" });
  await check("calls on a phone");
  await grid.getByText("called/add").click();
  const drawer = page.getByRole("dialog", { name: "called/add" });
  await drawer.getByText("MCP client").waitFor();
  await drawer.getByText("Key of the caller").waitFor();
  await drawer.getByText("Arguments and results are not kept.").waitFor();
  await check("a call");
  await close();
});

test("a user has the sets of their own, and no servers", LONG, async () => {
  const { page, check, close } = await ctx.openAs("grace@example.org", "/tools");
  await page.getByText("No set.").waitFor();
  assert.equal(await page.locator("label", { hasText: /^Servers$/ }).count(), 0);
  await page.getByRole("button", { name: "New set" }).first().click();
  const form = page.getByRole("dialog", { name: "New set" });
  await form.getByLabel("Name", { exact: true }).fill("mine");
  await form.getByLabel("Server 1").fill("agent/my-laptop/files");
  await form.getByRole("button", { name: "Create" }).click();
  const drawer = page.getByRole("dialog", { name: "mine" });
  await drawer.getByText("agent/my-laptop/files/*").waitFor();
  await check("a set of one's own");
  await drawer.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete this set?" }).getByRole("button", { name: "Delete" }).click();
  await page.getByText("No set.").waitFor();
  await close();
});
