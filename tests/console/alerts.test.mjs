// Proves alerts: a rule is made as a sentence and replayed on the past, fires, is acknowledged and silenced; a webhook is made, tested
// and told, and what was given up is sent again.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startReceiver } from "../support/receiver.mjs";
import { eventually } from "../support/util.mjs";
import { PATIENCE, consoleSuite } from "./support/console.mjs";

const LONG = { timeout: 4 * PATIENCE };
let receiver;
const ctx = consoleSuite({
  traffic: 12,
  setUp: async () => {
    receiver = await startReceiver();
  },
});
after(() => receiver?.stop());

/** The webhook that the tests make. */
async function pager() {
  const { body } = await ctx.gw.admin("GET", "/webhooks");
  return body.webhooks.find(({ name }) => name === "pager");
}

test("a webhook is made, its secret is shown once, and a test is delivered", LONG, async () => {
  const { page, check, close } = await ctx.open("/alerts?of=webhooks");
  await page.getByRole("button", { name: /On call/ }).waitFor();
  await page.getByRole("button", { name: "New webhook" }).press("Enter");
  await page.getByLabel("Name", { exact: true }).fill("pager");
  await page.getByLabel("Address").fill(`${receiver.url}/pager`);
  await check("the form of a webhook");
  await page.getByRole("button", { name: "Make the webhook" }).press("Enter");
  const secret = await page.getByLabel("NEXUS_WEBHOOK_SECRET").inputValue();
  await page.getByLabel("I have saved it").press("Space");
  await page.getByRole("button", { name: "Close" }).last().press("Enter");
  receiver.trust({ id: (await pager()).id, secret });
  await page.getByRole("button", { name: /pager/ }).click();
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText("It was delivered (204).").waitFor();
  await check("a webhook");
  receiver.on("/pager", (res) => res.writeHead(500).end());
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText(/It was not delivered/).waitFor();
  assert.deepEqual(
    receiver.at("/pager").map(({ fault }) => fault),
    [undefined, undefined],
  );
  await close();
});

test("a rule is made in words, replayed, fires, and is acknowledged and silenced", LONG, async () => {
  const recorded = async () => {
    const { body } = await ctx.gw.admin("GET", "/stats/timeseries?range=1h");
    return body.lines.flatMap(({ requests }) => requests).reduce((sum, value) => sum + value, 0) >= 12;
  };
  await eventually(recorded, { within: PATIENCE, what: "the statistics" });
  const { page, check, close } = await ctx.open("/alerts?of=rules");
  await page.getByRole("button", { name: "New rule" }).press("Enter");
  await page.getByLabel("Name", { exact: true }).fill("Too many requests");
  await page.getByLabel("Measure").selectOption("requests");
  await page.getByLabel("Threshold").fill("3");
  await page.getByLabel("Each of them separately").selectOption("");
  await page.getByLabel("With at least this many requests").fill("0");
  await page.getByLabel("Broken for at least, in minutes").fill("0");
  await page.getByText("Requests above 3 over 15 minutes.").waitFor();
  await page.getByText(/it would have fired (once|2 times)/).waitFor();
  await check("the form of a rule");
  await page.getByRole("button", { name: "Make the rule" }).press("Enter");
  await page.getByRole("button", { name: /Too many requests/ }).waitFor();
  await ctx.gw.scheduled();
  await page.goto(`${ctx.gw.url}/console/alerts`);
  await page.getByRole("button", { name: /Too many requests/ }).click();
  await page.getByRole("button", { name: "Acknowledge", exact: true }).click();
  await page.getByRole("button", { name: "Acknowledge", exact: true }).waitFor({ state: "detached" });
  await check("an alert");
  await page.getByRole("button", { name: "Open the rule" }).click();
  await page.getByRole("button", { name: "Silence" }).click();
  await page.getByLabel("Silence for").selectOption("24");
  await page.getByRole("dialog", { name: "Silence" }).getByRole("button", { name: "Silence" }).click();
  await page.getByText("Silenced until").waitFor();
  await check("a rule");
  const { body } = await ctx.gw.admin("GET", "/alerts/rules");
  const rule = body.rules.find(({ name }) => name === "Too many requests");
  assert.ok(rule.silenced_until > Date.now() + 23 * 3_600_000);
  await close();
});

test("what was sent is read and sent again, on a phone in Chinese", LONG, async () => {
  receiver.on("/pager", (res) => res.writeHead(410).end());
  await ctx.gw.admin("POST", `/webhooks/${(await pager()).id}/test`);
  const options = { language: "zh", width: 390, height: 844 };
  const { page, check, close } = await ctx.open("/alerts?of=deliveries&state=dead", options);
  await page
    .getByRole("button", { name: /已放弃/ })
    .first()
    .click();
  await page.getByRole("dialog").getByText('"type": "test"').waitFor();
  await check("a delivery");
  receiver.on("/pager", (res) => res.writeHead(204).end());
  const before = receiver.at("/pager").length;
  await page.getByRole("button", { name: "重新发送" }).click();
  await page.getByText("将在一分钟内重新发送").waitFor();
  await ctx.gw.scheduled();
  await eventually(() => receiver.at("/pager").length > before, { within: PATIENCE, what: "the delivery" });
  await close();
});
