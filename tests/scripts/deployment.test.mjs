// Proves that a deployment makes what is missing and nothing twice, however often it runs and wherever a run is cut off,
// against a wrangler that keeps an account in memory and answers as the real one does.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";

import {
  addressIn,
  checkAccount,
  create,
  deployedSecrets,
  lookUp,
  missingSecrets,
  resourcesOf,
  withIds,
} from "../../scripts/lib/deployment.mjs";
import { inRoot } from "../../scripts/lib/paths.mjs";
import { readConfig } from "../../scripts/lib/wrangler.mjs";

const text = (...path) => readFileSync(inRoot(...path), "utf8");
const ok = (answer = "") => ({
  code: 0,
  stdout: typeof answer === "string" ? answer : JSON.stringify(answer, null, 2),
  stderr: "",
});
const fails = (stderr) => ({ code: 1, stdout: "", stderr: `\n✘ [ERROR] ${stderr}\n\n` });

/** `asked` has every call; `mayMake` is how many resources can still be made before calls fail. */
class FakeWrangler {
  d1 = [];
  kv = [];
  r2 = [];
  queue = [];
  secrets = undefined;
  asked = [];
  mayMake = Infinity;

  ask = async (args) => {
    this.asked.push(args.join(" "));
    const [first, second, third, fourth] = args;
    switch (
      args
        .filter((arg) => !arg.startsWith("-"))
        .slice(0, first === "kv" || first === "r2" ? 3 : 2)
        .join(" ")
    ) {
      case "d1 list":
        return ok(this.d1);
      case "d1 create":
        return this.#make(this.d1, { name: third, uuid: `uuid-of-${third}` });
      case "kv namespace list":
        return ok(this.kv);
      case "kv namespace create":
        return this.#make(this.kv, { title: fourth, id: `id-of-${fourth}` });
      case "r2 bucket info":
        return this.r2.some(({ name }) => name === fourth)
          ? ok({ name: fourth })
          : fails("A request to the Cloudflare API failed.\n\n  The specified bucket does not exist. [code: 10006]");
      case "r2 bucket create":
        return this.#make(this.r2, { name: fourth });
      case "queues info":
        return this.queue.some(({ name }) => name === third)
          ? ok(`Queue Name: ${third}`)
          : fails(`Queue "${third}" does not exist. To create it, run: wrangler queues create ${third}`);
      case "queues create":
        return this.#make(this.queue, { name: third });
      case "secret list":
        return this.secrets
          ? ok(this.secrets.map((name) => ({ name, type: "secret_text" })))
          : fails(
              'Worker "nexus-edge" not found.\n\nIf this is a new Worker, run `wrangler deploy` first to create it.',
            );
      default:
        throw new Error(`wrangler ${first} ${second} is not known here`);
    }
  };

  #make(list, item) {
    const key = item.name ?? item.title;
    if (this.mayMake-- <= 0) return fails("fetch failed");
    if (list.some((other) => (other.name ?? other.title) === key)) return fails(`"${key}" already exists`);
    list.push(item);
    return ok("✨ made");
  }

  made() {
    return [...this.d1, ...this.kv, ...this.r2, ...this.queue].map(({ name, title }) => name ?? title);
  }
}

/** As scripts/deploy.mjs does it. */
async function provision(resources, { ask }) {
  const ready = [];
  for (const resource of resources) {
    const found = await lookUp(resource, ask);
    ready.push(found.id ? found : await create(resource, ask));
  }
  return ready;
}

let config;
let resources;
before(async () => {
  config = await readConfig();
  resources = resourcesOf(config);
});

const ALL = ["nexus-edge", "nexus-edge-kv", "nexus-edge", "nexus-edge-usage", "nexus-edge-usage-dead"];

