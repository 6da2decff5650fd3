// Proves what becomes of calls when the machine of a real agent misbehaves: it sleeps, its servers crash, hang, write what is no message or
// a line without end; its clock is wrong. And the way there: encrypted connections, `login`, `doctor`, and a gateway that is started again.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { home, program, real } from "../bridge/support/agent.mjs";
import { callsOf, codeOf, ScriptedAgent, tokenOf } from "../support/agent.mjs";
import { authority } from "../support/certificates.mjs";
import { startGateway } from "../support/gateway.mjs";
import { buildAgent, PATIENCE, realAgents, scripted } from "../support/real-agent.mjs";
import { startRelay } from "../support/relay.mjs";
import { suite, test } from "../support/suite.mjs";
import { eventually } from "../support/util.mjs";

/** The Worker with a clock that a test sets. */
const entry = `
import worker from "./index.js";
export * from "./index.js";
const now = Date.now.bind(Date);
let ahead = 0;
Date.now = () => now() + ahead;
export default class extends worker {
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/clock") return super.fetch(request);
    ahead = Number(searchParams.get("ahead_ms"));
    return new Response(String(Date.now() - now()));
  }
}`;

const t = suite({ entry, setUp: buildAgent, setUpWithin: 600_000 });
const { bridge, start, tools, connected, invoke } = realAgents(t);
const long = (name, work) => test(name, work, { timeout: 240_000 });
const places = [];
after(() => {
  for (const remove of places) remove();
});

/** A call that did not end by its deadline: the agent says so, or the hub if it is first. */
function isLate(answer) {
  const ends = [
    [200, "timeout"],
    [504, "tool_timeout"],
  ];
  assert.ok(
    ends.some(([status, code]) => answer.status === status && codeOf(answer) === code),
    answer.text,
  );
}

/** The program with a secret on stdin. */
function login(place, secret, ...options) {
  return new Promise((resolve) => {
    const child = spawn(program, ["login", ...options], { env: place.env, stdio: ["pipe", "pipe", "pipe"] });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (data) => (output.stdout += data));
    child.stderr.on("data", (data) => (output.stderr += data));
    child.on("close", (code) => resolve({ code, ...output }));
    child.stdin.end(`${secret}\n`);
  });
}

long("an agent that is stopped is told as unresponsive, and goes on when it wakes", async () => {
  const one = await bridge("asleep", { servers: [scripted("s", "legacy")] });
  await connected(one);
  assert.equal((await invoke(one, "echo", {}, "s")).status, 200);
  one.child.kill("SIGSTOP");
  const unheard = await invoke(one, "echo", { req_id: "unheard" }, "s");
  assert.deepEqual([unheard.status, codeOf(unheard)], [504, "agent_unresponsive"], unheard.text);
  assert.match(unheard.json().error.message, /may have been executed/);
  one.child.kill("SIGCONT");
  const answer = await eventually(
    async () => {
      const answer = await invoke(one, "echo", { arguments: { after: "sleep" }, timeout_ms: 30_000 }, "s");
      return answer.status === 200 && answer;
    },
    { what: "an answer after the sleep", ...PATIENCE },
  );
  assert.match(answer.text, /after.*sleep/);
});

