// Proves of one's own account and the ways to sign in: a passkey is added and signs in, a service is linked and signs in, what it
// refuses is said, a picture and a name are set, the password is changed, and other sessions are ended.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { CLIENT, startIdentityProvider } from "../support/identity-provider.mjs";
import { PASSWORD, PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 0 });
const LONG = { timeout: 5 * PATIENCE };
const ADA = "ada@example.org";
const service = await startIdentityProvider({ alg: "ES256" });
after(() => service.stop());
// A picture of 16 by 16 points.
const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR4nGPgzzMjCTGMahjVMHw1AACTz+wBqiTQ9gAAAABJRU5ErkJggg==",
  "base64",
);

/** The browser's own authenticator: a key of this device that has made sure that it is the user. */
async function authenticate(page) {
  const protocol = await page.context().newCDPSession(page);
  await protocol.send("WebAuthn.enable");
  await protocol.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}
const signOut = async (page) => {
  await page.getByRole("button", { name: "Ada" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
};

test("a device that makes no key that the gateway takes is told so", LONG, async () => {
  const { page, check, close } = await ctx.openAs(ADA, "/account", {
    host: "localhost",
    // What browsers answer for an authenticator that has RS256 only.
    prepare: (page) =>
      page.addInitScript(() => {
        navigator.credentials.create = () =>
          Promise.reject(new DOMException("None of the algorithms is supported", "NotSupportedError"));
      }),
  });
  await page.getByRole("button", { name: "Add a passkey" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Add a passkey" }).click();
  await dialog.getByText("This device makes keys of RS256 only").waitFor();
  await check("a device with RS256 only");
  await close();
});

test("a passkey is added, signs in without a password, and is removed", LONG, async () => {
  const { page, check, close } = await ctx.openAs(ADA, "/account", {
    host: "localhost",
    prepare: authenticate,
    // The gateway takes no keys of RS256, and Chromium says that some authenticators make no others.
    warns: /pubKeyCredParams/,
  });
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByLabel("What you call it").fill("Laptop");
  await page.getByRole("dialog").getByRole("button", { name: "Add a passkey" }).click();
  await page.getByRole("list", { name: "Passkeys" }).getByText("Laptop").waitFor();
  await check("an account with a passkey");
  await signOut(page);
  await page.getByRole("button", { name: "With a passkey" }).click();
  await page.getByRole("heading", { level: 1, name: "Your account" }).waitFor();
  const row = page.getByRole("listitem").filter({ hasText: "Laptop" });
  await row.getByText("last used").waitFor();
  await row.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await row.waitFor({ state: "detached" });
  await check("without the passkey");
  await close();
});

test("a service is linked, signs in, and is unlinked; what it refuses is said", LONG, async () => {
  const made = await admin(ctx, "POST", "/identity-providers", {
    id: "corp",
    name: "Corp",
    kind: "oidc",
    issuer: service.issuer,
    client_id: CLIENT.id,
    client_secret: CLIENT.secret,
  });
  assert.equal(made.status, 201, made.text);
  const { page, check, close } = await ctx.openAs(ADA, "/account", { away: service.issuer });
  await page.getByRole("button", { name: "Link Corp" }).click();
  const linked = page.getByRole("list", { name: "Linked services" });
  await linked.getByText("Corp").waitFor();
  await check("an account with a service");
  await signOut(page);
  await page.getByRole("button", { name: "With Corp" }).click();
  await linked.getByText("Corp").waitFor();
  await linked.getByRole("button", { name: "Unlink" }).click();
  await page.getByRole("button", { name: "Link Corp" }).waitFor();
  await signOut(page);
  await page.goto(`${ctx.gw.url}/console/sign-in?failed=account_unknown`);
  await page.getByText("The gateway does not know you").waitFor();
  await check("a sign-in that failed");
  await close();
});

test("name, picture, password and other sessions", LONG, async () => {
  const other = await ctx.openAs(ADA, "/account");
  const { page, check, close } = await ctx.openAs(ADA, "/account", { width: 390, height: 844 });
  await page.getByLabel("Name", { exact: true }).fill("Ada L.");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await page.locator('input[type="file"]').setInputFiles({ name: "me.png", mimeType: "image/png", buffer: PICTURE });
  await page.waitForFunction(() => document.querySelector('img[alt="Your picture"]')?.naturalWidth === 16);
  await check("an account with a picture");
  await page.getByRole("button", { name: "End all other sessions" }).click();
  await page.getByRole("button", { name: "End", exact: true }).first().waitFor({ state: "detached" });
  await page.getByLabel("Present password").fill(PASSWORD);
  await page.getByLabel("New password").fill(`${PASSWORD}-2`);
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByText("The password was changed.").waitFor();
  await check("after the change of the password");
  await close();
  await other.close();
});
