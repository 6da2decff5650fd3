// The same as the variant `plain` of platform-calls.js, as a class: an instance is made for each request.
import { WorkerEntrypoint } from "cloudflare:workers";

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname, search } = new URL(request.url);
    const body = await request.arrayBuffer();
    const { method, headers } = request;
    const answer = await fetch(this.env.UPSTREAM + pathname + search, { method, headers, body, redirect: "manual" });
    return new Response(await answer.arrayBuffer(), answer);
  }
}