test("wrangler.toml names no ids, and every resource is known", () => {
  assert.deepEqual(
    resources.map(({ kind, name, id }) => [kind, name, id]),
    [
      ["d1", "nexus-edge", undefined],
      ["kv", "nexus-edge-kv", undefined],
      ["r2", "nexus-edge", undefined],
      ["queue", "nexus-edge-usage", undefined],
      ["queue", "nexus-edge-usage-dead", undefined],
    ],
  );
});

test("a first run makes everything, a second one nothing", async () => {
  const account = new FakeWrangler();
  const first = await provision(resources, account);
  assert.deepEqual(account.made(), ALL);
  account.mayMake = 0;
  assert.deepEqual(await provision(resources, account), first);
});

test("wherever a run is cut off, the next one makes what is left", async () => {
  for (let mayMake = 0; mayMake < ALL.length; mayMake++) {
    const account = new FakeWrangler();
    account.mayMake = mayMake;
    await assert.rejects(provision(resources, account), /cannot be made:\n {4}✘ \[ERROR\] fetch failed/);
    assert.equal(account.made().length, mayMake);
    account.mayMake = Infinity;
    await provision(resources, account);
    assert.deepEqual(account.made(), ALL);
  }
});

test("a resource with an id in wrangler.toml is neither looked for nor made", async () => {
  const account = new FakeWrangler();
  const own = {
    ...config,
    d1_databases: [{ ...config.d1_databases[0], database_id: "own" }],
    kv_namespaces: [{ binding: "KV", id: "own" }],
  };
  const ready = await provision(resourcesOf(own), account);
  assert.deepEqual(
    ready.slice(0, 2).map(({ id }) => id),
    ["own", "own"],
  );
  assert.deepEqual(account.made(), ALL.slice(2));
  assert.equal(
    account.asked.some((call) => /^(d1|kv)/.test(call)),
    false,
  );
});

test("resources of other projects are not mistaken for ours", async () => {
  const account = new FakeWrangler();
  account.d1.push({ name: "nexus-edge-old", uuid: "other" });
  account.kv.push({ title: "nexus-edge-kv-preview", id: "other" });
  const ready = await provision(resources, account);
  assert.deepEqual(
    ready.slice(0, 2).map(({ id }) => id),
    ["uuid-of-nexus-edge", "id-of-nexus-edge-kv"],
  );
});

test("a refusal that is not about something missing stops the run with what wrangler said", async () => {
  const refused = async () => fails("Please enable R2 through the Cloudflare Dashboard. [code: 10042]");
  await assert.rejects(lookUp(resources[2], refused), /enable R2 through the Cloudflare Dashboard/);
  await assert.rejects(lookUp(resources[0], refused), /wrangler refused/);
  await assert.rejects(deployedSecrets(refused), /wrangler refused/);
  await assert.rejects(
    lookUp(resources[0], async () => ok("no JSON")),
    /not the JSON that was expected/,
  );
});

test("a Worker that does not exist has no secrets", async () => {
  const account = new FakeWrangler();
  assert.deepEqual(await deployedSecrets(account.ask), []);
  account.secrets = ["MASTER_KEY", "OTHER"];
  assert.deepEqual(await deployedSecrets(account.ask), ["MASTER_KEY", "OTHER"]);
});

test("missing secrets are made well, differ each time, and may come from the environment", () => {
  const { ADMIN_TOKEN, MASTER_KEY } = missingSecrets([], {});
  assert.ok(ADMIN_TOKEN.length >= 32);
  assert.equal(Buffer.from(MASTER_KEY, "base64").length, 32);
  assert.notEqual(missingSecrets([], {}).MASTER_KEY, MASTER_KEY);
  assert.deepEqual(missingSecrets(["ADMIN_TOKEN"], { ADMIN_TOKEN: "x", MASTER_KEY: "kept" }), { MASTER_KEY: "kept" });
  assert.deepEqual(missingSecrets(["MASTER_KEY", "ADMIN_TOKEN"], {}), {});
});

