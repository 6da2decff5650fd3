// The common setup of nearly every suite: a gateway, a loopback upstream, a provider that points at it and a caller's
// key.
import { after, before, test as nodeTest } from "node:test";
import { startGateway } from "./gateway.mjs";
import { startUpstream } from "./upstream.mjs";

/** A test with a time-out of a minute, so that a hang is reported by name. */
export const test = (name, run, { timeout = 60_000 } = {}) => nodeTest(name, { timeout }, run);

/** The upstream key of the suite's provider. */
export const UPSTREAM_KEY = "sk-loopback-upstream-key-0001";

/**
 * Sets the suite up before its first test and takes it down after its last. The fields of the returned object are
 * there from the first test on. `setUp` is for what a suite adds to it, and `setUpWithin` the milliseconds for all of it: hooks of
 * its own would run at the same time.
 */
export function suite({ provider = {}, setUp = () => {}, setUpWithin = 120_000, ...gatewayOptions } = {}) {
  const ctx = {
    /** Creates a model with that name and registers the upstream's behaviour for it. */
    async model(name, behaviour, { provider_id = ctx.provider.id, ...fields } = {}) {
      ctx.up.on(fields.upstream_model ?? name, behaviour);
      return ctx.gw.createModel({ provider_id, model_name: name, ...fields });
    },
    complete: (body, options) => ctx.gw.complete(ctx.key, body, options),
    beginCompletion: (body, options) => ctx.gw.beginCompletion(ctx.key, body, options),
    openCompletion: (body, options) => ctx.beginCompletion(body, options).reply,
  };
  before(
    async () => {
      ctx.up = await startUpstream();
      ctx.gw = await startGateway(gatewayOptions);
      ctx.provider = await ctx.gw.createProvider({
        name: "loopback",
        server_url: `${ctx.up.url}/v1`,
        server_key: UPSTREAM_KEY,
        ...provider,
      });
      ctx.key = (await ctx.gw.createKey({ name: "suite" })).key;
      await setUp();
    },
    { timeout: setUpWithin },
  );
  after(async () => {
    await ctx.gw?.stop();
    await ctx.up?.stop();
  });
  return ctx;
}

/** A short question; `rest` adds or overrides fields. */
export const ask = (model, rest = {}) => ({ model, messages: [{ role: "user", content: "Say something." }], ...rest });

/** The fields of an error answer, checked to be nothing but OpenAI's shape. */
export function errorOf(text) {
  const body = JSON.parse(text);
  const keys = Object.keys(body.error ?? {})
    .sort()
    .join();
  if (Object.keys(body).join() !== "error" || keys !== "code,message,param,type")
    throw new Error(`not an error of OpenAI's shape: ${text}`);
  if (typeof body.error.message !== "string" || body.error.message === "")
    throw new Error(`an error without a message: ${text}`);
  return body.error;
}
