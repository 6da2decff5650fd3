// Proves of the providers: one is added by pasting a key and is asked at once, what is refused does not lose what was typed, all models
// are tested with progress, a broken one is seen and its circuit closed by hand, and deleting says what it takes along.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answersWith, completion } from "../support/upstream.mjs";
import { PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const KEY = "sk-pasted-key-0123456789";
const ctx = consoleSuite({
  traffic: 0,
  setUp: ({ up }) => {
    for (const model of ["nova", "nova-mini"]) up.on(model, answersWith(completion(model, "I am here.")));
    const list = { object: "list", data: ["nova", "nova-mini"].map((id) => ({ id, object: "model" })) };
    up.otherwise((x) =>
      x.path.endsWith("/models") ? x.reply(200, list) : x.reply(404, { error: { message: "nothing" } }),
    );
  },
});
const LONG = { timeout: 4 * PATIENCE };

test("from the gallery to a provider that answers", LONG, async () => {
  const { page, check, close } = await ctx.open("/providers");
  await page.getByRole("button", { name: "Add a provider" }).click();
  await page.getByRole("searchbox", { name: "Filter" }).fill("deepseek");
  await page
    .getByRole("button", { name: /DeepSeek/ })
    .first()
    .waitFor();
  await check("the gallery");
  await page.getByRole("searchbox", { name: "Filter" }).fill("");
  await page.getByRole("button", { name: /^A? ?Another service/ }).click();
  await page.getByLabel("Name").fill("nova-cloud");
  await page.getByLabel("Address").fill(`${ctx.up.url}/v1`);
  await page.getByLabel(/^Key/).fill(KEY);
  await check("the form");
  await page.getByRole("button", { name: "Create and test" }).click();
  await page.getByText("I am here.").waitFor();
  await page.getByText("first token").waitFor();
  await page.getByRole("button", { name: "Take over models that it offers" }).click();
  await page.getByRole("checkbox", { name: "nova", exact: true }).check();
  await page.getByRole("checkbox", { name: "nova-mini" }).check();
  await check("the models");
  await page.getByRole("button", { name: "Take 2 models" }).click();
  await page.getByRole("dialog").getByRole("heading", { name: "nova-cloud" }).waitFor();
  assert.ok(!(await page.content()).includes(KEY), "the key is not in the page any more");
  const { providers } = (await admin(ctx, "GET", "/providers?with=state")).body;
  const made = providers.find(({ name }) => name === "nova-cloud");
  assert.equal(made.state.models, 2);
  assert.equal(ctx.up.last("nova").headers.authorization, `Bearer ${KEY}`);
  await close();
});

test("all models are tested with progress, on a phone", LONG, async () => {
  const { providers } = (await admin(ctx, "GET", "/providers")).body;
  const { id } = providers.find(({ name }) => name === "nova-cloud");
  const { page, check, close } = await ctx.open(`/providers/${id}`, { width: 390, height: 844, theme: "dark" });
  await page.getByRole("button", { name: "Test all models" }).click();
  await page.getByText("2 of 2 asked").waitFor();
  assert.equal(await page.getByRole("progressbar").getAttribute("aria-valuenow"), "100");
  await check("the progress");
  await close();
});

test("what was typed stays where the gateway refuses it", LONG, async () => {
  const { page, close } = await ctx.open("/providers/new");
  await page.getByRole("button", { name: /Another service/ }).click();
  await page.getByLabel("Name").fill("openai");
  await page.getByLabel("Address").fill(`${ctx.up.url}/v1`);
  await page.getByLabel(/^Key/).fill(KEY);
  await page.getByRole("button", { name: "Create and test" }).click();
  await page.getByRole("alert").getByText("name").first().waitFor();
  assert.equal(await page.getByLabel("Address").inputValue(), `${ctx.up.url}/v1`);
  await close();
});

test("a service of one's own needs no key", LONG, async () => {
  const { page, close } = await ctx.open("/providers/new");
  await page.getByRole("button", { name: /Another service/ }).click();
  await page.getByLabel("Name").fill("nearby");
  await page.getByLabel("Address").fill(`${ctx.up.url}/v1`);
  await page.getByRole("button", { name: "Create and test" }).click();
  // It has no models yet: that it is there is what counts.
  await page.getByRole("button", { name: "Take over models that it offers" }).waitFor();
  const { providers } = (await admin(ctx, "GET", "/providers")).body;
  assert.equal(providers.find(({ name }) => name === "nearby").server_key, null);
  await close();
});

test("what the gateway reaches by itself needs neither address nor key", LONG, async () => {
  const { page, close } = await ctx.open("/providers/new");
  await page.getByRole("searchbox", { name: "Filter" }).fill("workers_ai_binding");
  await page.getByRole("button", { name: /Workers AI \(binding\)/ }).click();
  await page.getByText("This service needs no key.").waitFor();
  assert.equal(await page.getByLabel("Address").inputValue(), "");
  await page.getByRole("button", { name: "Create and test" }).click();
  // Nothing answers here, for this gateway has no binding: that the provider is there is what counts.
  await page.getByRole("button", { name: /^Take \d+ models?/ }).waitFor();
  const { providers } = (await admin(ctx, "GET", "/providers")).body;
  assert.equal(providers.find(({ name }) => name === "workers_ai_binding").kind, "workers_ai");
  await close();
});

test("a preset of one's own needs no key", LONG, async () => {
  const preset = { id: "in-house", name: "In-house", kind: "openai", server_url: `${ctx.up.url}/v1`, models: ["nova"] };
  assert.equal((await admin(ctx, "POST", "/provider-presets", preset)).status, 201);
  const { page, close } = await ctx.open("/providers/new");
  await page.getByRole("button", { name: /In-house/ }).click();
  await page.getByRole("button", { name: "Create and test" }).click();
  await page.getByText("I am here.").waitFor();
  await close();
});

test("an open circuit is seen, and closed by hand", LONG, async () => {
  const { gw, up } = ctx;
  const broken = await gw.createProvider({
    name: "broken",
    server_url: `${up.url}/v1`,
    server_key: "sk-broken-0123456789",
  });
  await gw.createModel({ provider_id: broken.id, model_name: "broken-model" });
  up.on("broken-model", (x) => x.reply(500, { error: { message: "broken" } }));
  const message = { model: "broken-model", messages: [{ role: "user", content: "?" }] };
  const { key } = await gw.createKey({ name: "without an account" });
  for (let i = 0; i < 8; i++) await gw.complete(key, message);
  const { page, check, close } = await ctx.open(`/providers/${broken.id}`);
  await check("an open circuit");
  await page.getByRole("button", { name: "Close the circuit" }).click();
  await page.getByRole("button", { name: "Close the circuit" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("1 models and 0 further keys go with it").waitFor();
  await page.getByRole("dialog", { name: "Delete this provider?" }).getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "broken" }).waitFor({ state: "detached" });
  assert.equal((await admin(ctx, "GET", `/providers/${broken.id}`)).status, 404);
  await close();
});
