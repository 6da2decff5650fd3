// Servers with an address behind the agent: the official ones of both lines, the reference server over both older
// transports, and some that misbehave.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

import { authority } from "../support/certificates.mjs";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { startRelay } from "../support/relay.mjs";
import { direct, home } from "./support/agent.mjs";

const TIMEOUT = { timeout: 120_000 };
const KEY = "a-very-secret-key";

let servers;
before(async () => {
  servers = await startMcpServers();
});
after(() => servers.stop());

describe("official servers over streamable HTTP", () => {
  for (const [path, version] of [
    ["modern", "2026-07-28"],
    ["legacy", "2025-11-25"],
    ["sessions", "2025-11-25"],
  ]) {
    test(`${path}: tools are listed and called`, async () => {
      const { place, client } = await connected({ url: `${servers.url}/${path}` });
      try {
        const { tools } = await client.listTools({}, TIMEOUT);
        assert.ok(tools.some((tool) => tool.name === "s__echo"));
        const { content } = await client.callTool(
          { name: "s__echo", arguments: { text: "wörds" } },
          undefined,
          TIMEOUT,
        );
        assert.equal(content[0].text, "wörds");
        const call = servers.requests.findLast((one) => one.path === `/${path}` && one.body?.method === "tools/call");
        assert.equal(call.headers["mcp-protocol-version"], version);
        assert.equal(call.headers["mcp-param-text"], path === "modern" ? "=?base64?d8O2cmRz?=" : undefined);
      } finally {
        await client.close();
        place.remove();
      }
    });
  }

  test("a session that the server has forgotten is begun anew, and the call is made", async () => {
    const { place, client } = await connected({ url: `${servers.url}/sessions` });
    try {
      const add = () => client.callTool({ name: "s__add", arguments: { a: 2, b: 3 } }, undefined, TIMEOUT);
      assert.equal((await add()).content[0].text, "5");
      servers.forgetSessions();
      assert.equal((await add()).content[0].text, "5");
    } finally {
      await client.close();
      place.remove();
    }
  });
});

describe("the reference server over the older transports", () => {
  for (const [mode, path, more] of [
    ["streamableHttp", "mcp", {}],
    ["sse", "sse", {}],
    ["sse", "sse", { type: "sse" }],
  ]) {
    test(`${mode}${more.type ? ", named" : ", found out"}`, async () => {
      const port = await freePort();
      const { command, args } = direct("server-everything", mode);
      const child = spawn(command, args, { env: { ...process.env, PORT: String(port) }, stdio: "ignore" });
      try {
        await listening(port);
        const { place, client } = await connected({ url: `http://127.0.0.1:${port}/${path}`, ...more });
        const heard = [];
        const options = { ...TIMEOUT, onprogress: (progress) => heard.push(progress.progress) };
        const slow = { name: "s__trigger-long-running-operation", arguments: { duration: 1, steps: 2 } };
        const { content } = await client.callTool(slow, undefined, options);
        assert.match(content[0].text, /completed/);
        assert.ok(heard.length > 0);
        await client.close();
        place.remove();
      } finally {
        child.kill("SIGKILL");
      }
    });
  }
});

describe("servers that cannot be used", () => {
  for (const [path, said] of [
    ["unauthorized", /status 401/],

    ["broken", /connection|closed/],
    ["nothing-there", /status 404/],
  ]) {
    test(`${path}: the reason is said, and no secret`, async () => {
      const headers = { Authorization: `Bearer \${env:KEY}` };
      const place = home([{ name: "s", url: `${servers.url}/${path}?k=${KEY}`, headers }]);
      place.env.KEY = KEY;
      const { stdout, stderr } = await place.run("doctor");
      assert.match(stdout, said);
      assert.doesNotMatch(stdout + stderr, new RegExp(KEY));
      const asked = servers.requests.findLast((one) => one.path === `/${path}`);
      assert.equal(asked.headers.authorization, `Bearer ${KEY}`);
      place.remove();
    });
  }
});

test("a redirect to another path of the same server is followed", async () => {
  const place = home([{ name: "s", url: `${servers.url}/redirect` }]);
  const { stdout } = await place.run("tools", "call", "s", "add", '{"a":1,"b":2}');
  assert.match(stdout, /3/);
  place.remove();
});

test("other addresses are asked through the proxy of the environment", async () => {
  const proxy = await startProxy(servers.url);
  const place = home([{ name: "s", url: "http://tools.example/modern" }]);
  place.env.HTTP_PROXY = proxy.url;
  const { stdout } = await place.run("tools", "call", "s", "add", '{"a":1,"b":2}');
  assert.match(stdout, /3/);
  assert.deepEqual(proxy.targets[0], ["tools.example:80", `Basic ${Buffer.from("me:word").toString("base64")}`]);
  place.remove();
  proxy.stop();
});

describe("encrypted connections", () => {
  const trusted = authority();
  let secure;
  let proxy;
  before(async () => {
    secure = await startRelay({
      target: servers.url,
      certificate: trusted.issue({ names: ["localhost", "tools.example"] }),
    });
    proxy = await startProxy(secure.url);
  });
  after(async () => {
    proxy.stop();
    await secure.stop();
  });

  /** What a call comes to, of a server at this address. */
  async function asked(url, { authorities = trusted.cert, ...env } = {}) {
    const place = home([{ name: "s", url }]);
    place.env.SSL_CERT_FILE = join(place.folder, "authorities.pem");
    writeFileSync(place.env.SSL_CERT_FILE, authorities);
    Object.assign(place.env, env);
    const answer = await place.run("tools", "call", "s", "add", '{"a":1,"b":2}');
    place.remove();
    return answer;
  }

  test("a server is called whose authority SSL_CERT_FILE has, and no other", async () => {
    assert.match((await asked(`${secure.url}/modern`)).stdout, /3/);
    const other = await asked(`${secure.url}/modern`, { authorities: authority().cert });
    assert.equal(other.code, 1);
    assert.match(other.stderr, /certificate/);
    // The name counts as well.
    const { port } = new URL(secure.url);
    const named = await asked(`https://other.localhost:${port}/modern`);
    assert.equal(named.code, 1);
  });

  test("an https:// server is called through a proxy, which sees its name only", async () => {
    const answer = await asked("https://tools.example/modern", { HTTPS_PROXY: proxy.url });
    assert.match(answer.stdout, /3/, answer.stderr);
    assert.equal(proxy.targets[0][0], "tools.example:443");
  });
});

/** A proxy that takes every target for the server at this address, and keeps what it was asked for. */
async function startProxy(address) {
  const targets = [];
  const server = http.createServer();
  server.on("connect", (request, socket) => {
    targets.push([request.url, request.headers["proxy-authorization"]]);
    const through = net.connect(Number(new URL(address).port), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      through.pipe(socket).pipe(through);
    });
    through.on("error", () => socket.destroy());
    socket.on("error", () => through.destroy());
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { targets, stop, url: `http://me:word@127.0.0.1:${server.address().port}` };
}

/** A client of the agent, with one server. */
async function connected(server) {
  const place = home([{ name: "s", ...server }]);
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new StdioClientTransport({ ...place.transport, stderr: "inherit" }), TIMEOUT);
  return { place, client };
}

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port) {
  for (let tries = 0; tries < 600; tries += 1) {
    const open = await new Promise((resolve) => {
      const socket = net.connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the server did not start within a minute");
}
