// A Worker that forwards, and makes one choice of calls of the platform besides: `env.VARIANT` says which. What the choices cost
// each other is the difference between variants; `bench/variants.mjs` lets them take turns.
const url = (request, env) => {
  const { pathname, search } = new URL(request.url);
  return env.UPSTREAM + pathname + search;
};

async function forward(request, env, signal) {
  const body = await request.arrayBuffer();
  const { method, headers } = request;
  const answer = await fetch(url(request, env), { method, headers, body, redirect: "manual", signal });
  return new Response(await answer.arrayBuffer(), answer);
}

const timer = (ms) => setTimeout(() => {}, ms);

const VARIANTS = {
  plain: (request, env) => forward(request, env),
  // The caller's own signal alone: nothing that the gateway itself could abort.
  "signal-caller": (request, env) => forward(request, env, request.signal),
  "signal-own": (request, env) => forward(request, env, new AbortController().signal),
  "signal-any": (request, env) =>
    forward(request, env, AbortSignal.any([new AbortController().signal, request.signal])),
  "signal-linked": (request, env) => {
    const own = new AbortController();
    request.signal.addEventListener("abort", () => own.abort());
    return forward(request, env, own.signal);
  },
  "timers-3": async (request, env) => {
    clearTimeout(timer(20_000));
    clearTimeout(timer(60_000));
    clearTimeout(timer(300_000));
    return forward(request, env);
  },
  "timers-1": async (request, env) => {
    const one = timer(20_000);
    const answer = await forward(request, env);
    clearTimeout(one);
    return answer;
  },
};

export default {
  fetch: (request, env) => VARIANTS[env.VARIANT](request, env),
};