long("servers that crash, hang, write what is no message, or a line without end", async () => {
  const servers = [scripted("good", "legacy", "garbage"), scripted("endless", "legacy", "long-line")];
  const one = await bridge("misbehaving", { servers });
  await connected(one);
  const offered = (names, server) => names.some(({ name }) => name === `${server.name}__echo`);
  await eventually(
    async () => {
      const names = await tools(one);
      return servers.every((server) => offered(names, server));
    },
    { what: "the tools of both servers", ...PATIENCE },
  );
  const failed = (answer) => [answer.status, answer.json().ok, answer.json().error?.code];
  const crash = await invoke(one, "crash", {}, "good");
  assert.deepEqual(failed(crash), [200, false, "server_crashed"], crash.text);
  assert.match(crash.json().error.message, /whether it was executed is not known/);
  assert.match((await invoke(one, "echo", { arguments: { after: "crash" } }, "good")).text, /after.*crash/);
  const endless = await invoke(one, "echo", {}, "endless");
  assert.deepEqual(failed(endless), [200, false, "server_crashed"], endless.text);
  const status = JSON.parse((await one.place.run("--log-format", "json", "agent", "status")).stdout);
  assert.match(status.servers.find(({ name }) => name === "endless").last_error, /16 MiB/);
  // A call that hangs ends by its deadline, and the server takes others once it has done with it.
  const began = Date.now();
  const hung = await invoke(one, "sleep", { arguments: { ms: 40_000 }, timeout_ms: 2_000 }, "good");
  isLate(hung);
  assert.ok(Date.now() - began < 38_000, "it ended before the server did");
  const next = await invoke(one, "echo", { arguments: { after: "hang" }, timeout_ms: 120_000 }, "good");
  assert.match(next.text, /after.*hang/);
  const large = await invoke(one, "large", { arguments: { bytes: 3_000_000 } }, "good");
  assert.equal(large.json().result.content[0].text.length, 3_000_000);
});

long("clocks of gateway and agent that differ by an hour, and one that jumps, do not matter", async () => {
  const one = await bridge("clocks", { servers: [scripted("s", "legacy")] });
  await connected(one);
  const set = (ahead_ms) => t.gw.call(`/clock?ahead_ms=${ahead_ms}`);
  try {
    for (const ahead of [3_600_000, -3_600_000]) {
      assert.equal(Math.round(Number((await set(ahead)).text) / 1_000), ahead / 1_000);
      const answer = await invoke(one, "echo", { arguments: { ahead }, timeout_ms: 60_000 }, "s");
      assert.equal(answer.status, 200, answer.text);
      const late = await invoke(one, "sleep", { arguments: { ms: 3_000 }, timeout_ms: 1_000 }, "s");
      isLate(late);
      // A connection that begins while the clocks differ is as good.
      await one.kill("SIGTERM");
      one.start();
      await connected(one);
      assert.equal((await invoke(one, "echo", {}, "s")).status, 200);
    }
  } finally {
    await set(0);
  }
});

long("login makes a token and a configuration, and the agent connects with them over TLS", async () => {
  const trusted = authority();
  const relay = await startRelay({ target: t.gw.url, certificate: trusted.issue() });
  const place = home([real("everything")], "policy: {default: allow}");
  places.push(place.remove);
  const cert = join(place.folder, "authority.pem");
  writeFileSync(cert, trusted.cert);
  const options = ["--config", place.file, "--gateway", relay.url, "--agent", "encrypted"];
  try {
    const untrusted = await login(place, t.key, ...options);
    assert.equal(untrusted.code, 1, untrusted.stderr);
    assert.match(untrusted.stderr, /certificate/);
    place.env.SSL_CERT_FILE = cert;
    const refused = await login(place, `${t.key.slice(0, -6)}AAAAAA`, ...options);
    assert.equal(refused.code, 3, refused.stderr);
    const done = await login(place, t.key, ...options);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /a token for `encrypted` was made: it is good for 90 days/);
    const key = join(place.folder, ".ai-bridge", "agent.key");
    assert.equal(statSync(key).mode & 0o777, 0o600);
    const token = readFileSync(key, "utf8").trim();
    assert.ok(!`${done.stdout}${done.stderr}`.includes(token));
    assert.match(
      readFileSync(place.file, "utf8"),
      /server: \{url: "wss:\/\/localhost:\d+\/bridge\/tunnel", token: "\$\{file:~\/\.ai-bridge\/agent\.key\}"\}\nagent: \{id: encrypted\}\n/,
    );
    // There is a token: another one replaces it only where that is asked for.
    const again = await login(place, t.key, ...options);
    assert.deepEqual([again.code, readFileSync(key, "utf8").trim()], [1, token]);
    assert.match(again.stderr, /--reset/);
    assert.equal((await login(place, token, ...options)).code, 0);
    const doctor = await place.run("doctor");
    assert.equal(doctor.code, 0, doctor.stdout);
    assert.match(doctor.stdout, /certificates +1 of SSL_CERT_FILE=/);
    assert.match(doctor.stdout, /gateway +wss:\S+ answers after \d+ ms, encrypted/);
    assert.match(doctor.stdout, /token +accepted/);
    const one = start({ agentId: "encrypted", token, place });
    await connected(one);
    const answer = await invoke(one, "echo", { arguments: { message: "over TLS" } });
    assert.match(answer.text, /over TLS/);
    assert.ok(relay.open > 0);
  } finally {
    await relay.stop();
  }
});

