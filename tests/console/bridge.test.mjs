// Proves of agents: one is made with a token that is shown once, connects, is renamed and deleted; its tools are called from a form, with
// progress and cancelling; questions of calls are answered; changed tools are accepted; what happens is told while it happens.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedAgent } from "../support/agent.mjs";
import { eventually } from "../support/util.mjs";
import { PATIENCE, consoleSuite } from "./support/console.mjs";
import { choose, focused, press, reach } from "./support/keyboard.mjs";
import { LONG, TOOLS, changeCatalog, startAgent, toolKeyOf } from "./support/tools.mjs";

const ctx = consoleSuite({ traffic: 0 });
/** The state of an agent, with its mark. */
const CONNECTED = /^●connected$/;
let made = 0;

/** A key with an agent, open in a view. */
async function opened(view, options = {}) {
  const key = await toolKeyOf(ctx);
  const id = `agent-${++made}`;
  const agent = await startAgent(ctx, key, id, options.tools);
  const page = await ctx.open(`/bridge/${id}?key=${key.id}&view=${view}`, options);
  const drawer = page.page.getByRole("dialog", { name: id });
  await drawer.getByText(CONNECTED).waitFor();
  return { ...page, agent, drawer, key };
}

test("an agent is made, connects, is renamed, gets another token, and is deleted", LONG, async () => {
  const key = await toolKeyOf(ctx);
  const { page, check, close } = await ctx.open(`/bridge?key=${key.id}`);
  await page.getByText("No agent.").waitFor();
  await page.getByRole("button", { name: "New agent" }).first().click();
  const form = page.getByRole("dialog", { name: "New agent" });
  await form.getByLabel("Id", { exact: true }).fill("my-laptop");
  await form.getByLabel("Name").fill("My laptop");
  await form.getByRole("button", { name: "Make the token" }).click();
  const secret = page.getByRole("dialog", { name: "Connect the agent" });
  await secret.getByText(`${ctx.gw.url.replace("http", "ws")}/bridge/tunnel`).waitFor();
  const token = await secret.getByLabel("AI_BRIDGE_SERVER_TOKEN").inputValue();
  await check("the token and the steps");
  await secret.getByLabel("I have saved it").check();
  await secret.getByRole("button", { name: "Close" }).click();
  const drawer = page.getByRole("dialog", { name: "My laptop" });
  await drawer.getByText("not connected").waitFor();
  assert.ok(!(await page.content()).includes(token));

  const agent = new ScriptedAgent(ctx.gw, token, "my-laptop");
  assert.equal((await agent.connect()).t, "welcome");
  await drawer.getByText(CONNECTED).waitFor();
  await drawer.getByText("ready").waitFor();
  await check("an agent that is connected");
  await drawer.getByRole("button", { name: "Rename" }).click();
  const naming = page.getByRole("dialog", { name: "Rename" });
  await naming.getByLabel("Name").fill("Desk");
  await naming.getByRole("button", { name: "Save" }).click();
  const renamed = page.getByRole("dialog", { name: "Desk" });
  await renamed.getByRole("button", { name: "New token" }).click();
  const again = page.getByRole("dialog", { name: "New token" });
  await again.getByRole("button", { name: "Make the token" }).click();
  await secret.getByLabel("I have saved it").check();
  await secret.getByRole("button", { name: "Close" }).click();
  assert.equal((await agent.socket.closed).code, 4401);
  await renamed.getByText("not connected").waitFor();
  await renamed.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete this agent?" }).getByRole("button", { name: "Delete" }).click();
  await page.getByText("No agent.").waitFor();
  await close();
});

