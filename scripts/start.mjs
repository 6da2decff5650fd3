// `npm start`: from a fresh clone to a gateway on http://127.0.0.1:8787 that answers, with everything it needs.
//
//   PORT=9000 npm start       another port
//   npm start -- --reset      forget the local database, secrets and credentials first

import { buildWorker, isUpToDate } from "./lib/build.mjs";
import { buildConsole } from "./lib/console.mjs";
import { checkPortIsFree, runCronEveryMinute, serve } from "./lib/dev-server.mjs";
import {
  applyMigrations,
  ensureSecrets,
  forgetEverything,
  readCredentials,
  writeCredentials,
} from "./lib/local-state.mjs";
import { main } from "./lib/main.mjs";
import { ensureNode } from "./lib/node22.mjs";
import { ensurePackages } from "./lib/npm.mjs";
import { checkPrerequisites } from "./lib/prerequisites.mjs";
import { chooseProfile } from "./lib/profiles.mjs";
import { Problem, bold, dim, done, say } from "./lib/terminal.mjs";

main(async (args) => {
  const port = readPort();
  const profile = chooseProfile("quick");
  const reset = readArguments(args);
  await checkPortIsFree(port);
  if (!isUpToDate(profile)) await checkPrerequisites();
  if (reset) forgetEverything();

  await ensureNode();
  await ensurePackages();
  await buildConsole();
  await buildWorker(profile);
  const secrets = ensureSecrets();
  await applyMigrations();

  const server = await serve(port, profile);
  stopGently(server);
  const credentials = await ensureCredentials(server.origin, secrets.ADMIN_TOKEN);
  introduce(credentials);
  const cron = runCronEveryMinute(server.origin);
  const code = await server.exited;
  clearInterval(cron);
  return server.stopped ? 0 : code || 1;
});

function readPort() {
  const port = Number(process.env.PORT || 8787);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new Problem(`PORT must be a number between 1 and 65535, not "${process.env.PORT}"`);
}

function readArguments(args) {
  const unknown = args.find((arg) => arg !== "--reset");
  if (unknown) throw new Problem(`Unknown argument ${unknown}: \`npm start\` knows only \`-- --reset\``);
  return args.includes("--reset");
}

/** Lets wrangler end its Worker instead of cutting it off; a second Ctrl-C does not wait. */
function stopGently(server) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      if (server.stopped) process.exit(1);
      server.stopped = true;
      server.child.kill("SIGTERM");
    });
  }
}

/** Answers credentials that work: those of the last start, or a new API key. */
async function ensureCredentials(origin, adminToken) {
  const credentials = { base_url: `${origin}/v1`, admin_token: adminToken, api_key: readCredentials().api_key };
  if (!credentials.api_key || !(await isAccepted(credentials))) {
    credentials.api_key = await createApiKey(origin, adminToken);
  }
  writeCredentials(credentials);
  return credentials;
}

async function isAccepted({ base_url, api_key }) {
  const response = await fetch(`${base_url}/models`, { headers: { authorization: `Bearer ${api_key}` } });
  await response.body?.cancel();
  return response.ok;
}

async function createApiKey(origin, adminToken) {
  const response = await fetch(`${origin}/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "Development" }),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Problem(`Could not create an API key (status ${response.status}): ${text}`);
  return JSON.parse(text).key;
}

function introduce({ base_url, admin_token, api_key }) {
  const body = { model: "demo/echo", stream: true, messages: [{ role: "user", content: "Hello!" }] };
  say();
  done(bold("Nexus Edge is running"));
  say(`
  Console      ${base_url.replace(/v1$/, "console/")}
  Base URL     ${base_url}
  API key      ${api_key}
  Admin token  ${admin_token}

  Try it:

curl -N ${base_url}/chat/completions \\
  -H 'Authorization: Bearer ${api_key}' \\
  -H 'Content-Type: application/json' \\
  -d '${JSON.stringify(body)}'

${dim("  These are also in .dev/credentials.json. Ctrl-C stops the server; what it stored stays.")}
`);
}
