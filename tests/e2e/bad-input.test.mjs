// Proves that no input of callers or administrators breaks the Worker: each row of the tables below is answered with
// the expected status, code and parameter in OpenAI's error shape, never with a 500, and a valid request works after
// each.
import assert from "node:assert/strict";
import { request } from "node:http";
import { gzipSync } from "node:zlib";
import { errorOf, suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";
import { bearer, rawExchange } from "../support/util.mjs";

const MAX_BODY = 300_000;
const t = suite({
  vars: { MAX_BODY_BYTES: String(MAX_BODY) },
  setUp: () => t.model("good", (x) => x.reply(200, completion("good", "still here"))),
});

const messages = [{ role: "user", content: "hi" }];
const good = { model: "good", messages };
const nested = (depth, open, close) => open.repeat(depth) + close.repeat(depth);
const bytes = (...parts) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));

/** The Worker is alive, and the same isolate as before: a valid request works in both dialects. */
const alive = async () => {
  const answer = await t.complete(good);
  assert.equal(answer.status, 200, `the Worker does not answer any more: ${answer.text}`);
  assert.equal((await t.gw.admin("GET", "/providers")).status, 200);
};

/** Sends `body` as a completion: [name, body, status, code, param]. */
const completions = [
  ["an empty body", "", 400, "invalid_json", null],
  ["only spaces", " \n\t ", 400, "invalid_json", null],
  ["no JSON", "hello", 400, "invalid_json", null],
  ["half of an object", '{"model":"good","messages":[', 400, "invalid_json", null],
  ["a trailing comma", '{"model":"good","messages":[],}', 400, "invalid_json", null],
  ["single quotes", "{'model':'good'}", 400, "invalid_json", null],
  ["two values", `${JSON.stringify(good)} {}`, 400, "invalid_json", null],
  ["NaN", '{"model":"good","messages":[],"temperature":NaN}', 400, "invalid_json", null],
  ["a comment", '{/*x*/"model":"good"}', 400, "invalid_json", null],
  [
    "bytes that are not UTF-8",
    bytes('{"model":"good","messages":[{"role":"user","content":"', [0xff, 0xfe, 0xc3, 0x28], '"}]}'),
    400,
    "invalid_json",
    null,
  ],
  ["UTF-8 cut inside a character", bytes('{"model":"good","user":"', [0xe6, 0xbc], '"}'), 400, "invalid_json", null],
  [
    "a bare NUL in a string",
    bytes('{"model":"good","messages":[{"role":"user","content":"a', [0], 'b"}]}'),
    400,
    "invalid_json",
    null,
  ],
  ["NULs only", Buffer.alloc(64), 400, "invalid_json", null],
  ["gzip bytes without saying so", bytes([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), 400, "invalid_json", null],
  ["arrays 100,000 deep", nested(100_000, "[", "]"), 400, ["invalid_json", "invalid_type"], null],
  ["messages 90,000 deep", `{"model":"good","messages":${nested(90_000, "[", "]")}}`, 400, null, undefined],
  [
    "objects 25,000 deep in an unknown field",
    `{"model":"good","messages":[{"role":"user","content":"hi"}],"x":${'{"a":'.repeat(25_000)}1${"}".repeat(25_000)}}`,
    [200, 400],
    null,
    undefined,
  ],
  ["an unclosed nest of 100,000", "[".repeat(100_000), 400, ["invalid_json", "invalid_type"], null],
  ["an array", "[]", 400, "invalid_json", null],
  ["a string", '"good"', 400, "invalid_json", null],
  ["a number", "42", 400, "invalid_json", null],
  ["null", "null", 400, "invalid_json", null],
  ["true", "true", 400, "invalid_json", null],
  ["an empty object", "{}", 400, "missing_required_parameter", "model"],
  ["no model", { messages }, 400, "missing_required_parameter", "model"],
  ["no messages", { model: "good" }, 400, "missing_required_parameter", "messages"],
  ["an empty model", { ...good, model: "" }, 400, "invalid_value", "model"],
  ["a model that is a number", { ...good, model: 7 }, 400, "invalid_type", "model"],
  ["a model that is null", { ...good, model: null }, 400, ["invalid_type", "missing_required_parameter"], "model"],
  ["a model that is a list", { ...good, model: ["good"] }, 400, "invalid_type", "model"],
  ["an unknown model", { ...good, model: "no-such" }, 404, "model_not_found", "model"],
  [
    "a model of 100,000 characters",
    { ...good, model: "x".repeat(100_000) },
    [400, 404],
    ["model_not_found", "invalid_value"],
    "model",
  ],
  [
    "a model with NUL, quotes and line ends",
    { ...good, model: 'a\u0000"\r\n\u2028<b>' },
    [400, 404],
    ["model_not_found", "invalid_value"],
    "model",
  ],
  ["a model of slashes", { ...good, model: "////" }, 404, "model_not_found", "model"],
  ["a model with SQL in it", { ...good, model: "x'; DROP TABLE providers; --" }, 404, "model_not_found", "model"],
  [
    "a lone surrogate as model",
    '{"model":"\\ud800","messages":[{"role":"user","content":"hi"}]}',
    [400, 404],
    null,
    undefined,
  ],
  ["messages that are a string", { ...good, messages: "hi" }, 400, "invalid_type", "messages"],
  ["messages that are an object", { ...good, messages: { role: "user" } }, 400, "invalid_type", "messages"],
  [
    "messages that are null",
    { ...good, messages: null },
    400,
    ["invalid_type", "missing_required_parameter"],
    "messages",
  ],
  ["empty messages", { ...good, messages: [] }, 400, "invalid_value", "messages"],
  ["a message that is a string", { ...good, messages: ["hi"] }, 400, "invalid_type", "messages[0]"],
  ["a message that is null", { ...good, messages: [...messages, null] }, 400, "invalid_type", "messages[1]"],
  [
    "a message without a role",
    { ...good, messages: [{ content: "hi" }] },
    400,
    "missing_required_parameter",
    "messages[0].role",
  ],
  [
    "a role that is a number",
    { ...good, messages: [{ role: 1, content: "hi" }] },
    400,
    "invalid_type",
    "messages[0].role",
  ],
  [
    "content that is a number",
    { ...good, messages: [{ role: "user", content: 1 }] },
    400,
    "invalid_type",
    "messages[0].content",
  ],
  [
    "content that is a boolean",
    { ...good, messages: [...messages, { role: "user", content: true }] },
    400,
    "invalid_type",
    "messages[1].content",
  ],
  ["a stream that is a string", { ...good, stream: "true" }, 400, "invalid_type", "stream"],
  ["a stream that is a number", { ...good, stream: 1 }, 400, "invalid_type", "stream"],
  [
    "stream_options that are a string",
    { ...good, stream: true, stream_options: "usage" },
    400,
    "invalid_type",
    "stream_options",
  ],
  [
    "stream_options that are a list",
    { ...good, stream: true, stream_options: [] },
    400,
    "invalid_type",
    "stream_options",
  ],
  [
    "an include_usage that is a string",
    { ...good, stream: true, stream_options: { include_usage: "yes" } },
    400,
    "invalid_type",
    "stream_options.include_usage",
  ],
  ["a temperature that is a string", { ...good, temperature: "hot" }, 400, "invalid_type", "temperature"],
  ["a top_p that is a list", { ...good, top_p: [] }, 400, "invalid_type", "top_p"],
  ["max_tokens that are a string", { ...good, max_tokens: "10" }, 400, "invalid_type", "max_tokens"],
  [
    "max_completion_tokens that are an object",
    { ...good, max_completion_tokens: {} },
    400,
    "invalid_type",
    "max_completion_tokens",
  ],
  ["an n that is a string", { ...good, n: "two" }, 400, "invalid_type", "n"],
  ["tools that are an object", { ...good, tools: {} }, 400, "invalid_type", "tools"],
  // Parsers disagree on which duplicate counts: the gateway must not check one while the upstream uses the other.
  [
    "a model that stands twice",
    '{"model":"no-such","messages":[{"role":"user","content":"hi"}],"model":"good"}',
    400,
    null,
    undefined,
  ],
  [
    "a model that stands twice, once escaped",
    '{"model":"good","messages":[{"role":"user","content":"hi"}],"mod\\u0065l":"no-such"}',
    400,
    null,
    undefined,
  ],
  [
    "numbers beyond every type",
    '{"model":"good","messages":[{"role":"user","content":"hi"}],"seed":1e999999,"x":-99999999999999999999999999999999}',
    [200, 400],
    null,
    undefined,
  ],
  [
    "a number of 50,000 digits",
    `{"model":"good","messages":[{"role":"user","content":"hi"}],"x":${"9".repeat(50_000)}}`,
    [200, 400],
    null,
    undefined,
  ],
  [
    "10,000 unknown fields",
    `{"model":"good","messages":[{"role":"user","content":"hi"}]${Array.from({ length: 10_000 }, (_, i) => `,"x${i}":${i}`).join("")}}`,
    200,
    null,
    undefined,
  ],
  ["2,000 messages", { ...good, messages: Array.from({ length: 2_000 }, () => messages[0]) }, 200, null, undefined],
  [
    "a body one byte over the limit",
    JSON.stringify({ ...good, user: "x".repeat(MAX_BODY) }).slice(0, MAX_BODY + 1),
    413,
    "request_too_large",
    null,
  ],
  ["a body far over the limit", Buffer.alloc(8 * MAX_BODY, 0x20), 413, "request_too_large", null],
];

/** Other requests: [name, method, target, { headers, body }, status, code]. */
const requests = () => [
  ["no key", "POST", "/v1/chat/completions", { body: good }, 401, "missing_api_key"],
  [
    "a compressed body",
    "POST",
    "/v1/chat/completions",
    {
      headers: { ...bearer(t.key), "content-type": "application/json", "content-encoding": "gzip" },
      body: gzipSync(JSON.stringify(good)),
    },
    415,
    "unsupported_content_encoding",
  ],
  [
    "an empty bearer",
    "POST",
    "/v1/chat/completions",
    { headers: { authorization: "Bearer " }, body: good },
    401,
    ["missing_api_key", "invalid_api_key"],
  ],
  [
    "another scheme",
    "POST",
    "/v1/chat/completions",
    { headers: { authorization: "Basic dXNlcjpwYXNz" }, body: good },
    401,
    ["missing_api_key", "invalid_api_key"],
  ],
  [
    "a key of ours that does not exist",
    "POST",
    "/v1/chat/completions",
    { headers: bearer("sk-nx-aaaaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbbbbbbbb"), body: good },
    401,
    "invalid_api_key",
  ],
  ["a key that is not ours", "GET", "/v1/models", { headers: bearer("sk-proj-1234567890") }, 401, "invalid_api_key"],
  [
    "a key of 8,000 characters",
    "GET",
    "/v1/models",
    { headers: bearer(`sk-nx-${"a".repeat(8_000)}`) },
    401,
    "invalid_api_key",
  ],
  [
    "a key with bytes above ASCII",
    "GET",
    "/v1/models",
    { headers: { "x-api-key": Buffer.from("sk-nx-ü").toString("latin1") } },
    401,
    "invalid_api_key",
  ],
  [
    "a bad key and a bad body",
    "POST",
    "/v1/chat/completions",
    { headers: bearer("nope-nope"), body: "{" },
    401,
    "invalid_api_key",
  ],
  ["GET on completions", "GET", "/v1/chat/completions", { headers: bearer(t.key) }, 405, "method_not_allowed"],
  ["DELETE on completions", "DELETE", "/chat/completions", { headers: bearer(t.key) }, 405, "method_not_allowed"],
  ["PUT on models", "PUT", "/v1/models", { headers: bearer(t.key), body: "{}" }, 405, "method_not_allowed"],
  ["POST on one model", "POST", "/v1/models/good", { headers: bearer(t.key), body: "{}" }, 405, "method_not_allowed"],
  ["POST on health", "POST", "/health", { body: "{}" }, 405, "method_not_allowed"],
  [
    "PATCH on a provider",
    "PATCH",
    "/providers/1",
    { headers: bearer(t.gw.adminToken), body: "{}" },
    405,
    "method_not_allowed",
  ],
  ["DELETE on all providers", "DELETE", "/providers", { headers: bearer(t.gw.adminToken) }, 405, "method_not_allowed"],
  [
    "POST on the totals",
    "POST",
    "/stats/total",
    { headers: bearer(t.gw.adminToken), body: "{}" },
    405,
    "method_not_allowed",
  ],
  ["an unknown path", "GET", "/nowhere", {}, 404, "not_found"],
  ["an unknown path under /v1", "POST", "/v1/nothing", { headers: bearer(t.key), body: "{}" }, 404, "not_found"],
  [
    "a path with a trailing part",
    "POST",
    "/v1/chat/completions/extra",
    { headers: bearer(t.key), body: good },
    404,
    "not_found",
  ],
  ["a prefix too many", "POST", "/api/v1/chat/completions", { headers: bearer(t.key), body: good }, 404, "not_found"],
  ["the wrong case", "POST", "/V1/Chat/Completions", { headers: bearer(t.key), body: good }, 404, "not_found"],
  ["doubled slashes", "POST", "//v1//chat//completions", { headers: bearer(t.key), body: good }, [404, 200], null],
  ["broken percent signs", "GET", "/v1/models/%zz%", { headers: bearer(t.key) }, [400, 404], null],
  [
    "percent-encoded bytes that are not UTF-8",
    "GET",
    "/v1/models/%ff%fe",
    { headers: bearer(t.key) },
    [400, 404],
    null,
  ],
  ["a percent-encoded NUL", "GET", "/v1/models/a%00b", { headers: bearer(t.key) }, [400, 404], null],
  ["percent-encoded dots", "GET", "/v1/models/%2e%2e/%2e%2e/etc/passwd", { headers: bearer(t.key) }, 404, null],
  [
    "a model id of 8,000 characters",
    "GET",
    `/v1/models/${"x".repeat(8_000)}`,
    { headers: bearer(t.key) },
    404,
    "model_not_found",
  ],
  [
    "a provider id that is a word",
    "GET",
    "/providers/abc",
    { headers: bearer(t.gw.adminToken) },
    [400, 404],
    ["provider_not_found", "invalid_value", "not_found"],
  ],
  [
    "a provider id beyond 64 bits",
    "GET",
    "/providers/99999999999999999999999",
    { headers: bearer(t.gw.adminToken) },
    [400, 404],
    ["provider_not_found", "invalid_value", "not_found"],
  ],
  [
    "a negative provider id",
    "DELETE",
    "/providers/-1",
    { headers: bearer(t.gw.adminToken) },
    [400, 404],
    ["provider_not_found", "invalid_value", "not_found"],
  ],
  [
    "a provider that is not there",
    "PUT",
    "/providers/987654",
    { headers: bearer(t.gw.adminToken), body: "{}" },
    404,
    "provider_not_found",
  ],
  [
    "models of a provider that is not there",
    "GET",
    "/providers/987654/models",
    { headers: bearer(t.gw.adminToken) },
    404,
    "provider_not_found",
  ],
  [
    "a model that is not there",
    "PUT",
    "/provider_models/987654",
    { headers: bearer(t.gw.adminToken), body: "{}" },
    404,
    "provider_model_not_found",
  ],
  [
    "a key that is not there",
    "PUT",
    "/keys/zzzzzzzzzzzz",
    { headers: bearer(t.gw.adminToken), body: "{}" },
    404,
    "key_not_found",
  ],
  [
    "a key id of 8,000 characters",
    "GET",
    `/keys/${"x".repeat(8_000)}`,
    { headers: bearer(t.gw.adminToken) },
    404,
    "key_not_found",
  ],
  [
    "a limit that is a word",
    "GET",
    "/stats/requests?limit=many",
    { headers: bearer(t.gw.adminToken) },
    400,
    "invalid_value",
  ],
  ["a limit of zero", "GET", "/stats/requests?limit=0", { headers: bearer(t.gw.adminToken) }, 400, "invalid_value"],
  ["a negative limit", "GET", "/stats/requests?limit=-5", { headers: bearer(t.gw.adminToken) }, 400, "invalid_value"],
  [
    "a limit over the highest",
    "GET",
    "/stats/requests?limit=100000",
    { headers: bearer(t.gw.adminToken) },
    [200, 400],
    null,
  ],
  [
    "a cursor of nonsense",
    "GET",
    "/stats/requests?before=%27;--%00",
    { headers: bearer(t.gw.adminToken) },
    [200, 400],
    null,
  ],
  [
    "an admin body over the limit",
    "POST",
    "/providers",
    { headers: bearer(t.gw.adminToken), body: Buffer.alloc(2 * MAX_BODY, 0x20) },
    413,
    "request_too_large",
  ],
];

/** Bodies for `POST /providers`, `/provider_models`, `/keys`: [target, fields, status, code, param]. */
const adminBodies = [
  ["/providers", "", 400, "invalid_json", null],
  ["/providers", '{"name":', 400, "invalid_json", null],
  ["/providers", "[]", 400, "invalid_json", null],
  ["/providers", "{}", 400, "missing_required_parameter", "name"],
  ["/providers", { name: "x" }, 400, "missing_required_parameter", "server_url"],
  ["/providers", { server_url: "http://127.0.0.1/" }, 400, "missing_required_parameter", "name"],
  ["/providers", { name: "", server_url: "http://127.0.0.1/" }, 400, "invalid_value", "name"],
  ["/providers", { name: "a/b", server_url: "http://127.0.0.1/" }, 400, "invalid_value", "name"],
  ["/providers", { name: "x".repeat(101), server_url: "http://127.0.0.1/" }, 400, "invalid_value", "name"],
  ["/providers", { name: 5, server_url: "http://127.0.0.1/" }, 400, "invalid_type", "name"],
  ["/providers", { name: "x", kind: "mystery", server_url: "http://127.0.0.1/" }, 400, "invalid_value", "kind"],
  ["/providers", { name: "x", kind: 1, server_url: "http://127.0.0.1/" }, 400, "invalid_type", "kind"],
  ["/providers", { name: "x", server_url: "not a url" }, 400, "invalid_value", "server_url"],
  ["/providers", { name: "x", server_url: "ftp://127.0.0.1/" }, 400, "invalid_value", "server_url"],
  ["/providers", { name: "x", server_url: "javascript:alert(1)" }, 400, "invalid_value", "server_url"],
  ["/providers", { name: "x", server_url: "" }, 400, ["invalid_value", "missing_required_parameter"], "server_url"],
  ["/providers", { name: "x", server_url: 17 }, 400, "invalid_type", "server_url"],
  ["/providers", { name: "x", server_url: "http://127.0.0.1/", server_key: 5 }, 400, "invalid_type", "server_key"],
  [
    "/providers",
    { name: "x", server_url: "http://127.0.0.1/", server_key: "with\r\nx-injected: 1" },
    400,
    "invalid_value",
    "server_key",
  ],
  [
    "/providers",
    { name: "x", server_url: "http://127.0.0.1/", personalized_key: "short" },
    400,
    "invalid_value",
    "personalized_key",
  ],
  [
    "/providers",
    { name: "x", server_url: "http://127.0.0.1/", personalized_key: "x".repeat(257) },
    400,
    "invalid_value",
    "personalized_key",
  ],
  [
    "/providers",
    { name: "x", server_url: "http://127.0.0.1/", personalized_key: "has a space in it" },
    400,
    "invalid_value",
    "personalized_key",
  ],
  ["/providers", { name: "x", server_url: "http://127.0.0.1/", headers: "x: 1" }, 400, "invalid_type", "headers"],
  [
    "/providers",
    { name: "x", server_url: "http://127.0.0.1/", headers: { "bad name": "1" } },
    400,
    "invalid_value",
    "headers*",
  ],
  [
    "/providers",
    { name: "x", server_url: "http://127.0.0.1/", headers: { "x-a": "line\r\nbreak" } },
    400,
    "invalid_value",
    "headers*",
  ],
  [
    "/providers",
    { name: "x", server_url: "http://127.0.0.1/", headers: { "x-a": 5 } },
    400,
    "invalid_type",
    "headers*",
  ],
  ["/providers", { name: "x", server_url: "http://127.0.0.1/", rate_limit: "fast" }, 400, "invalid_type", "rate_limit"],
  ["/providers", { name: "x", server_url: "http://127.0.0.1/", rate_limit: -1 }, 400, "invalid_value", "rate_limit"],
  ["/providers", { name: "x", server_url: "http://127.0.0.1/", rate_limit: 1.5 }, 400, null, "rate_limit"],
  ["/providers", { name: "x", server_url: "http://127.0.0.1/", rate_limit: 1e30 }, 400, null, "rate_limit"],
  [
    "/providers",
    { name: "x", server_url: "http://127.0.0.1/", first_byte_timeout_ms: -1 },
    400,
    "invalid_value",
    "first_byte_timeout_ms",
  ],
  [
    "/providers",
    { name: "x", server_url: "http://127.0.0.1/", idle_timeout_ms: 0 },
    400,
    "invalid_value",
    "idle_timeout_ms",
  ],
  [
    "/providers",
    { name: "x", server_url: "http://127.0.0.1/", idle_timeout_ms: "5s" },
    400,
    "invalid_type",
    "idle_timeout_ms",
  ],
  ["/providers", { name: "x", server_url: "http://127.0.0.1/", enabled: "yes" }, 400, "invalid_type", "enabled"],
  ["/providers", { name: "x", server_url: "http://127.0.0.1/", description: {} }, 400, "invalid_type", "description"],
  ["/providers", { name: "x", server_url: "http://127.0.0.1/", id: 5 }, 400, "unknown_parameter", "id"],
  [
    "/providers",
    { name: "x", server_url: "http://127.0.0.1/", serverKey: "sk" },
    400,
    "unknown_parameter",
    "serverKey",
  ],
  ["/providers", { name: "x", server_url: "http://127.0.0.1/", created_at: 1 }, 400, "unknown_parameter", "created_at"],
  ["/provider_models", {}, 400, "missing_required_parameter", "provider_id"],
  ["/provider_models", { provider_id: 1 }, 400, "missing_required_parameter", "model_name"],
  ["/provider_models", { provider_id: "one", model_name: "m" }, 400, "invalid_type", "provider_id"],
  [
    "/provider_models",
    { provider_id: 987_654, model_name: "m" },
    [400, 404],
    ["provider_not_found", "invalid_value"],
    undefined,
  ],
  ["/provider_models", { provider_id: 1, model_name: "" }, 400, "invalid_value", "model_name"],
  ["/provider_models", { provider_id: 1, model_name: 5 }, 400, "invalid_type", "model_name"],
  ["/provider_models", { provider_id: 1, model_name: "m", upstream_model: 5 }, 400, "invalid_type", "upstream_model"],
  ["/provider_models", { provider_id: 1, model_name: "m", slow: 1 }, 400, "invalid_type", "slow"],
  ["/provider_models", { provider_id: 1, model_name: "m", enabled: null }, 400, "invalid_type", "enabled"],
  ["/provider_models", { provider_id: 1, model_name: "m", alias: "x" }, 400, "unknown_parameter", "alias"],
  ["/keys", {}, 400, "missing_required_parameter", "name"],
  ["/keys", { name: "" }, 400, "invalid_value", "name"],
  ["/keys", { name: 5 }, 400, "invalid_type", "name"],
  ["/keys", { name: "k", enabled: 1 }, 400, "invalid_type", "enabled"],
  ["/keys", { name: "k", expires_at: "tomorrow" }, 400, "invalid_type", "expires_at"],
  ["/keys", { name: "k", expires_at: -1 }, 400, "invalid_value", "expires_at"],
  ["/keys", { name: "k", allowed_models: "all" }, 400, "invalid_type", "allowed_models"],
  ["/keys", { name: "k", allowed_models: [1] }, 400, "invalid_type", "allowed_models*"],
  ["/keys", { name: "k", allowed_models: [""] }, 400, "invalid_value", "allowed_models*"],
  ["/keys", { name: "k", allowed_providers: {} }, 400, "invalid_type", "allowed_providers"],
  ["/keys", { name: "k", allowed_providers: ["one"] }, 400, "invalid_type", "allowed_providers*"],
  ["/keys", { name: "k", key: "sk-nx-mine" }, 400, "unknown_parameter", "key"],
  ["/keys", { name: "k", id: "abcdefghijkl" }, 400, "unknown_parameter", "id"],
];

const oneOf = (value) => (Array.isArray(value) ? value : [value]);
function check({ status, text, headers }, expected, code, param) {
  assert.ok(oneOf(expected).includes(status), `status ${status}, not ${expected}: ${text.slice(0, 300)}`);
  if (status < 400) return;
  const error = errorOf(text);
  if (code !== null)
    assert.ok(oneOf(code).includes(error.code), `code ${error.code}, not ${code}: ${text.slice(0, 300)}`);
  // A star stands for a place inside the field: both `headers` and `headers.x-a` match.
  if (param?.endsWith?.("*")) assert.ok(error.param?.startsWith(param.slice(0, -1)), `param ${error.param}`);
  else if (param !== undefined) assert.equal(error.param, param, text.slice(0, 300));
  assert.match(headers["content-type"], /^application\/json/);
  assert.ok(headers["x-request-id"], "no x-request-id");
  assert.ok(text.length < 4_000, `an error of ${text.length} bytes`);
  if (status === 405) assert.ok(headers.allow, "no allow header");
}

test("the table has at least sixty rows", () => {
  assert.ok(completions.length + requests().length + adminBodies.length >= 60);
});

for (const [name, body, ...expected] of completions) {
  test(`completion: ${name}`, async () => {
    const [status, code, param] = expected;
    check(await t.complete(body), status, code, param);
    await alive();
  });
}

test("requests of every other kind", async (context) => {
  for (const [name, method, target, { headers, body }, status, code] of requests()) {
    await context.test(name, async () => {
      const payload =
        body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      check(await t.gw.call(target, { method, headers, body: payload }), status, code, undefined);
      await alive();
    });
  }
});

test("bodies of the admin API", async (context) => {
  const count = async () =>
    JSON.stringify(
      await t.gw.db(
        "SELECT (SELECT COUNT(*) FROM providers) p, (SELECT COUNT(*) FROM provider_models) m, (SELECT COUNT(*) FROM api_keys) k",
      ),
    );
  const before = await count();
  for (const [index, [target, body, status, code, param]] of adminBodies.entries()) {
    await context.test(`${index}: POST ${target} ${JSON.stringify(body).slice(0, 90)}`, async () => {
      check(await t.gw.admin("POST", target, body), status, code, param);
    });
  }
  assert.equal(await count(), before, "a refused body left something behind");
  await alive();
});

test("the same fields are refused in a change, which then changes nothing", async (context) => {
  const provider = await t.gw.createProvider({
    name: "unchanged",
    server_url: `${t.up.url}/v1`,
    server_key: "sk-unchanged-key-0001",
  });
  const model = await t.gw.createModel({ provider_id: provider.id, model_name: "unchanged" });
  const { key: _, ...key } = await t.gw.createKey({ name: "unchanged" });
  const cases = [
    [`/providers/${provider.id}`, provider, { name: "changed", rate_limit: "x" }, "invalid_type", "rate_limit"],
    [`/providers/${provider.id}`, provider, { name: "changed", unknown: 1 }, "unknown_parameter", "unknown"],
    [`/providers/${provider.id}`, provider, { name: "changed", server_url: "nope" }, "invalid_value", "server_url"],
    [`/providers/${provider.id}`, provider, { name: null }, null, "name"],
    [`/providers/${provider.id}`, provider, { server_url: null }, null, "server_url"],
    [`/providers/${provider.id}`, provider, { enabled: null }, null, "enabled"],
    [`/providers/${provider.id}`, provider, "[1]", "invalid_json", null],
    [`/providers/${provider.id}`, provider, "{", "invalid_json", null],
    [`/provider_models/${model.id}`, model, { model_name: "" }, "invalid_value", "model_name"],
    [`/provider_models/${model.id}`, model, { model_name: null }, null, "model_name"],
    [`/provider_models/${model.id}`, model, { upstream_model: "x", nothing: 1 }, "unknown_parameter", "nothing"],
    [`/keys/${key.id}`, key, { name: "changed", allowed_models: "x" }, "invalid_type", "allowed_models"],
    [`/keys/${key.id}`, key, { key: "sk-nx-x" }, "unknown_parameter", "key"],
  ];
  for (const [target, shown, body, code, param] of cases) {
    await context.test(`PUT ${target} ${JSON.stringify(body)}`, async () => {
      check(await t.gw.admin("PUT", target, body), 400, code, param);
      assert.deepEqual((await t.gw.admin("GET", target)).body, shown);
    });
  }
});

test("requests that no library would send", async (context) => {
  const host = new URL(t.gw.url).host;
  const head = (...lines) => `${lines.join("\r\n")}\r\n\r\n`;
  const authorized = [`Host: ${host}`, `Authorization: Bearer ${t.key}`, "Connection: close"];
  const cases = {
    "a chunked body over the limit": [
      `${head("POST /v1/chat/completions HTTP/1.1", ...authorized, "Transfer-Encoding: chunked")}${`${(10_000).toString(16)}\r\n${" ".repeat(10_000)}\r\n`.repeat(MAX_BODY / 10_000 + 2)}0\r\n\r\n`,
      /^HTTP\/1\.1 413 .*"code":"request_too_large"/s,
    ],
    "a chunked body": [
      `${head("POST /v1/chat/completions HTTP/1.1", ...authorized, "Transfer-Encoding: chunked")}${JSON.stringify(good).length.toString(16)}\r\n${JSON.stringify(good)}\r\n0\r\n\r\n`,
      /^HTTP\/1\.1 200 .*still here/s,
    ],
    "a content-length over the limit, body to follow": [
      // Only the beginning of the body: a server that answers early and closes resets the connection of a caller who
      // goes on sending, and the reset can overtake the answer.
      head("POST /v1/chat/completions HTTP/1.1", ...authorized, `Content-Length: ${10 * MAX_BODY}`) + " ".repeat(1_000),
      /^HTTP\/1\.1 413 .*"code":"request_too_large"/s,
    ],
    "a chunk size of nonsense": [
      `${head("POST /v1/chat/completions HTTP/1.1", ...authorized, "Transfer-Encoding: chunked")}zz\r\n{}\r\n0\r\n\r\n`,
      /^(HTTP\/1\.1 4\d\d |$)/,
    ],
    "a content-length of nonsense": [
      head("POST /v1/chat/completions HTTP/1.1", ...authorized, "Content-Length: many"),
      /^HTTP\/1\.1 4\d\d /,
    ],
    "a request line of nonsense": [head("NONSENSE", `Host: ${host}`), /^HTTP\/1\.1 4\d\d /],
    "an unknown method": [head("BREW /v1/chat/completions HTTP/1.1", ...authorized), /^HTTP\/1\.1 (405|501|400) /],
    "no host": [head("GET /health HTTP/1.1", "Connection: close"), /^HTTP\/1\.1 (200|400) /],
    "two authorizations": [
      head("GET /v1/models HTTP/1.1", `Authorization: Bearer ${t.key}`, ...authorized),
      /^HTTP\/1\.1 (200|401) /,
    ],
    "500 headers": [
      head("GET /v1/models HTTP/1.1", ...authorized, ...Array.from({ length: 500 }, (_, i) => `X-H${i}: ${i}`)),
      /^HTTP\/1\.1 (200|4\d\d) /,
    ],
    "an absolute target": [head(`GET http://${host}/health HTTP/1.1`, ...authorized), /^HTTP\/1\.1 (200|4\d\d) /],
    "a query of nonsense": [head("GET /health?%%%&&&==&\x7f HTTP/1.1", ...authorized), /^HTTP\/1\.1 (200|4\d\d) /],
    "OPTIONS *": [head("OPTIONS * HTTP/1.1", ...authorized), /^HTTP\/1\.1 (2\d\d|4\d\d) /],
    "HEAD on health": [head("HEAD /health HTTP/1.1", ...authorized), /^HTTP\/1\.1 (200|405) /],
  };
  for (const [name, [bytesToSend, pattern]] of Object.entries(cases)) {
    await context.test(name, async () => {
      assert.match(await rawExchange(t.gw.url, bytesToSend), pattern);
      await alive();
    });
  }
  await context.test("a caller who leaves in the middle of his body", async () => {
    for (let i = 0; i < 20; i++) {
      const req = request(`${t.gw.url}/v1/chat/completions`, {
        method: "POST",
        agent: false,
        headers: { ...bearer(t.key), "content-length": 1_000 },
      });
      req.on("error", () => {});
      await new Promise((resolve) => req.write('{"model":', resolve));
      req.destroy();
    }
    await alive();
  });
});

test("a body of exactly the limit passes", async () => {
  const frame = JSON.stringify({ ...good, user: "" });
  const body = JSON.stringify({ ...good, user: "x".repeat(MAX_BODY - frame.length) });
  assert.equal(body.length, MAX_BODY);
  assert.equal((await t.complete(body)).status, 200);
});

test("nothing above made the Worker panic or print an exception", () => {
  const bad = t.gw
    .logs()
    .filter(({ message }) => /panick|panicked|unreachable executed|RuntimeError|Uncaught/i.test(message));
  assert.deepEqual(bad, []);
});
