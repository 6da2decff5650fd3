// The Worker around every tokenizer: it loads it when the first text comes, and counts as often as it is asked to.
let loading;

export default {
  async fetch(request) {
    const times = Number(new URL(request.url).searchParams.get("times") ?? 1);
    const text = await request.text();
    let tokens = 0;
    if (times > 0) {
      loading ??= import("./tokenizer.js");
      const { load } = await loading;
      const count = await load();
      for (let i = 0; i < times; i++) tokens = count(text);
    }
    return Response.json({ tokens, bytes: text.length });
  },
};
