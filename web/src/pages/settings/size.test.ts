import assert from "node:assert/strict";
import { test } from "node:test";
import { size } from "./size.ts";

test("bytes in the largest unit that fits", () => {
  assert.deepEqual([0, 1023, 1024, 1536, 33_413, 5 * 2 ** 20, 3 * 2 ** 40].map(size), [
    "0 bytes",
    "1023 bytes",
    "1 KiB",
    "1.5 KiB",
    "32.6 KiB",
    "5 MiB",
    "3 TiB",
  ]);
});