test("a tool is called from its form, and from JSON", LONG, async () => {
  const { page, agent, drawer, check, close } = await opened("try");
  let release;
  const released = new Promise((resolve) => (release = resolve));
  agent.behaviour = async ({ id, params }, socket) => {
    socket.send({ t: "note", id, seq: 1, kind: "stderr", data: "a line of the log" });
    await released;
    return { content: [{ type: "text", text: `<b>called</b> with ${JSON.stringify(params.arguments)}` }] };
  };
  await drawer.getByLabel("path").fill("notes.txt");
  await drawer.getByLabel("encoding").selectOption({ label: "latin-1" });
  await drawer.getByRole("button", { name: "Call", exact: true }).click();
  await drawer.getByText("a line of the log").waitFor();
  release();
  await drawer.getByText('<b>called</b> with {"path":"notes.txt","lines":100,"encoding":"latin-1"}').first().waitFor();
  await check("a call from the form");
  await drawer.locator("label", { hasText: /^JSON$/ }).click();
  const json = drawer.getByLabel("Arguments");
  assert.deepEqual(JSON.parse(await json.inputValue()), { path: "notes.txt", lines: 100, encoding: "latin-1" });
  await json.fill("{");
  await drawer.getByRole("button", { name: "Call", exact: true }).click();
  await drawer.getByText("This is not what is needed").waitFor();
  await json.fill('{"path":"other.txt"}');
  await drawer.getByRole("button", { name: "Call", exact: true }).click();
  await drawer.getByText('called</b> with {"path":"other.txt"}').first().waitFor();
  assert.equal(agent.calls.length, 2);
  await drawer.getByLabel("Tool", { exact: true }).selectOption("files__write_file");
  await drawer.getByText("Writes a file.", { exact: true }).waitFor();
  assert.match(page.url(), /tool=files__write_file/);
  await close();
});

test("an agent is made and one of its tools is called, by keyboard alone", LONG, async () => {
  const key = await toolKeyOf(ctx);
  const { page, check, close } = await ctx.open("/");
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("j");
  await page.getByRole("heading", { name: "Bridge", level: 1 }).waitFor();
  await choose(page, page.getByLabel("As the key"), key.id);
  await page.getByText("No agent.").waitFor();
  await press(page, page.getByRole("button", { name: "New agent" }).first());
  await focused(page.getByLabel("Id", { exact: true }));
  await page.keyboard.type("by-keyboard");
  await page.keyboard.press("Tab");
  await page.keyboard.type("By keyboard");
  await page.keyboard.press("Enter");
  const secret = page.getByRole("dialog", { name: "Connect the agent" });
  const shown = secret.getByLabel("AI_BRIDGE_SERVER_TOKEN");
  await shown.waitFor();
  const token = await shown.inputValue();
  await press(page, secret.getByLabel("I have saved it"), "Space");
  await press(page, secret.getByRole("button", { name: "Close" }));
  const drawer = page.getByRole("dialog", { name: "By keyboard" });
  await drawer.getByText("not connected").waitFor();

  const agent = new ScriptedAgent(ctx.gw, token, "by-keyboard");
  agent.behaviour = ({ params }) => ({ content: [{ type: "text", text: `read ${params.arguments.path}` }] });
  ctx.others.push({ stop: () => agent.socket?.close() });
  assert.equal((await agent.connect({ catalog: { tools: TOOLS } })).t, "welcome");
  await drawer.getByText(CONNECTED).waitFor();
  await reach(page, drawer.getByRole("radio", { name: "About" }));
  for (const view of ["Tools", "Try a tool"]) {
    await page.keyboard.press("ArrowRight");
    await focused(drawer.getByRole("radio", { name: view }));
  }
  const path = drawer.getByLabel("path");
  await path.waitFor();
  await reach(page, path);
  await page.keyboard.type("notes.txt");
  await page.keyboard.press("Enter");
  await drawer.getByText("read notes.txt").first().waitFor();
  await check("a call by keyboard");
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
  await close();
});

test("a call shows its progress and is canceled, on a phone", LONG, async () => {
  const { agent, drawer, check, close } = await opened("try", { width: 390, height: 844 });
  agent.behaviour = ({ id }, socket) => {
    socket.send({ t: "note", id, seq: 1, kind: "progress", data: { progress: 1, total: 4, message: "reading" } });
  };
  await drawer.getByLabel("path").fill("large.txt");
  await drawer.getByRole("button", { name: "Call", exact: true }).click();
  await drawer.getByRole("progressbar", { name: "reading" }).waitFor();
  assert.equal(await drawer.getByRole("progressbar").getAttribute("aria-valuenow"), "25");
  await check("a call that runs");
  await drawer.getByRole("button", { name: "Cancel the call" }).click();
  await drawer.getByText("Not answered: call_canceled").waitFor();
  const isTold = () => agent.socket.frames.some((frame) => frame?.t === "cancel" && frame.id === agent.calls[0].id);
  await eventually(isTold, { within: PATIENCE, what: "the agent to be told" });
  await close();
});

