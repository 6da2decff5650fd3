// Proves the playground: an answer is streamed as Markdown, models are compared, a dropped line is resumed without a loss, a question is
// edited and asked from there, and nothing that a model writes runs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answersWith, chunk, completion, delay, delta, event, toolCall } from "../support/upstream.mjs";
import { PATIENCE, consoleSuite } from "./support/console.mjs";

const HOSTILE = `<script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">

![x](https://evil.example/pixel.png "t") [click](javascript:window.hacked=3) [data](data:text/html,<script>1</script>)

<iframe srcdoc="<script>parent.hacked = 4</script>"></iframe> <svg onload="window.hacked = 5"></svg>

\`\`\`html
</code><script>window.hacked = 6</script>
\`\`\`

| a | <b onclick="window.hacked=7">b</b> |
|---|---|
| [x](JaVaScRiPt:window.hacked=8) | <a href="javascript:window.hacked=9">y</a> |

<style>body { display: none }</style> End of it.`;

const WORDS = Array.from({ length: 60 }, (_, at) => `word${at} `);

const ctx = consoleSuite({
  traffic: 0,
  setUp: async ({ gw, up }) => {
    const { body } = await gw.admin("GET", "/providers");
    const provider_id = body.providers.find(({ name }) => name === "openai").id;
    for (const name of ["hostile", "slow", "table", "tools"]) {
      await gw.createModel({ provider_id, model_name: name });
      // The first key has an owner with a budget.
      await gw.admin("PUT", `/prices/model:${name}`, { input: 1, output: 2 });
    }
    up.on("hostile", answersWith(completion("hostile", HOSTILE)));
    up.on("table", answersWith(completion("table", "| planet | km |\n|---|---|\n| Mars | 6779 |")));
    up.on("tools", (x) => {
      const { messages } = x.json();
      const said = messages.find(({ role }) => role === "tool")?.content;
      const call = {
        role: "assistant",
        content: null,
        tool_calls: [toolCall("c1", "get_weather", '{"city":"Paris"}')],
      };
      const answer = completion("tools", said ? `It is ${said} there.` : call, said ? {} : { finish: "tool_calls" });
      return answersWith(answer)(x);
    });
    up.on("slow", async (x) => {
      x.sse();
      for (const word of WORDS) {
        await x.write(event(chunk("slow", delta({ content: word }))));
        await delay(40);
      }
      await x.write(event(chunk("slow", delta({}, "stop"))));
      x.end("data: [DONE]\n\n");
    });
  },
});
const LONG = { timeout: 4 * PATIENCE };

async function ask(page, text) {
  await page.getByLabel("Ask something…").fill(text);
  await page.keyboard.press("Control+Enter");
}

test("an answer is streamed as Markdown, with what it took and its row in the log", LONG, async () => {
  const { page, check, close } = await ctx.open("/playground?model=openai/gpt-5-mini");
  await ask(page, "Hello there");
  await page.getByText("Hello there", { exact: true }).waitFor();
  await page.locator("strong", { hasText: "answer" }).waitFor();
  await page.getByText("1,200 → 340").waitFor();
  await page.getByText("openai", { exact: true }).last().waitFor();
  await check("an answer");
  await page.getByRole("link", { name: "In the log" }).click();
  await page.getByRole("heading", { name: "Attempts" }).waitFor();
  await close();
});

test("two models are asked the same, side by side", LONG, async () => {
  const { page, check, close } = await ctx.open("/playground?model=openai/table,demo/echo");
  await ask(page, "Compare this");
  const table = page.getByRole("region", { name: "openai/table" });
  const echo = page.getByRole("region", { name: "demo/echo" });
  await table.getByRole("cell", { name: "6779" }).waitFor();
  await echo.getByText("Compare this").nth(1).waitFor();
  await check("two models");
  await table.getByText("Python", { exact: true }).click();
  await table.getByText('api_key=os.environ["NEXUS_API_KEY"]', { exact: false }).waitFor();
  await close();
});

test("a line that drops in the middle of an answer is resumed, and nothing is lost or said twice", LONG, async () => {
  const lines = [];
  const { page, check, close } = await ctx.open("/playground?model=openai/slow", {
    prepare: (page) =>
      page.routeWebSocket(/\/ws\/chat/, (socket) => {
        const server = socket.connectToServer();
        lines.push({ socket, server });
        socket.onMessage((message) => server.send(message));
        server.onMessage((message) => socket.send(message));
      }),
  });
  await ask(page, "Slowly");
  await page.getByText("word5 ", { exact: false }).first().waitFor();
  await lines[0].server.close();
  await lines[0].socket.close({ code: 1012, reason: "dropped by the test" });
  await page.getByText("Reconnected; nothing was lost.").waitFor();
  await page.getByText("word59", { exact: false }).waitFor();
  const said = await page.locator(".md").first().textContent();
  assert.equal(said.trim(), WORDS.join("").trim());
  assert.equal(lines.length, 2);
  await check("a resumed answer");
  await close();
});

test("an answer is stopped, and says so", LONG, async () => {
  const { page, check, close } = await ctx.open("/playground?model=openai/slow");
  await ask(page, "Stop me");
  await page.getByText("word2 ", { exact: false }).first().waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("stopped", { exact: true }).waitFor();
  await check("a stopped answer");
  await close();
});

test("a question is edited, and what followed it is left out", LONG, async () => {
  const { page, check, close } = await ctx.open("/playground?model=demo/echo");
  await ask(page, "First question");
  await page.getByText("Tokens", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Edit and ask from here" }).click();
  assert.equal(await page.getByLabel("Ask something…").inputValue(), "First question");
  await ask(page, "Edited question");
  await page.getByText("Edited question").nth(1).waitFor();
  assert.equal(await page.getByText("First question").count(), 0);
  await check("an edited question");
  await close();
});

test("nothing that a model writes runs, is fetched, or leaves its place", LONG, async () => {
  const { page, check, close } = await ctx.open("/playground?model=openai/hostile");
  await ask(page, "<img src=x onerror=window.hacked=0>");
  await page.getByText("End of it.", { exact: false }).waitFor();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  const links = await page.locator(".md a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  assert.ok(
    links.every((href) => /^https?:/.test(href)),
    links.join(),
  );
  assert.equal(
    await page
      .locator(".md :is(img, script, iframe, style, svg)")
      .filter({ hasNot: page.locator("path") })
      .count(),
    0,
  );
  await check("a hostile answer");
  await close();
});

test("a call of a tool is answered by the person, and the model goes on", LONG, async () => {
  const { page, check, close } = await ctx.open("/playground?model=openai/tools");
  await page.getByRole("button", { name: "Settings" }).click();
  const tool = { type: "function", function: { name: "get_weather", parameters: { type: "object", properties: {} } } };
  await page.getByRole("textbox", { name: /^Tools/ }).fill(JSON.stringify([tool]));
  await page.keyboard.press("Escape");
  await ask(page, "How is it in Paris?");
  await page.getByText("Call of a tool: get_weather").waitFor();
  await page.getByLabel("What get_weather answers").fill("21 °C and sunny");
  await check("a call of a tool");
  await page.getByRole("button", { name: "Send the answers" }).click();
  await page.getByText("It is 21 °C and sunny there.").waitFor();
  const { messages } = ctx.up.last("tools").json();
  assert.deepEqual(
    messages.map(({ role }) => role),
    ["user", "assistant", "tool"],
  );
  assert.equal(messages[2].tool_call_id, "c1");
  await close();
});
