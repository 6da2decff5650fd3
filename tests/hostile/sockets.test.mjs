// Damaged WebSocket frames: each is answered with an error frame or closes its own connection with a code of the protocol,
// and other connections of the same session go on.
import assert from "node:assert/strict";
import { connect } from "../support/socket.mjs";
import { suite, test } from "../support/suite.mjs";
import { answersWith, completion } from "../support/upstream.mjs";
import { bearer } from "../support/util.mjs";
import { damage } from "./mutate.mjs";

const CONNECTIONS = 8;
// Below the limit of frames, which is not what this is about.
const FRAMES_PER_CONNECTION = 55;
const SEED = 77_000;

const t = suite({
  vars: { CHAT_STREAM_PER_MINUTE: "100000" },
  setUp: () => t.model("talker", answersWith(completion("talker", "fine"))),
});

const GOOD = [
  { type: "message", seq: 1, id: "1", content: "hi", model: "talker", config: { temperature: 0.5 } },
  { type: "message", content: [{ type: "text", text: "hi" }], provider: "loopback", provider_id: 1 },
  { type: "tool_result", results: [{ tool_call_id: "call_1", content: "rain" }] },
  { type: "stop", turn_id: "t" },
  { type: "hello", last_seq: 0 },
  { type: "regenerate", model: "talker" },
  { type: "ping", seq: 2 },
];

test(
  "damaged frames",
  async () => {
    const harm = damage(SEED);
    const open = (query = "") => connect(`${t.gw.url}/ws/chat?v=2${query}`, { headers: bearer(t.key) });
    const steady = await open();
    const { session_id } = await steady.frame("hello");
    for (let n = 0; n < CONNECTIONS; n++) {
      const socket = await open(`&session_id=${session_id}`);
      for (let i = 0; i < FRAMES_PER_CONNECTION; i++) {
        const good = harm.one(GOOD);
        const sent = harm.below(3) === 0 ? harm.bytes(JSON.stringify(good)) : harm.json(good);
        socket.send(harm.below(2) === 0 ? Buffer.from(sent) : sent.toString());
      }
      // Frames are answered in order, so this is answered last.
      socket.send({ type: "ping", seq: 4_711 });
      const answered = socket.frame((frame) => frame?.type === "pong" && frame.ref === 4_711).then(() => "answered");
      const outcome = await Promise.race([answered, socket.closed]);
      const about = `connection ${n} of seed ${SEED}: ${JSON.stringify(outcome)}`;
      assert.ok(outcome === "answered" || CLOSES.includes(outcome.code), about);
      socket.close();
    }
    const from = steady.frames.length;
    steady.send({ type: "message", id: "last", content: "still there?", model: "talker" });
    const { turn_id } = await steady.frame((frame) => frame?.type === "ack", { from });
    await steady.frame((frame) => frame?.type === "done" && frame.turn_id === turn_id, { from, ms: 60_000 });
    steady.close();
  },
  { timeout: 180_000 },
);

/** Not a text, not UTF-8, against the rules, too large: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 */
const CLOSES = [1003, 1007, 1008, 1009];

test("nothing of it broke the isolate", () => {
  const broken = t.gw.logs().filter(({ message }) => /panicked|unreachable|RuntimeError|Uncaught/.test(message));
  assert.deepEqual(broken, []);
});
