// A hub that is lost at a moment of a test's choice, as the platform may lose any object: its memory and its connections are gone, and
// what it had not stored. (An object with a request in progress cannot be evicted.)
import { send } from "./util.mjs";

/** The module in front of the Worker's; for `startGateway`. */
export const entry = `
import worker, { AgentHub as Hub } from "./index.js";
export * from "./index.js";

const send = WebSocket.prototype.send;
let armed;
WebSocket.prototype.send = function (data) {
  if (armed !== undefined && typeof data === "string" && data.includes('"t":"' + armed.kind + '"')) {
    const { state } = armed;
    armed = undefined;
    // Not here: the module is in the middle of a call, which no loss of an object interrupts.
    setTimeout(() => state.abort("lost before a frame was sent"));
    return;
  }
  return send.call(this, data);
};

export class AgentHub extends Hub {
  constructor(state, env) {
    super(state, env);
    this.state = state;
  }

  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/lose") return super.fetch(request);
    const kind = searchParams.get("before");
    if (kind === null) this.state.abort("lost");
    armed = { state: this.state, kind };
    return new Response("armed");
  }
}

export default class extends worker {
  async fetch(request) {
    const { pathname, searchParams, search } = new URL(request.url);
    if (pathname !== "/lose") return super.fetch(request);
    const hub = this.env.AGENT_HUB.getByName(searchParams.get("name"));
    return hub.fetch("http://hub/lose" + search).catch((error) => new Response(String(error)));
  }
}`;

/** Loses a hub: at once, or before it sends a frame of the kind `before`. */
export async function lose(gw, name, { before } = {}) {
  const query = new URLSearchParams({ name, ...(before === undefined ? {} : { before }) });
  const { text } = await send(`${gw.url}/lose?${query}`);
  if (!/^armed$|lost/.test(text)) throw new Error(`the hub was not lost: ${text}`);
}
