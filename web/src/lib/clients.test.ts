import assert from "node:assert/strict";
import { test } from "node:test";
import { environment, guides } from "./clients.ts";

test("every guide names the gateway and the model, and none has a key", () => {
  for (const shell of ["unix", "powershell"] as const) {
    for (const guide of guides({ origin: "https://gw.example", model: "vendor/model-1", shell })) {
      const text = [
        ...guide.blocks.map((block) => block.text),
        ...(guide.fields ?? []).map((field) => field.value),
      ].join("\n");
      assert.ok(text.includes("https://gw.example"), guide.name);
      assert.ok(text.includes("vendor/model-1"), guide.name);
      assert.ok(!/sk-nx-\w/.test(text), guide.name);
    }
  }
});

test("variables are set in the words of the shell", () => {
  assert.equal(environment("unix", { A: "https://x", B: "$K" }), "export A=https://x\nexport B=$K");
  assert.equal(environment("powershell", { A: "https://x", B: "$K" }), '$env:A = "https://x"\n$env:B = $env:K');
});
