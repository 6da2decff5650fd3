// An agent that speaks the tunnel's frames by script, so that a test decides what it says and when.
import { createHash } from "node:crypto";
import { connect } from "./socket.mjs";
import { bearer, eventually } from "./util.mjs";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
export const CATALOG = {
  tools: ["echo", "slow", "large", "fail", "ask"].map((name) => ({ name, inputSchema: { type: "object" } })),
};
const PART = 64 * 1024;

/** A part of a body: kind 1 is a result, 2 a catalogue. */
export function part(kind, number, index, bytes) {
  const head = Buffer.alloc(10);
  head.writeUInt8(kind, 0);
  head.writeUInt32BE(number, 2);
  head.writeUInt32BE(index, 6);
  return Buffer.concat([head, bytes]);
}

export const codeOf = (answer) => answer.json().error.code;

/** Requests with the key of the suite `ctx`, or another one. */
export const callsOf = (ctx) => ({
  post: (target, body, key = ctx.key) =>
    ctx.gw.call(target, {
      method: "POST",
      headers: { ...bearer(key), "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  get: (target, key = ctx.key) => ctx.gw.call(target, { headers: bearer(key) }),
});

/** A new token of an agent. */
export async function tokenOf(gw, key, agentId, fields = {}) {
  const answer = await gw.call("/v1/bridge/agent-token", {
    method: "POST",
    headers: { ...bearer(key), "content-type": "application/json" },
    body: JSON.stringify({ agent_id: agentId, ...fields }),
  });
  if (answer.status !== 201) throw new Error(`no token: ${answer.text}`);
  return answer.json().token;
}

export async function ticketOf(gw, token) {
  const answer = await gw.call("/bridge/ticket", { method: "POST", headers: bearer(token) });
  if (answer.status !== 201) throw new Error(`no ticket: ${answer.text}`);
  return answer.json().ticket;
}

/** Opens the tunnel without a word. */
export const openTunnel = (gw, ticket) =>
  connect(`${gw.url}/bridge/tunnel`, { protocols: ["nexus.bridge.v2", `nexus-ticket.${ticket}`] });

export class ScriptedAgent {
  constructor(gw, token, agentId, { instance = "first" } = {}) {
    Object.assign(this, { gw, token, agentId, instance });
    /** How often each call was run, over all connections. */
    this.runs = new Map();
    this.calls = [];
    this.behaviour = (call) => ({ echoed: call.params });
  }

  /** Connects and says hello; resolves to the welcome. */
  async connect({ resume = { running: [], done: [] }, takeover, catalog = CATALOG } = {}) {
    const socket = await openTunnel(this.gw, await ticketOf(this.gw, this.token));
    this.socket = socket;
    const text = JSON.stringify(catalog);
    socket.send({
      t: "hello",
      agent_id: this.agentId,
      instance: this.instance,
      version: "test",
      os: "linux",
      takeover,
      servers: [{ name: "files", state: "ready", era: "modern", catalog_sha256: sha256(text) }],
      resume,
    });
    const welcome = socket.frame((frame) => frame?.t === "welcome");
    // A connection that is closed instead is told by `closed`.
    welcome.catch(() => {});
    const first = await Promise.race([welcome, socket.closed]);
    if (first.t !== "welcome") return first;
    if (first.want.length > 0) socket.send({ t: "catalog", server: "files", sha256: sha256(text), body: catalog });
    this.pump(socket);
    return first;
  }

  /** Takes every call of a connection. */
  pump(socket) {
    const take = (frame) => {
      if (frame?.t === "call") this.take(socket, frame);
      if (frame?.t === "check") for (const id of frame.ids) this.checked?.(socket, id);
    };
    socket.frames.forEach(take);
    socket.onFrame = take;
  }

  async take(socket, call) {
    this.calls.push(call);
    if (this.ignores) return;
    socket.send({ t: "ack", id: call.id, accepted: true });
    this.runs.set(call.id, (this.runs.get(call.id) ?? 0) + 1);
    const result = await this.behaviour(call, socket);
    if (result === undefined) return;
    const error = result.error;
    await this.answer(socket, call, error ?? result, { ok: error === undefined });
  }

  async answer(socket, call, body, { ok = true } = {}) {
    const text = JSON.stringify(body);
    if (text.length <= PART) return socket.send({ t: "result", id: call.id, n: call.n, ok, body });
    const bytes = Buffer.from(text);
    let parts = 0;
    let credit = 1024 * 1024;
    let given = 0;
    for (let at = 0; at < bytes.length; at += PART) {
      const piece = bytes.subarray(at, at + PART);
      while (credit < piece.length) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        const all = socket.frames.filter((frame) => frame?.t === "credit" && frame.n === call.n);
        const sum = all.reduce((total, frame) => total + frame.bytes, 0);
        credit += sum - given;
        given = sum;
      }
      credit -= piece.length;
      socket.send(part(1, call.n, parts++, piece));
    }
    socket.send({ t: "result", id: call.id, n: call.n, ok, bytes: bytes.length, parts, sha256: sha256(text) });
  }
}

/** An agent of the suite's key that is connected, with the tools of its catalogue. */
export async function connectedAgent(ctx, agentId, options = {}) {
  const one = new ScriptedAgent(ctx.gw, await tokenOf(ctx.gw, ctx.key, agentId), agentId, options);
  await one.connect(options);
  const tools = () => callsOf(ctx).get(`/v1/bridge/agents/${agentId}/tools`);
  await eventually(async () => (await tools()).json().tools.length > 0, { what: "the catalogue" });
  return one;
}
