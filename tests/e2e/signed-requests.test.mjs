// Signed requests (RFC 9421), signed by a foreign client: with a secret and with Ed25519, for callers and in the admin API; that any
// change of what is signed, an old signature, or a second use of its nonce is refused; and that a key can ask for one.
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomUUID } from "node:crypto";
import signatures from "http-message-signatures";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const { createSigner, httpbis } = signatures;
const t = suite({ twin: true });
const COVERED = ["@method", "@authority", "@path", "@query"];
const codeOf = ({ text }) => errorOf(text).code;
const digestOf = (body) => `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;

/** A key of the gateway with the signer of its requests. */
async function withSecret(fields = {}) {
  const key = await t.gw.createKey(fields);
  const { body } = await t.gw.admin("POST", `/keys/${key.id}/signing-secret`);
  await t.gw.admin("PUT", `/keys/${key.id}`, { signature: "required" });
  return { ...key, signer: createSigner(body.signing_secret, "hmac-sha256", key.id) };
}

async function withPair(fields = {}) {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const signing_public_key = publicKey.export({ format: "jwk" }).x;
  const key = await t.gw.createKey({ signature: "required", signing_public_key, ...fields });
  return { ...key, signer: createSigner(privateKey, "ed25519", key.id) };
}

/** Method, URL, headers and body of a signed request; `input` replaces what is usual of the signature. */
async function signed({ signer }, method, target, { body, headers = {}, fields, at = t.gw.url, ...input } = {}) {
  const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const { headers: made, url } = await httpbis.signMessage(
    {
      key: signer,
      fields: fields ?? [...COVERED, ...(text === undefined ? [] : ["content-digest"])],
      params: ["created", "keyid", "nonce", "tag"],
      paramValues: { created: new Date(), nonce: randomUUID(), tag: "nexus", ...input },
    },
    {
      method,
      url: at + target,
      headers: {
        ...(text === undefined ? {} : { "content-type": "application/json", "content-digest": digestOf(text) }),
        ...headers,
      },
    },
  );
  return { method, url, headers: made, body: text };
}

/** Sends it; the answer like that of `gw.call`. */
const send = async ({ method, url, headers, body }, changed = {}) => {
  const answer = await fetch(changed.url ?? url, {
    method: changed.method ?? method,
    headers: { ...headers, ...changed.headers },
    body: changed.body ?? body,
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};
const refusedAs = async (code, request, changed) => {
  const answer = await send(request, changed);
  assert.deepEqual([answer.status, codeOf(answer)], [401, code], answer.text);
};

test("a foreign client calls models with a signature and without the key", async () => {
  for (const key of [await withSecret({ name: "hmac" }), await withPair({ name: "ed25519" })]) {
    const body = ask("demo/echo");
    const answer = await send(await signed(key, "POST", "/v1/chat/completions?x=1", { body }));
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await t.gw.row(answer.headers.get("x-request-id"))).key_id, key.id);
    assert.equal((await send(await signed(key, "GET", "/v1/models"))).status, 200, "a request without a body");
    const both = await signed(key, "POST", "/v1/chat/completions", { body, headers: bearer(key.key) });
    assert.equal((await send(both)).status, 200, "the key beside the signature");
    const bare = await t.gw.complete(key.key, body);
    assert.deepEqual([bare.status, codeOf(bare)], [401, "signature_required"], "the key alone is not enough");
  }
});

test("the body reaches handlers that read it in other ways", async () => {
  const key = await withSecret();
  const streamed = await send(
    await signed(key, "POST", "/v1/chat/completions", { body: ask("demo/echo", { stream: true }) }),
  );
  assert.ok(streamed.text.includes("[DONE]"), streamed.text);
  const counted = await send(
    await signed(key, "POST", "/v1/tokenize", { body: { model: "gpt-4o", input: "three words here" } }),
  );
  assert.equal(counted.status, 200, counted.text);
  const form = ["--b", 'content-disposition: form-data; name="model"', "", "none", "--b--", ""].join("\r\n");
  const multipart = { body: form, headers: { "content-type": "multipart/form-data; boundary=b" } };
  const uploaded = await send(await signed(key, "POST", "/v1/audio/transcriptions", multipart));
  assert.deepEqual([uploaded.status, codeOf(uploaded)], [404, "model_not_found"], "the field of the upload is read");
  const session = await send(
    await signed(key, "POST", "/api/v1/sessions", { body: { provider: "demo", model: "echo" } }),
  );
  assert.ok([201, 404, 400].includes(session.status), session.text);
});

test("whatever is changed of a signed request, it is refused", async () => {
  for (const key of [await withSecret(), await withPair()]) {
    const other = await withSecret();
    const request = (more) => signed(key, "POST", "/v1/chat/completions?x=1", { body: ask("demo/echo"), ...more });
    await refusedAs("invalid_signature", await request(), { body: JSON.stringify(ask("demo/other")) });
    await refusedAs("invalid_signature", await request(), {
      body: JSON.stringify(ask("demo/other")),
      headers: { "content-digest": digestOf(JSON.stringify(ask("demo/other"))) },
    });
    await refusedAs("invalid_signature", await request(), { url: `${t.gw.url}/v1/chat/completions?x=2` });
    await refusedAs("invalid_signature", await request(), { url: `${t.gw.url}/chat/completions?x=1` });
    await refusedAs("invalid_signature", await request({ fields: [...COVERED] }), {});
    await refusedAs("invalid_signature", await request({ fields: ["@method", "@path", "content-digest"] }), {});
    await refusedAs("invalid_signature", await request({ created: new Date(Date.now() - 301_000) }));
    await refusedAs("invalid_signature", await request({ created: new Date(Date.now() + 90_000) }));
    await refusedAs("invalid_signature", await request({ nonce: "short" }));
    await refusedAs("invalid_signature", await request({ keyid: other.id }));
    await refusedAs("invalid_signature", await request({ keyid: "000000000000" }));
    await refusedAs("invalid_signature", await request(), { headers: { ...bearer(other.key) } });
    await refusedAs("missing_api_key", await request({ tag: "of-another-application" }));
    assert.equal((await send(await request({ created: new Date(Date.now() - 200_000) }))).status, 200);
  }
});

test("a nonce is used once, also where many use it at the same time and in two places", async () => {
  const key = await withSecret();
  const request = await signed(key, "GET", "/v1/models");
  // The other isolate has another address, which is signed as well: what both get is the same but for the host.
  const tries = await Promise.all(Array.from({ length: 40 }, () => send(request)));
  assert.equal(tries.filter(({ status }) => status === 200).length, 1);
  for (const answer of tries.filter(({ status }) => status !== 200))
    assert.deepEqual([answer.status, codeOf(answer)], [401, "nonce_used"]);
  const nonce = randomUUID();
  assert.equal((await send(await signed(key, "GET", "/v1/models", { nonce, at: t.gw.twinUrl }))).status, 200);
  await refusedAs("nonce_used", await signed(key, "GET", "/v1/models", { nonce }));
  const other = await withSecret();
  assert.equal((await send(await signed(other, "GET", "/v1/models", { nonce }))).status, 200, "of another key");
  const refused = await signed(key, "POST", "/v1/chat/completions", { body: ask("demo/echo") });
  await refusedAs("invalid_signature", refused, { body: "{}" });
  assert.equal((await send(refused)).status, 200, "a request that was refused has used no nonce");
  await t.gw.evict("Nonces", key.id);
  await refusedAs("nonce_used", request);
});

test("the admin API takes signatures of programs", async () => {
  const program = await withSecret({ permissions: ["view_prices", "manage_prices"], owner: "ada" });
  assert.equal((await send(await signed(program, "GET", "/prices"))).status, 200);
  const put = await send(await signed(program, "PUT", "/prices/model:signed", { body: { input: 1, output: 2 } }));
  assert.equal(put.status, 200, put.text);
  const [entry] = await eventually(async () => {
    const { entries } = (await t.gw.admin("GET", "/audit?target=model:signed")).body;
    return entries.length > 0 && entries;
  });
  assert.equal(entry.actor, `program:${program.id}`);
  const denied = await send(await signed(program, "GET", "/users"));
  assert.deepEqual([denied.status, codeOf(denied)], [403, "permission_denied"]);
  const bare = await t.gw.admin("GET", "/prices", undefined, { headers: bearer(program.key) });
  assert.deepEqual([bare.status, codeOf(bare)], [401, "signature_required"]);
  const plain = await withSecret();
  assert.equal(codeOf(await send(await signed(plain, "GET", "/prices"))), "missing_admin_token");
});

test("what a key says about itself holds for its signatures", async () => {
  const key = await withSecret();
  const call = async () => send(await signed(key, "GET", "/v1/models"));
  const change = (fields) => t.gw.admin("PUT", `/keys/${key.id}`, fields);
  await change({ allowed_ips: ["10.0.0.0/8"] });
  assert.equal(codeOf(await call()), "ip_not_allowed");
  await change({ allowed_ips: null, expires_at: 1 });
  assert.equal(codeOf(await call()), "api_key_expired");
  await change({ expires_at: null, enabled: false });
  assert.equal(codeOf(await call()), "api_key_disabled");
  await change({ enabled: true, signature: "off" });
  assert.equal(codeOf(await call()), "missing_api_key", "a key that takes no signatures");
  assert.equal((await t.gw.complete(key.key, ask("demo/echo"))).status, 200);
  await change({ signature: "optional" });
  assert.equal((await call()).status, 200);
  assert.equal((await t.gw.complete(key.key, ask("demo/echo"))).status, 200);
});

test("secrets of signatures are shown once, independent of the key's, and replaced at once", async () => {
  const key = await withSecret();
  const shown = await t.gw.admin("GET", `/keys/${key.id}`);
  assert.deepEqual([shown.body.signature, shown.body.signature_algorithm], ["required", "hmac-sha256"]);
  assert.ok(!("signing_secret" in shown.body) && !shown.text.includes("sealed"));
  await t.gw.admin("POST", `/keys/${key.id}/rotate`);
  assert.equal((await send(await signed(key, "GET", "/v1/models"))).status, 200, "it outlives a rotation of the key");
  const { body } = await t.gw.admin("POST", `/keys/${key.id}/signing-secret`);
  await refusedAs("invalid_signature", await signed(key, "GET", "/v1/models"));
  const renewed = { signer: createSigner(body.signing_secret, "hmac-sha256", key.id) };
  assert.equal((await send(await signed(renewed, "GET", "/v1/models"))).status, 200);
  const stored = (await t.gw.dump()).map(({ text }) => text).join("\n");
  assert.ok(!stored.includes(body.signing_secret), "it is stored sealed");
  const pair = generateKeyPairSync("ed25519");
  const signing_public_key = pair.publicKey.export({ format: "jwk" }).x;
  const changed = await t.gw.admin("PUT", `/keys/${key.id}`, { signing_public_key });
  assert.deepEqual(
    [changed.body.signature_algorithm, changed.body.signing_public_key],
    ["ed25519", signing_public_key],
  );
  await refusedAs("invalid_signature", await signed(renewed, "GET", "/v1/models"));
  for (const [fields, param] of [
    [{ signature: "required" }, "signature"],
    [{ signature: "twice" }, "signature"],
    [{ signing_public_key: "x".repeat(43) }, "signing_public_key"],
  ]) {
    const refused = await t.gw.admin("POST", "/keys", { name: "x", ...fields });
    assert.deepEqual([refused.status, errorOf(refused.text).param], [400, param]);
  }
  const state = await t.gw.admin("GET", "/system/secret-key");
  assert.equal(state.status, 200);
});