test("an approval and an input are answered", LONG, async () => {
  const { agent, drawer, check, close } = await opened("try");
  agent.behaviour = async ({ id }, socket) => {
    const approval = { tool: "read_file", why: "It is asked about each time.", arguments: { path: "a.txt" } };
    socket.send({ t: "ask", id, ask: `${id}-1`, kind: "approval", body: approval });
    const decided = await socket.frame((frame) => frame?.t === "answer" && frame.ask === `${id}-1`);
    const requestedSchema = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
    const input = { method: "elicitation/create", params: { message: "Who is it for?", requestedSchema } };
    socket.send({ t: "ask", id, ask: `${id}-2`, kind: "input_required", body: input });
    const said = await socket.frame((frame) => frame?.t === "answer" && frame.ask === `${id}-2`);
    return { content: [{ type: "text", text: JSON.stringify([decided.body, said.body]) }] };
  };
  await drawer.getByLabel("path").fill("a.txt");
  await drawer.getByRole("button", { name: "Call", exact: true }).click();
  const questions = drawer.getByRole("region", { name: "Questions" });
  await questions.getByText("It is asked about each time.").waitFor();
  await check("an approval");
  await questions.getByRole("button", { name: "Allow once" }).click();
  await questions.getByText("Who is it for?").waitFor();
  await questions.getByLabel("name").fill("Ada");
  await check("an input");
  await questions.getByRole("button", { name: "Answer" }).click();
  await drawer
    .getByText('[{"decision":"once"},{"response":{"action":"accept","content":{"name":"Ada"}}}]')
    .first()
    .waitFor();
  await questions.waitFor({ state: "detached" });
  await close();
});

test("a question that is there before the page is answered from the list", LONG, async () => {
  const key = await toolKeyOf(ctx);
  const id = `agent-${++made}`;
  const agent = await startAgent(ctx, key, id);
  agent.behaviour = async (call, socket) => {
    socket.send({ t: "ask", id: call.id, ask: "early", kind: "approval", body: { tool: "write_file" } });
    return { content: [{ type: "text", text: (await socket.frame((frame) => frame?.t === "answer")).body.decision }] };
  };
  const answer = ctx.gw.call("/v1/bridge/invoke", {
    method: "POST",
    headers: { authorization: `Bearer ${key.key}`, "content-type": "application/json" },
    body: JSON.stringify({ agent_id: id, tool_name: "files__write_file" }),
  });
  const { page, close } = await ctx.open(`/bridge?key=${key.id}`);
  await page.getByText("1 question").waitFor();
  await page.getByText(id, { exact: true }).first().click();
  await page.getByRole("button", { name: "Deny" }).click();
  assert.deepEqual((await answer).json().result.content[0].text, "deny");
  await close();
});

test("what has changed is accepted, and what happens is told while it happens", LONG, async () => {
  const { page, agent, drawer, check, close } = await opened("tools");
  await drawer.getByText("Read a file: Reads a file of the folder as text.").waitFor();
  const [first, ...others] = TOOLS;
  await changeCatalog(agent, [{ ...first, description: "Reads all files." }, ...others]);
  // It is read anew when it is looked at again.
  const changed = drawer.getByRole("listitem").filter({ hasText: "read_file" });
  await eventually(
    async () => {
      await page.reload();
      await drawer.getByText("Writes a file.", { exact: true }).waitFor();
      return (await changed.getByText("Read a file: Reads all files.").count()) > 0;
    },
    { within: PATIENCE, what: "the other catalogue" },
  );
  await check("a tool that has changed");
  await changed.getByRole("button", { name: "Accept", exact: true }).click();
  await changed.getByText("accepted").waitFor();
  await drawer.locator("label", { hasText: /^Live$/ }).click();
  await drawer.getByText("Watching").waitFor();
  agent.socket.close();
  await agent.socket.closed;
  await drawer.getByRole("listitem").filter({ hasText: "offline" }).waitFor();
  await drawer.getByText("not connected").waitFor();
  await agent.connect();
  await drawer.getByRole("listitem").filter({ hasText: "online" }).waitFor();
  await check("what happened");
  await close();
});

test("an agent of another key is not there", LONG, async () => {
  const { key, page, check, close } = await opened("about");
  const other = await toolKeyOf(ctx);
  await page.goto(page.url().replace(key.id, other.id));
  await page.getByText("No agent.").waitFor();
  await check("another key");
  await close();
});
