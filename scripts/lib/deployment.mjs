// What a deployment needs and what is missing of it: decided here from what wrangler says, without doing any of it.
// scripts/deploy.mjs does it.

import { randomBytes } from "node:crypto";

import { Problem } from "./terminal.mjs";

/** A secret that the Worker needs, and how a good one is made. */
const SECRETS = {
  ADMIN_TOKEN: () => `admin-${randomBytes(24).toString("hex")}`,
  MASTER_KEY: () => randomBytes(32).toString("base64"),
};

/**
 * How each kind of resource is asked for and made. `find` and `create` are wrangler's arguments; `read` takes the answer to
 * `find` and returns the resource's id, `undefined` where there is no such resource, and throws where that remains unknown.
 */
const KINDS = {
  d1: {
    title: "D1 database",
    find: () => ["d1", "list", "--json"],
    read: (answer, name) => jsonIn(answer).find((database) => database.name === name)?.uuid,
    create: (name) => ["d1", "create", name, "--update-config=false"],
  },
  kv: {
    title: "KV namespace",
    find: () => ["kv", "namespace", "list"],
    read: (answer, name) => jsonIn(answer).find((namespace) => namespace.title === name)?.id,
    create: (name) => ["kv", "namespace", "create", name, "--update-config=false"],
  },
  r2: {
    title: "R2 bucket",
    find: (name) => ["r2", "bucket", "info", name, "--json"],
    read: (answer, name) => (isMissing(answer, /specified bucket does not exist|\b10006\b/) ? undefined : name),
    create: (name) => ["r2", "bucket", "create", name, "--update-config=false"],
  },
  queue: {
    title: "queue",
    find: (name) => ["queues", "info", name],
    read: (answer, name) => (isMissing(answer, /Queue ".*" does not exist/) ? undefined : name),
    create: (name) => ["queues", "create", name],
  },
};

/**
 * The resources that have to be there before the Worker is uploaded. Durable Objects and the cron trigger come into being
 * with it.
 *
 * @param {object} config wrangler.toml as wrangler reads it
 * @returns {{ kind: string, name: string, binding?: string, id?: string }[]} `id` where wrangler.toml names one: such a
 *   resource is taken to exist. The name of a namespace, for which wrangler.toml has no place, is the one that wrangler would
 *   give it
 */
export function resourcesOf(config) {
  const { producers, consumers } = config.queues;
  const queues = new Set([
    ...producers.map(({ queue }) => queue),
    ...consumers.flatMap(({ queue, dead_letter_queue: dead }) => (dead ? [dead, queue] : [queue])),
  ]);
  const ofWorker = (binding) => `${config.name}-${binding.toLowerCase().replaceAll("_", "-")}`;
  return [
    ...config.d1_databases.map(({ binding, database_name, database_id: id }) => ({
      kind: "d1",
      name: database_name,
      binding,
      id,
    })),
    ...config.kv_namespaces.map(({ binding, id }) => ({ kind: "kv", name: ofWorker(binding), binding, id })),
    ...config.r2_buckets.map(({ binding, bucket_name: name }) => ({ kind: "r2", name, binding })),
    ...[...queues].map((name) => ({ kind: "queue", name })),
  ];
}

export const describe = ({ kind, name }) => `${KINDS[kind].title} ${name}`;

/**
 * @param {(args: string[]) => Promise<{ code: number, stdout: string, stderr: string }>} ask runs wrangler for its answer
 * @returns the resource with its `id`, which is `undefined` where it does not exist
 */
export async function lookUp(resource, ask) {
  if (resource.id) return resource;
  const { find, read } = KINDS[resource.kind];
  return { ...resource, id: read(await ask(find(resource.name)), resource.name) };
}

/** Makes a resource that is missing; the same as `lookUp` afterwards. */
export async function create(resource, ask) {
  const answer = await ask(KINDS[resource.kind].create(resource.name));
  if (answer.code !== 0) throw refusal(`The ${describe(resource)} cannot be made`, answer);
  const made = await lookUp(resource, ask);
  if (!made.id) throw new Problem(`The ${describe(resource)} was made, but is not found: wait a moment and try again`);
  return made;
}

