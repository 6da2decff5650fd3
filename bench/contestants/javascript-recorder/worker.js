// A gateway reduced to what it asks of the platform, in plain JavaScript: it compares a key by its hash, reads request and answer
// as JSON, looks once into KV while the upstream works, and writes down after the answer what was used: one write to
// KV, and a queue message that the requests of a few milliseconds share. No configuration, no dialects, no database: what
// a gateway does itself comes on top of this.
const LINGER_MS = 20;
const MOST_EVENTS = 64;
const encoder = new TextEncoder();

/** Events that wait for company. */
let waiting = [];

export default {
  async fetch(request, env, context) {
    const began = Date.now();
    if (!(await isAllowed(request, env))) return new Response("no such key", { status: 401 });
    const { pathname, search } = new URL(request.url);
    const body = await request.text();
    const { model, stream, messages } = JSON.parse(body);
    // Every conversation has a name of its own; which, is all the same to KV.
    const name = `conversation:${crypto.randomUUID()}`;
    const [known, answer] = await Promise.all([
      env.KV.get(name),
      fetch(env.UPSTREAM + pathname + search, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: "Bearer upstream" },
        body,
      }),
    ]);
    const record = (usage) =>
      recorded(env, name, known, {
        id: crypto.randomUUID(),
        began,
        took: Date.now() - began,
        model,
        stream,
        turns: messages.length,
        usage,
      });
    if (!stream) {
      const text = await answer.text();
      context.waitUntil(record(JSON.parse(text).usage));
      return new Response(text, answer);
    }
    const [forCaller, forUs] = answer.body.tee();
    context.waitUntil(usageOf(forUs).then(record));
    return new Response(forCaller, answer);
  },
};

async function isAllowed(request, env) {
  const key = request.headers.get("authorization").slice("Bearer ".length);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(key)));
  return digest.toHex() === env.KEY_HASH;
}

/** What the last event but `[DONE]` says; the others are read and not looked at. */
async function usageOf(body) {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
  const at = text.lastIndexOf("data: {");
  return JSON.parse(text.slice(at + "data: ".length, text.indexOf("\n", at))).usage;
}

async function recorded(env, name, known, event) {
  // About as long as what Nexus Edge keeps of a conversation of one turn.
  const turn = { said: name.slice(-16), in: event.id };
  const kept = JSON.stringify({ known, turns: [turn, turn] });
  await Promise.all([env.KV.put(name, kept, { expirationTtl: 1800 }), send(env, event)]);
}

async function send(env, event) {
  waiting.push(event);
  if (waiting.length > 1 && waiting.length < MOST_EVENTS) return;
  if (waiting.length === 1) await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
  const events = waiting;
  waiting = [];
  if (events.length) await env.QUEUE.send(JSON.stringify(events), { contentType: "text" });
}
