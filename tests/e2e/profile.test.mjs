// Proves what users set for themselves: names, languages, themes, time zones and preferences within bounds, and pictures that are
// pictures, whatever their sender calls them.
import assert from "node:assert/strict";
import { deflateSync, crc32 } from "node:zlib";
import { errorOf, suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite();
const PASSWORD = "Tr4vel-Lamp";
let made = 0;

const codeOf = ({ text }) => errorOf(text).code;
const as = (token, method, target, body) => t.gw.admin(method, target, body, { headers: token ? bearer(token) : {} });
async function user() {
  const email = `user-${++made}@example.org`;
  await t.gw.admin("POST", "/users", { email, password: PASSWORD });
  return (await as(undefined, "POST", "/auth/login", { email, password: PASSWORD })).body;
}
function png(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const rows = deflateSync(Buffer.alloc((width + 1) * height));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
}
const setPicture = async (token, body, type = "image/png") => {
  const headers = { ...bearer(token), "content-type": type };
  return t.gw.call("/auth/me/avatar", { method: "PUT", headers, body });
};

test("a profile is set field by field, and shows at once", async () => {
  const { access_token: token, user: before } = await user();
  assert.deepEqual(before.profile, { language: null, theme: "system", time_zone: null, preferences: {} });
  const set = {
    language: "zh-Hans",
    theme: "dark",
    time_zone: "Asia/Shanghai",
    preferences: { "table.density": "compact" },
  };
  const answer = await as(token, "PUT", "/auth/me", { name: "Ada", ...set });
  assert.deepEqual([answer.status, answer.body.name, answer.body.profile], [200, "Ada", set], answer.text);
  const { name: shown, profile: shownProfile } = (await as(token, "GET", "/auth/me")).body;
  assert.deepEqual([shown, shownProfile], [answer.body.name, answer.body.profile]);
  await as(token, "PUT", "/auth/me", { language: null, preferences: null });
  const { profile, name } = (await as(token, "GET", "/auth/me")).body;
  assert.deepEqual([name, profile], ["Ada", { ...set, language: null, preferences: {} }]);
});

test("what is out of bounds, or not the user's to say, is refused with its field", async () => {
  const { access_token: token } = await user();
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`p${n}`, "x"]));
  for (const [fields, param] of [
    [{ theme: "sepia" }, "theme"],
    [{ theme: null }, "theme"],
    [{ language: "english please" }, "language"],
    [{ language: "<b>" }, "language"],
    [{ time_zone: "Mars/Olympus" }, "time_zone"],
    [{ name: "" }, "name"],
    [{ name: "a\u0000b" }, "name"],
    [{ preferences: many }, "preferences"],
    [{ preferences: { "Not a name": "x" } }, "preferences"],
    [{ preferences: { long: "x".repeat(501) } }, "preferences"],
    [{ preferences: { n: 7 } }, "preferences.n"],
    [{ preferences: [] }, "preferences"],
    [{ roles: ["admin"] }, "roles"],
    [{ email: "x@example.org" }, "email"],
    [{ status: "active" }, "status"],
    [{ avatar: "avatars/other/x.png" }, "avatar"],
  ]) {
    const answer = await as(token, "PUT", "/auth/me", fields);
    assert.deepEqual([answer.status, errorOf(answer.text).param], [400, param], JSON.stringify(fields));
  }
  assert.equal(codeOf(await as(undefined, "PUT", "/auth/me", { name: "x" })), "not_signed_in");
});

test("a picture is what its content is, and is served as nothing else", async () => {
  const { access_token: token, user: account } = await user();
  const { access_token: other } = await user();
  const path = `/users/${account.id}/avatar`;
  assert.equal(codeOf(await as(token, "GET", path)), "avatar_not_found");
  const file = png(64, 48);
  // Whatever the sender says that it is.
  const set = await setPicture(token, file, "text/html");
  assert.equal(set.status, 200, set.text);
  assert.equal(set.json().has_avatar, true);
  const shown = await fetch(t.gw.url + path, { headers: bearer(other) });
  assert.deepEqual(Buffer.from(await shown.arrayBuffer()), file);
  assert.deepEqual(
    ["content-type", "x-content-type-options", "content-security-policy"].map((name) => shown.headers.get(name)),
    ["image/png", "nosniff", "default-src 'none'; sandbox"],
  );
  assert.equal((await fetch(t.gw.url + path)).status, 401);
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
  for (const wrong of [
    Buffer.from(svg),
    Buffer.from("<!doctype html><script>alert(1)</script>"),
    Buffer.concat([file, Buffer.from(svg)]),
    file.subarray(0, 40),
    png(8, 8),
    png(2_049, 16),
    Buffer.alloc(0),
  ])
    assert.deepEqual(await setPicture(token, wrong).then((answer) => [answer.status, codeOf(answer)]), [
      415,
      "image_refused",
    ]);
  const large = Buffer.concat([file, Buffer.alloc(1 << 20)]);
  assert.equal(codeOf(await setPicture(token, large)), "request_too_large");
  assert.deepEqual(Buffer.from(await (await fetch(t.gw.url + path, { headers: bearer(other) })).arrayBuffer()), file);
});

test("a picture that is replaced, removed, or whose user is deleted, is gone from the bucket", async () => {
  const { access_token: token, user: account } = await user();
  const objects = async () => (await (await t.gw.r2()).list({ prefix: `avatars/${account.id}/` })).objects.length;
  await setPicture(token, png(64, 64));
  await setPicture(token, png(65, 64));
  await eventually(async () => (await objects()) === 1);
  assert.equal((await as(token, "DELETE", "/auth/me/avatar")).body.has_avatar, false);
  await eventually(async () => (await objects()) === 0);
  await setPicture(token, png(66, 64));
  assert.equal(await objects(), 1);
  await t.gw.admin("DELETE", `/users/${account.id}`);
  await eventually(async () => (await objects()) === 0);
});
