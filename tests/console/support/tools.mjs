// Servers of tools, and an agent with tools, for the pages about them.
import { connectedAgent } from "../../support/agent.mjs";
import { startMcpServers } from "../../support/mcp-servers.mjs";
import { PATIENCE, admin } from "./console.mjs";

export const TOOLS = [
  {
    name: "read_file",
    title: "Read a file",
    description: "Reads a file of the folder as text.",
    inputSchema: {
      type: "object",
      properties: {
        path: { type: "string", description: "Below the folder" },
        lines: { type: "integer", default: 100 },
        encoding: { enum: ["utf-8", "latin-1"] },
      },
      required: ["path"],
    },
    annotations: { readOnlyHint: true },
  },
  { name: "write_file", description: "Writes a file.", inputSchema: { type: "object", properties: { path: {} } } },
];

/** A key that is granted the tools of agents: `{ id, key }`. */
export const toolKeyOf = (ctx, fields = {}) => ctx.gw.createKey({ name: "Tools", allow_tools: ["agent/*"], ...fields });

/** An agent of the key with these tools. It answers what it was called with, until it is told otherwise. */
export async function startAgent(ctx, key, id, tools = TOOLS) {
  const agent = await connectedAgent({ gw: ctx.gw, key: key.key }, id, { catalog: { tools } });
  agent.behaviour = ({ params }) => ({ content: [{ type: "text", text: `called with ${JSON.stringify(params)}` }] });
  ctx.others.push({ stop: () => agent.socket.close() });
  return agent;
}

/** The servers of tests/support/mcp-servers.mjs, of which the gateway has `modern`. */
export async function startServers(ctx) {
  const servers = await startMcpServers();
  ctx.others.push(servers);
  return servers;
}

/** A server with tools, and an agent of which a tool has changed since it was accepted. */
export async function withTools(ctx) {
  ctx.servers = await startServers(ctx);
  const { status, text } = await admin(ctx, "POST", "/mcp-servers", {
    id: "modern",
    url: `${ctx.servers.url}/modern`,
    token: "a-token-of-the-server",
  });
  if (status !== 201) throw new Error(text);
  ctx.toolKey = await toolKeyOf(ctx);
  const agent = await startAgent(ctx, ctx.toolKey, "ada-laptop");
  await reviewOf(ctx, "ada-laptop");
  const [first, ...others] = TOOLS;
  await changeCatalog(agent, [{ ...first, description: "Reads a file, and tells where it is." }, ...others]);
}

/** What is accepted of the agent's server, which the gateway keeps when it is first asked. */
async function reviewOf(ctx, id) {
  const address = `/v1/bridge/agents/${id}/servers/files/tools`;
  const { status, text } = await ctx.gw.call(address, { headers: { authorization: `Bearer ${ctx.toolKey.key}` } });
  if (status !== 200) throw new Error(text);
}

/** The agent connects again, with other tools. */
export async function changeCatalog(agent, tools) {
  agent.socket.close();
  await agent.socket.closed;
  const welcome = await agent.connect({ catalog: { tools } });
  if (welcome.t !== "welcome") throw new Error(JSON.stringify(welcome));
}

export const LONG = { timeout: 4 * PATIENCE };
