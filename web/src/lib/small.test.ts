import assert from "node:assert/strict";
import { test } from "node:test";
import { COLOURS, coloursOf } from "./colours.ts";
import { csv } from "./csv.ts";
import { besideField } from "./field-error.ts";
import { kindOf } from "./outcome.ts";
import { spanOf } from "./range.ts";
import { SNIPPETS } from "./snippets.ts";
import { slice } from "./window.ts";

test("of a hundred thousand rows as many are drawn as fit, wherever it is scrolled to", () => {
  for (const top of [0, 31, 1_600_000, 3_199_500]) {
    const { first, last } = slice(100_000, 32, top, 700);
    assert.ok(last - first <= 40);
    assert.ok(first * 32 <= top && last * 32 >= Math.min(top + 700, 3_200_000));
  }
  assert.deepEqual(slice(0, 32, 0, 700), { first: 0, last: 0 });
});

test("a name keeps its colour, and no two of a chart have the same", () => {
  assert.deepEqual(coloursOf(["gpt-5"]), coloursOf(["gpt-5", "other"]).slice(0, 1));
  const names = Array.from({ length: COLOURS }, (_, index) => `model-${index}`);
  assert.equal(new Set(coloursOf(names)).size, COLOURS);
  assert.deepEqual(coloursOf([null]), ["--series-other"]);
});

test("a cell that a spreadsheet would take for a formula is none, and quotes are doubled", () => {
  assert.equal(csv([["=1+1", 'a "b", c', 5, null]]), '\'=1+1,"a ""b"", c",5,\r\n');
});

test("how a request ended", () => {
  const attempt = { provider: "a", model: "m", duration_ms: 1 };
  const kind = (status: number, error_code: string | null = null, outcome = "ok", attempts = [attempt]) =>
    kindOf({ status, error_code, outcome, attempts } as never);
  assert.equal(kind(200), "answered");
  assert.equal(kind(200, null, "ok", [{ ...attempt, error_class: "server" } as never, attempt]), "rescued");
  assert.equal(kind(429, "rate_limited"), "refused");
  assert.equal(kind(502, "upstream_error"), "failed");
  assert.equal(kind(200, "stream_broken"), "failed");
  assert.equal(kind(200, null, "cancelled"), "left");
});

test("a chosen span counts only if it is one", () => {
  assert.deepEqual(spanOf({ from: "5", to: "9" }, "7d"), { from: 5, to: 9 });
  assert.deepEqual(spanOf({ from: "9", to: "5", range: "1h" }, "7d"), { range: "1h" });
  assert.deepEqual(spanOf({}, "7d"), { range: "7d" });
});

test("no snippet can be left by what is written in a message, and none has a key", () => {
  const evil = `it's "quoted" \\ \n$(rm -rf /) \`id\``;
  for (const [name, make] of Object.entries(SNIPPETS)) {
    const text = make({ origin: "https://gw.example", model: "a/b", messages: [{ role: "user", content: evil }] });
    assert.ok(!/sk-nx-/.test(text), name);
    assert.ok(text.includes("NEXUS_API_KEY"), name);
    // Between single quotes of a shell only a single quote ends them.
    if (text.startsWith("curl")) assert.equal(text.replaceAll("'\\''", "").split("'").length % 2, 1, name);
  }
});

test("beside a field its name in the API is left out, and only there", () => {
  const said = (code: string, message: string, param = "input") =>
    besideField({ code, param, message }, "input", "This is required.");
  assert.equal(said("missing_required_parameter", "`input` is required."), "This is required.");
  assert.equal(said("invalid_value", "`input` must be at most 10."), "Must be at most 10.");
  assert.equal(said("invalid_value", "`inputs` must be at most 10."), "`inputs` must be at most 10.");
  assert.equal(said("conflict", "There is one already."), "There is one already.");
  const part = "`input.text` is required.";
  assert.equal(said("missing_required_parameter", part, "input.text"), part);
});
