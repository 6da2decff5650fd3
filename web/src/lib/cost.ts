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