test("without a login, or without knowing the account, nothing begins", async () => {
  const says = (answer) => async () => ({
    code: answer.loggedIn ? 0 : 1,
    stdout: JSON.stringify(answer, null, 2),
    stderr: "",
  });
  const accounts = [
    { id: "a1", name: "One" },
    { id: "a2", name: "Two" },
  ];
  await assert.rejects(checkAccount(config, says({ loggedIn: false }), {}), /npm run wrangler -- login/);
  await assert.rejects(
    checkAccount(config, says({ loggedIn: true, accounts }), {}),
    /CLOUDFLARE_ACCOUNT_ID to one of\n {4}a1 {2}One\n {4}a2 {2}Two/,
  );
  await checkAccount(config, says({ loggedIn: true, accounts }), { CLOUDFLARE_ACCOUNT_ID: "a2" });
  await checkAccount({ ...config, account_id: "a1" }, says({ loggedIn: true, accounts }), {});
  await checkAccount(config, says({ loggedIn: true, accounts: accounts.slice(1) }), {});
});

test("ids are added to wrangler.toml where it has none, and nothing else changes", () => {
  const toml = text("wrangler.toml");
  const ready = [
    { kind: "d1", name: "nexus-edge", binding: "DB", id: "uuid" },
    { kind: "kv", name: "nexus-edge-kv", binding: "KV", id: "id" },
    { kind: "r2", name: "nexus-edge", binding: "BUCKET", id: "nexus-edge" },
    { kind: "queue", name: "nexus-edge-usage", id: "nexus-edge-usage" },
  ];
  const added = withIds(toml, ready)
    .split("\n")
    .filter((line) => !toml.split("\n").includes(line));
  assert.deepEqual(added, ['database_id = "uuid"', 'id = "id"']);
  assert.match(withIds(toml, ready), /\[\[d1_databases\]\]\nbinding = "DB"\ndatabase_id = "uuid"\n/);
  assert.equal(
    withIds(
      withIds(toml, ready),
      ready.map((one) => ({ ...one, id: "another" })),
    ),
    withIds(toml, ready),
  );
  assert.throws(
    () => withIds(toml, [{ kind: "kv", binding: "ABSENT", id: "id" }]),
    /no \[\[kv_namespaces\]\] with the binding ABSENT/,
  );
});

test("the address is the first one that a browser can open", () => {
  const output = (targets) => `{"type":"wrangler-session"}\n${JSON.stringify({ type: "deploy", targets })}\n`;
  assert.equal(
    addressIn(output(["https://nexus-edge.someone.workers.dev", "schedule: * * * * *"])),
    "https://nexus-edge.someone.workers.dev",
  );
  assert.equal(
    addressIn(output(["llm.example.com/* (zone name: example.com)", "schedule: * * * * *"])),
    "https://llm.example.com",
  );
  assert.equal(addressIn(output(["llm.example.com (custom domain)"])), "https://llm.example.com");
  assert.equal(addressIn(output(["schedule: * * * * *", "Producer for nexus-edge-usage"])), undefined);
  assert.equal(addressIn(output(undefined)), undefined);
  assert.equal(addressIn(""), undefined);
});

test("the deploy button knows every binding, and its placeholders are no secrets that the Worker would take", () => {
  const { bindings } = JSON.parse(text("package.json")).cloudflare;
  const example = Object.fromEntries(
    [...text(".dev.vars.example").matchAll(/^([A-Z_]+)="(.*)" # /gm)].map(([, name, value]) => [name, value]),
  );
  const declared = [
    "DB",
    "KV",
    "BUCKET",
    "USAGE_QUEUE",
    ...Object.keys(config.vars),
    ...Object.keys(missingSecrets([], {})),
  ];
  assert.deepEqual(Object.keys(bindings).sort(), declared.sort());
  assert.deepEqual(Object.keys(example).sort(), Object.keys(missingSecrets([], {})).sort());
  assert.ok(example.ADMIN_TOKEN.length < 16);
  assert.notEqual(Buffer.from(example.MASTER_KEY, "base64").length, 32);
});
