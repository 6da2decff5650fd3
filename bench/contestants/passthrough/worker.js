// The least that a gateway on this platform can do: another address, the same request, the answer as it comes.
export default {
  fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    return fetch(new Request(env.UPSTREAM + pathname + search, request));
  },
};
