// Sessions whose turns call tools of the gateway, with a scripted model at the loopback upstream of a suite.
import assert from "node:assert/strict";
import { connect } from "./socket.mjs";
import { answersWith, completion } from "./upstream.mjs";
import { bearer } from "./util.mjs";

/**
 * What a model says that has these messages for the rounds of every turn: a text, or a text and calls; or a function of the request that
 * returns one of them.
 */
export const says =
  (name, ...rounds) =>
  (x) => {
    const asked = x.json();
    const question = asked.messages.findLastIndex(({ role }) => role === "user");
    const said = asked.messages.slice(question).filter(({ role }) => role === "assistant").length;
    const next = rounds[Math.min(said, rounds.length - 1)];
    const round = typeof next === "function" ? next(asked) : next;
    const isCall = typeof round !== "string";
    const message = isCall ? { role: "assistant", refusal: null, content: round[0], tool_calls: round[1] } : round;
    return answersWith(completion(name, message, { finish: isCall ? "tool_calls" : "stop" }))(x);
  };

/** The sessions of a suite. */
export function toolSessionsOf(t) {
  const scripted = async (name, ...rounds) => {
    await t.model(name, says(name, ...rounds));
    return name;
  };

  /** A session of a key of its own that may call every tool. */
  async function session({ model, mcp, keyFields = { allow_tools: ["*"] } }) {
    const { key } = await t.gw.createKey(keyFields);
    const call = async (method, target, body) => {
      const answer = await t.gw.call(`/api/v1${target}`, {
        method,
        headers: { ...bearer(key), "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const json = answer.text.startsWith("{") ? answer.json() : undefined;
      return { status: answer.status, text: answer.text, body: json };
    };
    const made = await call("POST", "/sessions", { model, config: { mcp } });
    assert.equal(made.status, 201, made.text);
    const { id } = made.body.data;
    const open = async (query = "") => {
      const socket = await connect(`${t.gw.url}/ws/chat?v=2&session_id=${id}${query}`, { headers: bearer(key) });
      await socket.frame("hello");
      return socket;
    };
    const messages = async () => (await call("GET", `/sessions/${id}/messages`)).body.data.messages;
    return { id, key, call, open, messages };
  }

  return { scripted, session };
}
