// Forwards, and reads a branch of every answer beside the one that the caller gets. Of the ways to look at a body that the
// platform has, this one relays the most chunks a second: a loop of read() and write(), with and without buffers of its
// own, a TransformStream and a ReadableStream's pull() were all slower when this was chosen (bench/README.md).
// biome-ignore lint/correctness/noUnusedVariables: counting keeps the bytes from being skipped unread
let seen = 0;

export default {
  async fetch(request, env, context) {
    const { pathname, search } = new URL(request.url);
    const answer = await fetch(new Request(env.UPSTREAM + pathname + search, request));
    const [forCaller, forUs] = answer.body.tee();
    context.waitUntil(look(forUs));
    return new Response(forCaller, answer);
  },
};

async function look(body) {
  for await (const chunk of body) seen += chunk.length;
}
