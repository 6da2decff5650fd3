// What pages need besides the traffic to have something to show: servers of tools and an agent, a set, calls, a directory, a session.
import { bearer, eventually } from "../../support/util.mjs";
import { PATIENCE, admin } from "./console.mjs";
import { withTools } from "./tools.mjs";

/** The id of a session that is bound to an upstream. */
export const SESSION = "ada-refactoring";

export async function withContent(ctx) {
  await withTools(ctx);
  await made(ctx, "/toolsets", {
    name: "research",
    description: "What the assistants of the team may use",
    tools: [
      { server: "modern", tool: "echo", name: "say" },
      { server: "modern", tool: "add", name: "sum" },
    ],
  });
  await made(ctx, "/scim-clients", {
    name: "Entra ID",
    role_map: [{ group: "Gateway operators", roles: ["operator"] }],
  });
  await callTools(ctx);
  await bindSession(ctx);
}

async function made(ctx, path, body) {
  const { status, text } = await admin(ctx, "POST", path, body);
  if (status !== 201) throw new Error(`${path}: ${status} ${text}`);
}

/** Calls through the set, until they are in the log. */
async function callTools(ctx) {
  // Read once, so that they are accepted.
  const read = await admin(ctx, "GET", "/mcp-servers/modern/tools");
  if (read.status !== 200) throw new Error(read.text);
  const { key } = await ctx.gw.createKey({ name: "Assistant", allow_tools: ["modern/*"] });
  const calls = [
    ["say", { text: "Hello" }],
    ["sum", { a: 1, b: 2 }],
    ["sum", { a: 20, b: 22 }],
  ];
  for (const [name, given] of calls) {
    const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: given } };
    const headers = { ...bearer(key), "content-type": "application/json" };
    const answer = await ctx.gw.call("/mcp/toolset/research", { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.json().result) throw new Error(answer.text);
  }
  const areRecorded = async () => (await admin(ctx, "GET", "/tool-calls")).body.tool_calls.length >= calls.length;
  await eventually(areRecorded, { within: PATIENCE, what: "the records of the calls" });
}

async function bindSession(ctx) {
  const { status, text } = await ctx.gw.complete(
    ctx.keys.web.key,
    { model: "smart", messages: [{ role: "user", content: "Where was I?" }] },
    { headers: { "x-session-id": SESSION } },
  );
  if (status !== 200) throw new Error(text);
  const isBound = async () => (await admin(ctx, "GET", `/routing/sessions/${SESSION}`)).status === 200;
  await eventually(isBound, { within: PATIENCE, what: "the session" });
}
