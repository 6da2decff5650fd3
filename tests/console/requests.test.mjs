// Proves the request log: filters in the address, opening by keyboard, neighbours, the waterfall and the cost of a request, its live
// tail, and that a hundred thousand rows are no more in the document than fit.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/util.mjs";
import { PATIENCE, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite();
const LONG = { timeout: 4 * PATIENCE };
const rows = (page) => page.getByRole("grid", { name: "Requests" }).locator("[id^=row-]");

test("a filter is in the address, and a reload keeps it", LONG, async () => {
  const { page, check, close } = await ctx.open("/requests");
  await rows(page).first().waitFor();
  await page.getByLabel("All outcomes").or(page.getByLabel("How it ended")).first().selectOption("client");
  await page.waitForURL(/status=client/);
  await page.getByRole("grid").getByText("model_not_found").first().waitFor();
  await page.reload();
  await page.getByRole("grid").getByText("model_not_found").first().waitFor();
  assert.ok((await rows(page).allTextContents()).every((text) => text.includes("model_not_found")));
  await check();
  await close();
});

test("by keyboard alone: to the log, a row, its neighbour, and back", LONG, async () => {
  const { page, check, close } = await ctx.open("/");
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("r");
  await rows(page).first().waitFor();
  await page.getByRole("grid").focus();
  await page.keyboard.press("j");
  await page.locator("[role=grid][aria-activedescendant]").waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Attempts" }).waitFor();
  await check("a request");
  const first = page.url();
  await page.keyboard.press("]");
  await page.waitForURL((url) => url.href !== first);
  await page.keyboard.press("[");
  await page.waitForURL(first);
  await page.keyboard.press("Escape");
  await page.waitForURL(/\/requests$/);
  await close();
});

test("a request that failed over shows both attempts, and its cost as arithmetic", LONG, async () => {
  const found = await ctx.gw.db(
    "SELECT id, cost_micros FROM request_log WHERE model = 'gpt-5' AND provider_name = 'backup' LIMIT 1",
  );
  assert.equal(found.length, 1, "the traffic has a request that was rescued");
  const { page, check, close } = await ctx.open(`/requests/${found[0].id}`);
  const drawer = page.getByRole("dialog");
  await drawer.getByText("openai", { exact: true }).waitFor();
  await drawer.getByText("backup", { exact: true }).first().waitFor();
  await drawer.getByText("answered after failover").first().waitFor();
  await drawer.getByText("× $1.25 per million").waitFor();
  await check("a rescued request");
  await close();
});

test("a request that is not there says so, with its code", LONG, async () => {
  const { page, problems, close } = await ctx.open("/requests/01ARZ3NDEKTSV4RRFFQ69G5FAV");
  await page.getByRole("alert").filter({ hasText: "No such request" }).waitFor();
  assert.ok(
    problems.every((problem) => /404/.test(problem)),
    problems.join("\n"),
  );
  await close();
});

test("a request appears in the live tail as it ends", LONG, async () => {
  const { page, check, close } = await ctx.open("/requests?live=1");
  await rows(page).first().waitFor();
  await page.getByText("●", { exact: true }).last().waitFor();
  let answered = 0;
  // The isolate learns within seconds that it is watched.
  for (let tries = 0; tries < 20 && !answered; tries++) {
    await ctx.gw.complete(ctx.keys.web.key, {
      model: "demo/echo",
      messages: [{ role: "user", content: `live ${tries}` }],
    });
    await page.waitForTimeout(1000);
    answered = await page.evaluate((before) => document.querySelectorAll("[id^=row-]").length - before, 12);
  }
  assert.ok(answered > 0, "no row came");
  await check("the tail");
  await close();
});

test("the live tail asks the log while there is no stream, and goes on with the stream", LONG, async () => {
  const isLive = (url) => url.pathname === "/requests/live";
  const { page, check, close } = await ctx.open("/requests?live=1", {
    warns: /503/,
    prepare: (made) => made.route(isLive, (route) => route.fulfill({ status: 503, json: { error: {} } })),
  });
  await rows(page).first().waitFor();
  const newest = () => rows(page).first().getAttribute("id");
  const before = await newest();
  await ctx.gw.complete(ctx.keys.web.key, { model: "demo/echo", messages: [{ role: "user", content: "Hi" }] });
  const isThere = async () => (await newest()) !== before;
  await eventually(isThere, { within: 2 * PATIENCE, what: "a row of the log" });
  await page.unroute(isLive);
  await page.getByRole("status").filter({ hasText: "●" }).waitFor();
  await check("the tail from the log");
  await close();
});

test("of a hundred thousand rows few are in the document", LONG, async () => {
  await fill(100_000);
  const { page, check, close } = await ctx.open("/requests");
  await rows(page).first().waitFor();
  const grid = page.getByRole("grid");
  for (let step = 0; step < 12; step++) {
    const before = Number(await grid.getAttribute("aria-rowcount"));
    await grid.evaluate((element) => (element.scrollTop = element.scrollHeight));
    await page.waitForFunction(
      (count) => Number(document.querySelector("[role=grid]").getAttribute("aria-rowcount")) > count,
      before,
    );
    assert.ok((await rows(page).count()) <= 60, "more rows than fit");
  }
  const heap = await page.evaluate(() => performance.memory?.usedJSHeapSize ?? 0);
  assert.ok(heap < 60 * 1024 * 1024, `${heap} bytes of heap`);
  await check("a long log");
  await close();
});

/** Copies of a row that is there, with ids and times of their own. */
async function fill(many) {
  const columns = (await ctx.gw.db("SELECT name FROM pragma_table_info('request_log')")).map(({ name }) => name);
  const [sample] = await ctx.gw.db("SELECT * FROM request_log LIMIT 1");
  const values = columns.map((name) => {
    if (name === "id") return "'01' || printf('%024d', i)";
    if (name === "request_id") return "'req_' || i";
    if (name === "ts") return `${sample.ts} - i`;
    return `(SELECT "${name}" FROM request_log WHERE id = '${sample.id}')`;
  });
  for (let from = 0; from < many; from += 10_000) {
    await ctx.gw.db(
      `INSERT INTO request_log (${columns.map((name) => `"${name}"`).join(", ")})
       WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${from + 9999})
       SELECT ${values.join(", ")} FROM n`,
    );
  }
}