/** The names of the secrets that the Worker has. */
export async function deployedSecrets(ask) {
  const answer = await ask(["secret", "list", "--format", "json"]);
  if (isMissing(answer, /Worker ".*" .*not found/)) return [];
  return jsonIn(answer).map(({ name }) => name);
}

/** The secrets that the Worker lacks, each with a value: the one in the environment, else a new one. */
export function missingSecrets(deployed, env = process.env) {
  const missing = Object.entries(SECRETS).filter(([name]) => !deployed.includes(name));
  return Object.fromEntries(missing.map(([name, make]) => [name, env[name] || make()]));
}

/** Fails unless wrangler is logged in and knows which account is meant: it could not ask later. */
export async function checkAccount(config, ask, env = process.env) {
  const answer = await ask(["whoami", "--json"]);
  if (/"loggedIn": false/.test(answer.stdout)) {
    throw new Problem(
      "wrangler is not logged in: run `npm run wrangler -- login`, or set CLOUDFLARE_API_TOKEN (docs/deploy.md)",
    );
  }
  const { accounts = [] } = jsonIn(answer);
  if (accounts.length < 2 || config.account_id || env.CLOUDFLARE_ACCOUNT_ID) return;
  const list = accounts.map(({ id, name }) => `\n    ${id}  ${name}`).join("");
  throw new Problem(`There are several accounts: set CLOUDFLARE_ACCOUNT_ID to one of${list}`);
}

const ID_FIELDS = { d1: ["d1_databases", "database_id"], kv: ["kv_namespaces", "id"] };

/** The text of wrangler.toml with the ids of resources that it does not name; all else stays as it is. */
export function withIds(toml, resources) {
  return resources.reduce((text, { kind, binding, id }) => {
    const [table, field] = ID_FIELDS[kind] ?? [];
    return table ? setField(text, table, binding, field, id) : text;
  }, toml);
}

/** Adds `field` to the section of `table` that has `binding`, unless the section has it. */
function setField(text, table, binding, field, value) {
  const sections = text.split(/^(?=\[)/m);
  const index = sections.findIndex(
    (section) => section.startsWith(`[[${table}]]`) && fieldOf(section, "binding") === binding,
  );
  if (index < 0) throw new Problem(`wrangler.toml has no [[${table}]] with the binding ${binding}`);
  if (fieldOf(sections[index], field) === undefined) {
    sections[index] = sections[index].replace(/^(binding\s*=.*)$/m, `$1\n${field} = ${JSON.stringify(value)}`);
  }
  return sections.join("");
}

const fieldOf = (section, field) => new RegExp(`^${field}\\s*=\\s*"(.*)"`, "m").exec(section)?.[1];

/** The Worker's address, from what wrangler wrote to WRANGLER_OUTPUT_FILE_PATH: JSON, a line each. */
export function addressIn(output) {
  const entries = output
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const targets = entries.flatMap(({ type, targets }) => (type === "deploy" ? (targets ?? []) : []));
  const target =
    targets.find((target) => target.startsWith("https://")) ??
    targets.find((target) => /^[\w.-]+\.[a-z]+(\/\*)?( |$)/.test(target));
  return target && `https://${target.replace(/^https:\/\//, "").split(/[ /]/)[0]}`;
}

function jsonIn(answer) {
  if (answer.code !== 0) throw refusal("wrangler refused", answer);
  // A notice may stand before it.
  const begin = answer.stdout.search(/^[[{]/m);
  try {
    return JSON.parse(answer.stdout.slice(begin));
  } catch {
    throw refusal("wrangler's answer is not the JSON that was expected", answer);
  }
}

/** Whether wrangler failed as it does where something does not exist; any other failure is a problem. */
function isMissing(answer, message) {
  if (answer.code === 0) return false;
  if (message.test(answer.stdout + answer.stderr)) return true;
  throw refusal("wrangler refused", answer);
}

function refusal(what, { stdout, stderr }) {
  const said = (stderr.trim() || stdout.trim()).split("\n").filter((line) => line.trim());
  return new Problem(`${what}:\n${said.map((line) => `    ${line}`).join("\n")}`);
}
