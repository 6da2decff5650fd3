import assert from "node:assert/strict";
import { test } from "node:test";
import { configurationOf, tunnelOf } from "./setup.ts";

test("the tunnel has the scheme of the gateway", () => {
  assert.equal(tunnelOf("https://gw.example"), "wss://gw.example/bridge/tunnel");
  assert.equal(tunnelOf("http://127.0.0.1:8787"), "ws://127.0.0.1:8787/bridge/tunnel");
});

test("a label may have any characters, and none is left out", () => {
  const text = configurationOf("https://gw.example", "my-laptop", ' Ada\'s "big" one: {1} ');
  assert.match(text, /^agent: \{id: "my-laptop", label: "Ada's \\"big\\" one: \{1\}"\}$/m);
  assert.match(text, /token: "\$\{file:~\/\.ai-bridge\/agent\.key\}"/);
  assert.match(configurationOf("https://gw.example", "my-laptop", " "), /^agent: \{id: "my-laptop"\}$/m);
});
