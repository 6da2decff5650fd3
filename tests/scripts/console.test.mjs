// Proves what the build of the console decides: types from the description of the API, and budgets.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { checkBudgets, measure } from "../../scripts/lib/console-budgets.mjs";
import { apiTypes } from "../../web/tools/api-types.mjs";

test("an operation has its path, query, body and answer as types", () => {
  const text = apiTypes({
    paths: {
      "/things/{id}": {
        put: {
          "x-permission": "manage_things",
          parameters: [
            { name: "id", in: "path", required: true, schema: { type: "string" } },
            { name: "dry", in: "query", schema: { type: "boolean" } },
            { $ref: "#/components/parameters/Header" },
          ],
          requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } },
          responses: {
            200: { content: { "application/json": { schema: { type: "array", items: { enum: ["a", "b"] } } } } },
          },
        },
      },
    },
    components: {
      parameters: { Header: { name: "x-request-id", in: "header", schema: { type: "string" } } },
      schemas: { Thing: { type: "object", properties: { n: { type: ["integer", "null"] } }, required: ["n"] } },
    },
  });
  assert.match(text, /export type Thing = \{ "n": number \| null \};/);
  assert.match(text, /export type PermissionCode = "manage_things";/);
  assert.match(
    text,
    /"PUT \/things\/\{id\}": \{ path: \{ "id": string \}; query: \{ "dry"\?: boolean \}; body: Thing; answer: \("a" \| "b"\)\[\] \};/,
  );
});

test("a page counts what it needs besides the first page, and what comes from elsewhere is named", () => {
  const folder = mkdtempSync(join(tmpdir(), "console-"));
  try {
    mkdirSync(join(folder, "assets"));
    const write = (file, text) => writeFileSync(join(folder, file), text);
    write("boot.js", "1");
    write("index.html", '<script src="https://cdn.example/x.js"></script><script src="/console/assets/a.js"></script>');
    write("assets/a.js", "a".repeat(100));
    write("assets/shared.js", "s".repeat(100));
    write("assets/p.js", "p".repeat(100));
    write(
      "manifest.json",
      JSON.stringify({
        "index.html": { file: "assets/a.js", isEntry: true, imports: ["_shared.js"] },
        "_shared.js": { file: "assets/shared.js" },
        "src/pages/keys/page.tsx": { file: "assets/p.js", imports: ["_shared.js"] },
      }),
    );
    const sizes = measure(folder);
    assert.deepEqual(sizes.foreign, ["https://cdn.example/x.js"]);
    assert.ok(sizes.initial > sizes.pages.keys && sizes.pages.keys > 0);
    assert.equal(sizes.requests, 4, "the page, boot.js and two scripts");
    assert.deepEqual(checkBudgets({ ...sizes, foreign: [] }), []);
    assert.equal(checkBudgets({ ...sizes, foreign: [], requests: 9 }).length, 1);
    const over = checkBudgets({ ...sizes, initial: 200 * 1024, pages: { keys: 41 * 1024, playground: 60 * 1024 } });
    assert.equal(over.length, 3, "the first page, the page of keys, and the other origin");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
