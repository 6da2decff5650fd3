// Proves of services that users sign in with: a known one needs nothing but id and secret, another one its addresses; groups give
// roles; one is turned off and removed.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startIdentityProvider } from "../support/identity-provider.mjs";
import { PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 0 });
const LONG = { timeout: 4 * PATIENCE };
const service = await startIdentityProvider({ alg: "ES256" });
after(() => service.stop());

test("GitHub is added with its id and secret, which is never shown again", LONG, async () => {
  const { page, check, close } = await ctx.open("/identity");
  await page.getByRole("button", { name: "Add a service" }).first().click();
  await page.getByLabel("Which service").selectOption("github");
  await page.getByLabel("Client id").fill("Iv1.0123456789");
  await page.getByLabel("Client secret").fill("the-secret-of-github");
  await check("the form");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  const drawer = page.getByRole("dialog", { name: "GitHub" });
  await drawer.getByText(`${ctx.gw.url}/auth/with/github/callback`).waitFor();
  assert.ok(!(await page.content()).includes("the-secret-of-github"));
  await check("a service");
  await drawer.getByRole("button", { name: "Turn off" }).click();
  await drawer.getByRole("button", { name: "Turn on" }).waitFor();
  const { services } = (await admin(ctx, "GET", "/auth/options")).body;
  assert.deepEqual(services, []);
  await close();
});

test("another service is added, with roles by group, changed and removed", LONG, async () => {
  const { page, check, close } = await ctx.open("/identity/new", { width: 390, height: 844 });
  await page.getByLabel("Which service").selectOption("oidc");
  await page.getByLabel("Id", { exact: true }).fill("corp");
  await page.getByLabel("Issuer").fill(service.issuer);
  await page.getByLabel("Client id").fill("gateway");
  await page.getByLabel("Makes accounts").check();
  await page.getByLabel("Roles by group").fill("engineers: operator, viewer");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("listitem").filter({ hasText: "engineers: operator, viewer" }).waitFor();
  await check("another service, on a phone");
  await page.getByRole("button", { name: "Edit" }).click();
  const form = page.getByRole("dialog", { name: "Edit" });
  await form.getByLabel("Client secret").fill("a-secret");
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  const stored = (await admin(ctx, "GET", "/identity-providers/corp")).body;
  assert.deepEqual(
    [stored.has_client_secret, stored.makes_accounts, stored.role_map],
    [true, true, [{ group: "engineers", roles: ["operator", "viewer"] }]],
  );
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog", { name: "Remove this service?" }).getByRole("button", { name: "Remove" }).click();
  // The question and the service that it is about: both are closed.
  await page.getByRole("dialog").first().waitFor({ state: "detached" });
  assert.equal((await admin(ctx, "GET", "/identity-providers/corp")).status, 404);
  await close();
});
