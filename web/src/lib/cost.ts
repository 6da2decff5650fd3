// The cost of a request as arithmetic: tokens times price, line by line.

interface Used {
  prompt_tokens: number;
  completion_tokens: number;
  cached_tokens: number;
  cache_written_tokens: number;
}

/** Dollars for a million tokens. */
interface Price {
  input?: number | null;
  cached_input?: number | null;
  cache_write?: number | null;
  output?: number | null;
}

/** What an operator has set for a subject: a price, a factor, or both. */
interface PriceSet extends Price {
  subject: string;
  factor?: number | null;
}

/** By what a price that was set is found for a request. */
interface Asked {
  model: string;
  upstream_model?: string | null;
  provider_id?: number | null;
  provider_name?: string | null;
}

interface Offered {
  id: number;
  model_name: string;
  upstream_model?: string | null;
}

export interface CostLine {
  what: "prompt" | "cached" | "written" | "answer";
  tokens: number;
  price: number | null;
  micros: number | null;
}

/** Tokens that the provider had cached, or wrote to its cache, are among those of the prompt and have prices of their own. */
export function costLines(used: Used, price?: Price): CostLine[] {
  const plain = used.prompt_tokens - used.cached_tokens - used.cache_written_tokens;
  const line = (what: CostLine["what"], tokens: number, each: number | null | undefined): CostLine => ({
    what,
    tokens,
    price: each ?? null,
    // A dollar for a million is a micro-dollar each.
    micros: each === null || each === undefined ? null : Math.round(tokens * each),
  });
  return [
    line("prompt", Math.max(0, plain), price?.input),
    line("cached", used.cached_tokens, price?.cached_input ?? price?.input),
    line("written", used.cache_written_tokens, price?.cache_write ?? price?.input),
    line("answer", used.completion_tokens, price?.output),
  ].filter(({ what, tokens }) => tokens > 0 || what === "prompt" || what === "answer");
}

/**
 * The price that operators have set for a request, as the gateway finds it: the most specific one, multiplied by all factors that
 * apply. `offered` are the models of the provider. Undefined if none is set, or if it cannot be told which of its models it was.
 */
export function priceSet(set: PriceSet[], asked: Asked, offered: Offered[]): Price | undefined {
  const wanted = asked.upstream_model ?? asked.model;
  const same = offered.filter(({ model_name, upstream_model }) => (upstream_model ?? model_name) === wanted);
  const listed = same.length === 1 ? same[0] : same.find(({ model_name }) => model_name === asked.model);
  if (same.length > 1 && !listed) return undefined;
  const provider = asked.provider_name ?? "";
  const name = listed?.model_name ?? wanted;
  const bare = (model: string) => (model.includes("/") ? [model.slice(model.indexOf("/") + 1)] : []);
  const names = [`${provider}/${name}`, `${provider}/${wanted}`, name, ...bare(name), wanted, ...bare(wanted)];
  const find = (subjects: string[]) =>
    subjects.map((subject) => set.find((one) => one.subject === subject)).find((one) => one !== undefined);
  const chain = [
    find(listed ? [`provider_model:${listed.id}`] : []),
    find(names.map((model) => `model:${model.trim().toLowerCase()}`)),
    find([`provider:${asked.provider_id}`]),
  ].filter((one) => one !== undefined);
  const price = chain.find(({ input, output }) => typeof input === "number" && typeof output === "number");
  if (!price) return undefined;
  const factor = chain.reduce((product, one) => product * (one.factor ?? 1), 1);
  const times = (each: number | null | undefined) =>
    // Without the noise of binary fractions.
    each === null || each === undefined ? null : Number((each * factor).toPrecision(12));
  return {
    input: times(price.input),
    cached_input: times(price.cached_input),
    cache_write: times(price.cache_write),
    output: times(price.output),
  };
}
