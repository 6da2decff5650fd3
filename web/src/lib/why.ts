// Why a cost changed from one period to the next: volume, mix of models, share of cached tokens, and price. In whole
// micro-dollars, and the four parts add up to the difference exactly.
//
// Volume is what the change of the number of tokens would have cost at the old average. Mix is what the move between models
// costs at their old price of a token (a model that is new has its present price). What is left of a model's price of a token is
// its cache share, as far as list prices say what a cached token saves, and the price itself, which also has the balance of
// prompts and answers in it.

export interface ModelCost {
  name: string;
  prompt: number;
  completion: number;
  cached: number;
  cost: number;
}

/** Micro-dollars that a prompt token costs less if the provider had it cached; 0 where it is not known. */
export type Saving = (model: string) => number;

export interface Why {
  before: number;
  now: number;
  volume: number;
  mix: number;
  cache: number;
  price: number;
  /** The models that changed the most. */
  models: { name: string; before: number; now: number }[];
}

const tokens = ({ prompt, completion }: ModelCost) => prompt + completion;
const sum = (rows: ModelCost[], of: (row: ModelCost) => number) => rows.reduce((total, row) => total + of(row), 0);

export function explain(before: ModelCost[], now: ModelCost[], saving: Saving = () => 0): Why {
  const old = new Map(before.map((row) => [row.name, row]));
  const total = { before: sum(before, (row) => row.cost), now: sum(now, (row) => row.cost) };
  const size = { before: sum(before, tokens), now: sum(now, tokens) };
  const average = size.before > 0 ? total.before / size.before : 0;
  // What the models of today would have cost at their old prices of a token.
  const atOldPrices = sum(now, (row) => {
    const then = old.get(row.name);
    return then && tokens(then) > 0 ? (then.cost / tokens(then)) * tokens(row) : row.cost;
  });
  const volume = Math.round((size.now - size.before) * average);
  const mix = Math.round(atOldPrices - total.before) - volume;
  const cache = Math.round(
    sum(now, (row) => {
      const then = old.get(row.name);
      if (!then || then.prompt === 0 || row.prompt === 0) return 0;
      return -(row.cached / row.prompt - then.cached / then.prompt) * row.prompt * saving(row.name);
    }),
  );
  return {
    before: total.before,
    now: total.now,
    volume,
    mix,
    cache,
    price: total.now - total.before - volume - mix - cache,
    models: changes(old, now),
  };
}

function changes(old: Map<string, ModelCost>, now: ModelCost[]) {
  const rows = now.map((row) => ({ name: row.name, before: old.get(row.name)?.cost ?? 0, now: row.cost }));
  const gone = [...old.values()].filter((row) => now.every(({ name }) => name !== row.name));
  rows.push(...gone.map((row) => ({ name: row.name, before: row.cost, now: 0 })));
  return rows
    .sort((a, b) => Math.abs(b.now - b.before) - Math.abs(a.now - a.before))
    .filter((row) => row.now !== row.before);
}
