// A collector of OpenTelemetry: takes OTLP over HTTP as JSON, and reads it with OpenTelemetry's own protobuf definitions.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { ensurePrograms } from "../../scripts/lib/python.mjs";

const SCRIPTS = fileURLToPath(new URL("../e2e/python/", import.meta.url));

/** Starts a collector. `behave(request, response)` may answer a request itself; true if it has. */
export async function startCollector() {
  const programs = await ensurePrograms(path.join(SCRIPTS, "otlp-requirements.txt"), "the tests of OTLP");
  const reader = spawn(path.join(programs, "python"), [path.join(SCRIPTS, "otlp.py")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: reader.stdout })[Symbol.asyncIterator]();
  let turn = Promise.resolve();
  const read = (request) => {
    turn = turn.then(async () => {
      reader.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`OpenTelemetry's definitions do not accept ${request.body.slice(0, 500)}`);
      return JSON.parse(value);
    });
    return turn;
  };
  const collector = {
    /** All spans that were taken. */
    spans: [],
    /** The metrics of the last request. */
    metrics: [],
    /** Requests, taken or not. */
    requests: [],
    /** Problems of what was received. */
    problems: [],
    behave: undefined,
  };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const received = { path: request.url, headers: request.headers, body };
    collector.requests.push(received);
    if (await collector.behave?.(received, response)) return;
    try {
      const content = await read({ path: request.url, body });
      if (request.url === "/v1/traces") collector.spans.push(...content);
      else collector.metrics = content;
    } catch (error) {
      collector.problems.push(error);
    }
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  collector.url = `http://127.0.0.1:${server.address().port}`;
  collector.stop = async () => {
    server.closeAllConnections();
    server.close();
    reader.stdin.end();
    await once(reader, "exit");
  };
  return collector;
}
