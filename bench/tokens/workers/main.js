// The Worker around every tokenizer: it loads it when it is first asked for, and counts as often as it is asked to.
let loading;

export default {
  async fetch(request) {
    const parameters = new URL(request.url).searchParams;
    const text = await request.text();
    let tokens = 0;
    if (parameters.has("load")) {
      loading ??= import("./tokenizer.js");
      const { load } = await loading;
      const count = await load();
      for (let i = 0; i < Number(parameters.get("times")); i++) tokens = count(text);
    }
    return Response.json({ tokens, bytes: text.length });
  },
};