long("a certificate that has expired is said by doctor, with what may be the cause", async () => {
  const trusted = authority();
  const expired = trusted.issue({ from: Date.now() - 7_200_000, to: Date.now() - 3_600_000 });
  const relay = await startRelay({ target: t.gw.url, certificate: expired });
  const place = home(
    [],
    `server: {url: "${relay.url.replace("https", "wss")}/bridge/tunnel", token: "x"}\nagent: {id: late}`,
  );
  places.push(place.remove);
  place.env.SSL_CERT_FILE = join(place.folder, "authority.pem");
  writeFileSync(place.env.SSL_CERT_FILE, trusted.cert);
  const doctor = await place.run("doctor");
  await relay.stop();
  assert.equal(doctor.code, 1);
  assert.match(
    doctor.stdout,
    /gateway +wss:\S+ cannot be reached: .*certificate.*\n +certificates are good for a time: is this machine's clock right\?/i,
  );
});

long("after a restart of the gateway all its agents are connected again, and results are still there", async () => {
  const storage = mkdtempSync(join(tmpdir(), "nexus-restart-"));
  const options = { storage, vars: { GLOBAL_REQUESTS_PER_SECOND: "0" } };
  const own = { gw: await startGateway(options) };
  own.key = (await own.gw.createKey()).key;
  const relay = await startRelay({ target: own.gw.url });
  const { get, post } = callsOf(own);
  try {
    const there = realAgents(own);
    const servers = [scripted("s", "legacy")];
    const one = await there.bridge("restarted", { url: relay.url.replace("localhost", "127.0.0.1"), servers });
    await there.connected(one);
    const others = [];
    for (let i = 0; i < 40; i++) {
      others.push(new ScriptedAgent(own.gw, await tokenOf(own.gw, own.key, `other-${i}`), `other-${i}`));
    }
    await Promise.all(others.map((other) => other.connect()));
    const call = { agent_id: one.agentId, tool_name: "s__echo", req_id: "before", arguments: { n: 1 } };
    const before = await post("/v1/bridge/invoke", call);
    assert.equal(before.status, 200, before.text);
    await own.gw.stop();
    own.gw = await startGateway({ ...options, vars: { ...options.vars, MASTER_KEY: own.gw.masterKey } });
    relay.target = own.gw.url;
    for (const other of others) other.gw = own.gw;
    await Promise.all(others.map((other) => other.connect()));
    await there.connected(one);
    const kept = await get(`/v1/bridge/results/before?agent_id=${one.agentId}`);
    assert.deepEqual(kept.json().result, before.json().result);
    for (const other of others) {
      const answer = await post("/v1/bridge/invoke", { agent_id: other.agentId, tool_name: "files__echo" });
      assert.equal(answer.status, 200, answer.text);
    }
    assert.equal((await post("/v1/bridge/invoke", { ...call, req_id: "after" })).status, 200);
    await one.end();
  } finally {
    await relay.stop();
    await own.gw.stop();
    rmSync(storage, { recursive: true, force: true });
  }
});
