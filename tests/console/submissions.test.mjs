// Proves of providers that users own: one is added, shared and submitted by its owner, checked and approved within limits by a
// reviewer, and withdrawn; and that another user sees nothing of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PASSWORD, PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({
  traffic: 0,
  setUp: ({ up }) => {
    const list = { object: "list", data: [{ id: "gpt-5-mini", object: "model" }] };
    up.otherwise((x) =>
      x.path.endsWith("/models") ? x.reply(200, list) : x.reply(404, { error: { message: "nothing" } }),
    );
  },
});
const LONG = { timeout: 5 * PATIENCE };
const providerOf = async (name) =>
  (await admin(ctx, "GET", "/providers")).body.providers.find((one) => one.name.startsWith(`${name}~`));

test("a user adds a provider, shares it and submits it", LONG, async () => {
  await admin(ctx, "POST", "/users", { email: "bob@example.org", password: PASSWORD, roles: ["user"] });
  const { page, check, close } = await ctx.openAs("bob@example.org", "/providers");
  await page.getByText("You have no provider of your own.").waitFor();
  await page.getByRole("button", { name: "Add a provider" }).first().click();
  await page.getByRole("button", { name: /^A? ?Another service/ }).click();
  await page.getByLabel("Name").fill("bobs");
  await page.getByLabel("Address").fill(`${ctx.up.url}/v1`);
  await page.getByLabel(/^Key/).fill("sk-bobs-0123456789");
  await page.getByRole("button", { name: "Create and test" }).click();
  await page.getByRole("button", { name: "Done" }).click();
  const drawer = page.getByRole("dialog", { name: /^bobs~/ });
  await drawer.getByText("Requests of its owner's keys.").waitFor();
  const made = await providerOf("bobs");
  const model = { provider_id: made.id, model_name: "gpt-5-mini" };
  assert.equal((await admin(ctx, "POST", "/provider_models", model)).status, 201);
  await drawer.getByRole("button", { name: "Share" }).click();
  await page.getByLabel("Ids of users or teams").fill("search");
  await page.getByRole("button", { name: "Save" }).click();
  await drawer.getByText("and of 1 with whom it is shared").waitFor();
  await check("a provider of one's own");
  await drawer.getByRole("button", { name: "Submit for a review" }).click();
  await page.getByLabel("What the provider is").fill("Near, and fast.");
  await page.getByRole("dialog").last().getByRole("button", { name: "Submit for a review" }).click();
  await page.getByRole("dialog").getByText("Near, and fast.").waitFor();
  assert.equal(await page.getByRole("button", { name: /^(Approve|Refuse|Run the checks now)$/ }).count(), 0);
  await check("a submission of one's own");
  await close();
});

test("a reviewer runs the checks and approves within limits, despite what failed", LONG, async () => {
  const { page, check, close } = await ctx.open("/submissions?state=submitted");
  await page.getByRole("row", { name: /bobs~/ }).click();
  const drawer = page.getByRole("dialog").first();
  await drawer.getByRole("button", { name: "Run the checks now" }).click();
  await drawer.getByText("A plain question is answered").waitFor();
  await check("what the checks found");
  await drawer.getByRole("button", { name: "Approve" }).click();
  const form = page.getByRole("dialog", { name: "Approve" });
  await form.getByLabel("Requests a minute").fill("30");
  const despite = form.getByLabel("Approve although checks failed");
  if ((await despite.count()) > 0) {
    assert.ok(await form.getByRole("button", { name: "Approve" }).isDisabled());
    await despite.check();
  }
  await form.getByRole("button", { name: "Approve" }).click();
  await drawer.getByText("approved within limits").first().waitFor();
  assert.deepEqual([(await providerOf("bobs")).visibility, (await providerOf("bobs")).rate_limit], ["public", 30]);
  await close();
});

test("its owner withdraws it, by keyboard on a phone; others never see it", LONG, async () => {
  const { page, check, close } = await ctx.openAs("bob@example.org", "/submissions", { width: 390, height: 844 });
  await page.getByRole("grid").focus();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("dialog").first();
  await drawer.getByRole("button", { name: "Withdraw" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("The provider serves none but its owner").waitFor();
  await page.getByRole("dialog").last().getByRole("button", { name: "Withdraw" }).press("Enter");
  await drawer.getByText("withdrawn").first().waitFor();
  await check("withdrawn");
  assert.equal((await providerOf("bobs")).visibility, "shared", "as it was before");
  await close();
  await admin(ctx, "POST", "/users", { email: "eve@example.org", password: PASSWORD, roles: ["user"] });
  const other = await ctx.openAs("eve@example.org", "/submissions");
  await other.page.getByText("You have not submitted a provider.").waitFor();
  await other.close();
});
