// Proves credits and prices: a top-up is added once however often it is sent, large amounts are typed twice, a grant token is shown
// once and works, and a price is set, kept and removed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bearer } from "../support/util.mjs";
import { PATIENCE, consoleSuite } from "./support/console.mjs";

const LONG = { timeout: 4 * PATIENCE };
const ctx = consoleSuite({ traffic: 0 });
const balanceOf = async (account) => (await ctx.gw.admin("GET", `/credits/accounts/${account}`)).body.balance;

test("an account is opened by its name and topped up, once", LONG, async () => {
  const { page, close } = await ctx.open("/credits");
  await page.getByRole("searchbox").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("analysts");
  await page.keyboard.press("Enter");
  const account = page.getByRole("dialog", { name: "analysts" });
  await account.getByRole("button", { name: "Top up" }).press("Enter");
  await page.getByLabel("Amount in dollars").fill("25");
  await page.getByLabel("Shown in the ledger").fill("Invoice 7");
  // The answer to the first try is lost on its way: the same is sent again.
  const lose = async (route) => {
    await route.fetch();
    await route.abort();
  };
  await page.route("**/topup", lose, { times: 1 });
  await page.getByRole("button", { name: "Add the credits" }).click();
  await page.getByText("The gateway cannot be reached").waitFor();
  await page.getByRole("button", { name: "Add the credits" }).click();
  await page.getByText("This was added before: nothing changed.").waitFor();
  assert.equal(await balanceOf("analysts"), 25);
  await page.getByRole("button", { name: "OK", exact: true }).click();
  await account.getByText("Invoice 7").waitFor();
  await account.getByText("+$25.00").waitFor();
  await close();
  const again = await ctx.open("/credits/analysts", { width: 390, height: 844, theme: "dark" });
  await again.page.getByText("Invoice 7").waitFor();
  await again.check("an account on a phone");
  await again.close();
});

test("a large amount is typed twice", LONG, async () => {
  const { page, check, close } = await ctx.open("/credits/analysts");
  await page.getByRole("dialog").getByRole("button", { name: "Grant", exact: true }).click();
  await page.getByLabel("Amount in dollars").fill("1001");
  const send = page.getByRole("button", { name: "Add the credits" });
  assert.ok(await send.isDisabled());
  await page.getByLabel("The same amount again").fill("1010");
  await page.getByText("This is not the same amount.").waitFor();
  assert.ok(await send.isDisabled());
  await page.getByLabel("The same amount again").fill("1001");
  await check("the form of a grant");
  await send.click();
  await page.getByText(/The balance is \$1,026\.00 now/).waitFor();
  await close();
});

test("a grant token is shown once and is worth its amount", LONG, async () => {
  const { page, check, close } = await ctx.open("/credits");
  await page.getByRole("button", { name: "Grant token" }).click();
  await page.getByLabel("Amount in dollars").fill("5");
  await page.getByRole("button", { name: "Make the token" }).click();
  const token = await page.getByLabel("NEXUS_GRANT_TOKEN").inputValue();
  await check("a grant token");
  await page.getByLabel("I have saved it").check();
  await page.getByRole("button", { name: "Close" }).last().click();
  assert.ok(!(await page.content()).includes(token), "the token has left the page");
  const before = await balanceOf("search");
  const { status } = await ctx.gw.admin(
    "POST",
    "/v1/credits/me/grant-token",
    { token },
    { headers: bearer(ctx.keys.batch.key) },
  );
  assert.ok(status === 200 || status === 201, String(status));
  assert.equal(await balanceOf("search"), before + 5);
  await close();
});

test("a price is set, changed without losing what the form does not show, and removed", LONG, async () => {
  const tiers = [{ above: 200_000, input: 9, output: 18 }];
  await ctx.gw.admin("PUT", "/prices/model:gpt-5", { input: 1, output: 2, tiers });
  const { page, check, close } = await ctx.open("/credits?view=prices");
  await page.getByRole("grid").waitFor();
  await check("prices");
  await page.getByRole("button", { name: "Change: gpt-5" }).click();
  await page.getByText("Tiers and peak hours of this price are kept as they are.").waitFor();
  await page.getByLabel("Answer", { exact: true }).fill("3");
  await page.getByRole("button", { name: "Set the price" }).click();
  await page.getByText("Answer $3.00").waitFor();
  const { body } = await ctx.gw.admin("GET", "/prices");
  const set = body.set.find(({ subject }) => subject === "model:gpt-5");
  assert.deepEqual([set.input, set.output, set.tiers.length], [1, 3, 1]);
  await page.getByRole("button", { name: "Remove: gpt-5" }).click();
  await page.getByText("the price is unknown, and keys with a budget are refused").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByText("No price is set: the table holds.").waitFor();
  await close();
});

test(
  "a person without further rights sees their own account and the prices, and can change neither",
  LONG,
  async () => {
    const person = { email: "eve@example.org", password: "long enough, and not among the known ones" };
    const { body: user } = await ctx.gw.admin("POST", "/users", { ...person, roles: ["user"] });
    const { page, check, close } = await ctx.open("/credits", { signedIn: false });
    await page.getByText("Mail and password").click();
    await page.getByLabel("Mail address").fill(person.email);
    await page.getByLabel("Password", { exact: true }).fill(person.password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    const grid = page.getByRole("grid");
    await grid.getByText(user.id).first().waitFor();
    assert.equal(await grid.getByText("search").count(), 0);
    assert.equal(await page.getByRole("button", { name: "Grant token" }).count(), 0);
    await page.getByRole("row").filter({ hasText: user.id }).click();
    await page.getByRole("dialog").getByText("Ledger").waitFor();
    assert.equal(await page.getByRole("button", { name: "Top up" }).count(), 0);
    await check("one's own account");
    // That of another cannot be opened by its address either.
    await page.goto(`${ctx.gw.url}/console/credits/search`);
    await page.getByRole("dialog").getByText("account_not_found").waitFor();
    await close();
  },
);
