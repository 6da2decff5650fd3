// A gateway with traffic and a browser in front of its console. Every page that is opened here is watched: an error in the browser's
// console, an exception, a violation of the Content-Security-Policy or of Trusted Types, a request to another origin, a finding of
// axe and scrolling sideways each fail the test (`check`).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { ensureChromium } from "../../../scripts/lib/chromium.mjs";
import { startGateway } from "../../support/gateway.mjs";
import { answersWith, completion, startUpstream, usage } from "../../support/upstream.mjs";
import { bearer, eventually } from "../../support/util.mjs";

const require = createRequire(new URL("../../../package.json", import.meta.url));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const RULES = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] };
/** Those of axe's rules that depend on colours: the only ones by which two themes of a page differ. */
export const RULES_OF_COLOUR = { type: "rule", values: ["color-contrast", "link-in-text-block"] };
const ANSWER = `The **answer**, with \`code\`:

1. It counts failures of a provider.
2. After too many it *opens*: requests go elsewhere at once.
3. After a pause one request tries again.

\`\`\`rust
match circuit.state(now) {
    State::Open { until } => skip(until),
    State::HalfOpen | State::Closed => send(request).await,
}
\`\`\`
`;
export const PASSWORD = "Tr4vel-Lamp";
/** A machine that is busy draws late; nothing here is about how long it takes. */
export const PATIENCE = 60_000;

/** A gateway with keys, models and some requests (`bare`: with nothing), and a browser: `open` answers a watched page, `stop` ends both. */
export async function openConsole({ traffic = 12, bare = false, setUp = () => {} } = {}) {
  /** What a test starts besides is stopped with the rest. */
  const ctx = { others: [] };
  ctx.stop = async () => {
    await ctx.browser?.close();
    await ctx.gw?.stop();
    await ctx.up?.stop();
    for (const one of ctx.others) await one.stop();
  };
  try {
    ctx.up = await startUpstream();
    ctx.gw = await startGateway({ withStaticFiles: true });
    if (!bare) await furnish(ctx, traffic);
    const { executablePath, env } = await ensureChromium();
    ctx.browser = await chromium.launch({ executablePath, env, args: ["--no-sandbox", "--disable-gpu"] });
    ctx.state = await signIn(ctx);
    /** Signed in unless told otherwise, at an address below /console. */
    ctx.open = (path = "/", options = {}) => open(ctx, path, options);
    /** The same as a user, who has the password of all users here. */
    ctx.openAs = (email, path = "/", options = {}) => openAs(ctx, email, path, options);
    await setUp(ctx);
  } catch (error) {
    await ctx.stop();
    throw error;
  }
  return ctx;
}

/** The same around the tests of a file: its fields are there from the first test on. */
export function consoleSuite(options) {
  const ctx = {};
  before(async () => Object.assign(ctx, await openConsole(options)), { timeout: 300_000 });
  after(() => ctx.stop?.());
  return ctx;
}

/** Providers, of which one fails from time to time, models, keys, and requests of each outcome. */
async function furnish(ctx, traffic) {
  const { gw, up } = ctx;
  const make = (name) => gw.createProvider({ name, server_url: `${up.url}/v1`, server_key: `sk-${name}-0123456789` });
  const [primary, backup] = [await make("openai"), await make("backup")];
  await gw.createModel({ provider_id: primary.id, model_name: "gpt-5", priority: 0 });
  await gw.createModel({ provider_id: primary.id, model_name: "gpt-5-mini" });
  await gw.createModel({ provider_id: backup.id, model_name: "gpt-5", priority: 5 });
  let asked = 0;
  for (const model of ["gpt-5", "gpt-5-mini"]) {
    up.on(model, (x) => {
      const isPrimary = x.headers.authorization?.includes("openai");
      if (model === "gpt-5" && isPrimary && asked++ % 3 === 0)
        return x.reply(503, { error: { message: "overloaded" } });
      const reported = usage(1200, 340, { prompt_tokens_details: { cached_tokens: 512 } });
      return answersWith(completion(model, ANSWER, { reported }))(x);
    });
  }
  ctx.keys = {
    web: await gw.createKey({ name: "Web app", budget: { amount: 50, period: "month" } }),
    batch: await gw.createKey({ name: "Batch jobs", owner: "search", limits: { requests_per_minute: 600 } }),
  };
  await gw.createKey({ name: "Ada's laptop", owner: "ada", enabled: false });
  const candidates = [primary, backup].map(({ id }, priority) => ({ provider_id: id, model: "gpt-5", priority }));
  const set = [
    [
      "POST",
      "/logical-models",
      { name: "smart", description: "The best for the money", candidates, fallbacks: ["demo/echo"] },
    ],
    ["PUT", "/limits/model:gpt-5", { limits: { requests_per_minute: 300 } }],
    ["PUT", "/limits/user:search", { budget: { amount: 200, period: "month" } }],
    ["POST", "/credits/accounts/search/topup", { amount: 25, idempotency_key: "console-1" }],
    ["POST", "/users", { email: "ada@example.org", name: "Ada", password: PASSWORD, roles: ["operator"] }],
    ["POST", "/alerts/rules", { name: "Many errors", measure: "error_rate", threshold: 0.05, window_minutes: 15 }],
    ["POST", "/webhooks", { name: "On call", url: `${up.url}/hook` }],
    ["POST", "/roles", { code: "pricing", name: "Keeps the prices", permissions: ["view_prices", "manage_prices"] }],
    ["POST", "/guards", { name: "no-secrets", direction: "request", action: "block", detectors: ["secret"] }],
    ["POST", "/guards", { name: "private", action: "mask", restore: true, detectors: ["email", "iban"] }],
    ["POST", "/notifications", { recipients: "all", title: "Tonight at ten the gateway is updated", level: "warning" }],
  ];
  for (const [method, path, body] of set) {
    const { status, text } = await gw.admin(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
  }
  await offer(ctx);
  const models = ["gpt-5", "openai/gpt-5-mini", "demo/echo", "no/such-model"];
  const keys = Object.values(ctx.keys);
  for (let at = 0; at < traffic; at++) {
    await gw.complete(keys[at % keys.length].key, {
      model: models[at % models.length],
      stream: at % 2 === 0,
      messages: [{ role: "user", content: `Question ${at}` }],
    });
  }
  if (traffic > 0) {
    const isThere = async () => (await gw.db("SELECT count(*) AS n FROM request_log"))[0].n >= traffic;
    await eventually(isThere, { within: PATIENCE, what: "the requests in the log" });
  }
}

/** A team, and a provider that its owner has submitted for a review and the gateway has checked. */
async function offer({ gw, up, keys }) {
  const done = async (call) => {
    const { status, text } = await call;
    if (status >= 300) throw new Error(`${status} ${text}`);
    return JSON.parse(text);
  };
  const asAdmin = (method, path, body) => done(gw.admin(method, path, body));
  const { users } = await asAdmin("GET", "/users?email=ada@example.org");
  // What an operator adds is the gateway's: only a user without that permission owns a provider.
  await asAdmin("POST", "/users", { email: "grace@example.org", name: "Grace", password: PASSWORD, roles: ["user"] });
  const team = await asAdmin("POST", "/teams", { name: "Search" });
  await asAdmin("PUT", `/teams/${team.id}/members/${users[0].id}`, { role: "owner" });
  await asAdmin("PUT", `/limits/user:${team.id}`, { budget: { amount: 500, period: "month" } });
  keys.team = await gw.createKey({ name: "Crawler", owner: team.id });
  const login = await gw.call("/auth/login", {
    method: "POST",
    body: JSON.stringify({ email: "grace@example.org", password: PASSWORD }),
  });
  const headers = { ...bearer(login.json().access_token), "content-type": "application/json" };
  const asGrace = (method, path, body) => done(gw.call(path, { method, headers, body: JSON.stringify(body ?? {}) }));
  const own = await asGrace("POST", "/providers", {
    name: "nearby",
    server_url: `${up.url}/v1`,
    server_key: "sk-nearby-0123456789",
  });
  await asGrace("POST", "/provider_models", { provider_id: own.id, model_name: "gpt-5-mini" });
  const submission = await asGrace("POST", `/providers/${own.id}/submit`, { description: "It is fast, and near." });
  await asAdmin("POST", `/providers/submissions/${submission.id}/test`);
}

/** Types the admin token where signing in asks for it, on the page or in a dialog. */
export async function enterToken(place, token) {
  await place
    .locator("label", { hasText: /^Admin token$/ })
    .first()
    .click();
  await place.locator('input[name="admin-token"]').fill(token);
  await place.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** Signs in as a person does, and answers what the browser keeps of it. */
async function signIn(ctx) {
  const { page, close } = await open(ctx, "/", { signedIn: false });
  await enterToken(page, ctx.gw.adminToken);
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor({ timeout: PATIENCE });
  const state = await page.context().storageState();
  await close();
  return state;
}

async function openAs(ctx, email, path, options) {
  const opened = await open(ctx, "/", { ...options, signedIn: false });
  const { page } = opened;
  await page.locator("label", { hasText: /^(Mail and password|邮箱与密码)$/ }).click();
  await page.locator('input[name="email"]').fill(email);
  await page.locator('input[name="password"]').fill(PASSWORD);
  await page.locator('button[type="submit"]').click();
  await page.locator("#page h1").waitFor();
  if (path !== "/") await page.goto(`${new URL(page.url()).origin}/console${path}`);
  return opened;
}

/** `host` is another name of the gateway, `away` another origin that the page may lead to, `warns` what its console may say. */
async function open(ctx, path, options) {
  const {
    signedIn = true,
    theme = "light",
    language = "en",
    width = 1280,
    height = 800,
    zone = "Europe/Berlin",
    prepare,
    host = "127.0.0.1",
    away,
    warns,
  } = options;
  const origin = ctx.gw.url.replace("127.0.0.1", host);
  const context = await ctx.browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    locale: language === "zh" ? "zh-CN" : "en-GB",
    timezoneId: zone,
    hasTouch: width < 720,
    ...(signedIn ? { storageState: ctx.state } : {}),
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const problems = watch(page, origin, away, warns);
  await prepare?.(page);
  await page.goto(`${origin}/console${path}`);
  return {
    page,
    problems,
    check: (what = path, rules) => check(page, problems, what, rules),
    close: () => context.close(),
  };
}

function watch(page, origin, away, warns) {
  const problems = [];
  page.on("console", (message) => {
    if (warns?.test(message.text())) return;
    if (message.type() === "error" || message.type() === "warning")
      problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`exception: ${error.stack ?? error}`));
  page.on("request", (request) => {
    const address = request.url();
    if (
      !address.startsWith(origin) &&
      !(away && address.startsWith(away)) &&
      !/^(data|blob):/.test(address) &&
      !address.startsWith(origin.replace("http", "ws"))
    ) {
      problems.push(`asked another origin: ${address}`);
    }
  });
  return problems;
}

/** Nothing went wrong on the page until now, axe finds nothing, and it does not scroll sideways. */
async function check(page, problems, what, rules = RULES) {
  await page.evaluate(settle);
  await page.evaluate(AXE);
  const found = await page.evaluate(async (runOnly) => {
    const { violations } = await globalThis.axe.run(document, { runOnly });
    return violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 3)
          .map(({ html, failureSummary }) => `${html.slice(0, 160)} (${failureSummary?.split("\n")[1]?.trim()})`)
          .join(" | ")}`,
    );
  }, rules);
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.deepEqual(found, [], `${what}: axe`);
  assert.ok(sideways <= 0, `${what}: scrolls sideways by ${sideways} px`);
  assert.deepEqual(problems, [], what);
}

/**
 * Runs in the page, and waits until its animations have ended. A dialog fades in: until it has, axe mixes its text with what is
 * below and finds too little contrast. An animation whose element is removed is rejected, which is an end too.
 */
async function settle() {
  const ends = (animation) => Number.isFinite(animation.effect.getComputedTiming().endTime);
  const running = document.getAnimations().filter(ends);
  await Promise.allSettled(running.map(({ finished }) => finished));
}

/** Requests of the admin API as the admin. */
export const admin = (ctx, method, path, body) =>
  ctx.gw.admin(method, path, body, { headers: bearer(ctx.gw.adminToken) });
