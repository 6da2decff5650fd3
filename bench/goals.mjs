// What the project wants to reach, and whether the last results say that it has. The median of a ratio over the rounds
// decides; a goal over several scenarios is judged by the worst of them.
import { cpuOf, dollars } from "./dollars.mjs";
import { number } from "./number.mjs";
import { OWN } from "./report.mjs";

const WHOLE = /^chat-/;
const FIRST_BYTE = /^stream-first-byte-c1$|^chat-1k-c1$|^stream-paced-c1$/;
const UNASKED = /^stream-flood-c50-unasked$/;
const COUNTED = /^stream-flood-c50-counted$/;
const VERBATIM = /^stream-flood-(c1|c50|c200)$/;
const TRANSLATED = /^translate-flood-/;

const range = ({ median, min, max }) => `${number(median)} [${number(min)}..${number(max)}]`;
const none = (goal) => ({ goal, measured: "–", holds: null });

/** Where and when a value was measured. */
const origin = ({ date, commit }) => `${date.slice(0, 10)}, ${commit?.slice(0, 9)}`;

/** @param found the values of the scenarios. The worst of them decides. */
function atLeast(goal, least, found, unit = "×") {
  if (!found.length) return none(goal);
  const worst = found.reduce((a, b) => (b.median < a.median ? b : a));
  const good = found.filter(({ median }) => median >= least).length;
  const of = found.length > 1 ? `; ${good} of ${found.length} scenarios reach it` : "";
  const measured = `${range(worst)} ${unit} in \`${worst.name}\`${of}`;
  return { goal, measured, origin: worst.origin, holds: good === found.length };
}

function atMost(goal, most, found, unit) {
  if (!found.length) return none(goal);
  const worst = found.reduce((a, b) => (b.median > a.median ? b : a));
  const good = found.filter(({ median }) => median <= most).length;
  const of = found.length > 1 ? `; ${good} of ${found.length} stay within it` : "";
  const where = worst.name ? ` in \`${worst.name}\`` : "";
  return { goal, measured: `${range(worst)} ${unit}${where}${of}`, origin: worst.origin, holds: good === found.length };
}

/** @returns {{goal: string, measured: string, origin?: string, holds: boolean | null}[]} null: not measured */
export function goals(results) {
  const { scenarios, measures } = results;
  const own = (pattern, read) =>
    scenarios.flatMap(({ name, summary, measured }) => {
      const values = pattern.test(name) && summary.contestants[OWN];
      const spread = values && read(values);
      return spread ? [{ name, origin: origin(measured), ...spread }] : [];
    });
  // The result of a contestant that does a part of the same work shows whether a goal can be reached here at all.
  const beside = (pattern, other, remark, read, unit) => {
    const medians = scenarios
      .filter(({ name }) => pattern.test(name))
      .map(({ summary: { contestants } }) => contestants[other] && read(contestants[other])?.median)
      .filter(Number.isFinite);
    if (!medians.length) return "";
    const [least, most] = [Math.min(...medians), Math.max(...medians)].map(number);
    return `. ${remark} ${least === most ? least : `${least} to ${most}`} ${unit}`;
  };
  const rateRatio = ({ rate_ratio }) => rate_ratio;
  const overLimit = ({ over_limit_first_byte_p50_ms }) => over_limit_first_byte_p50_ms;
  const against = (pattern, other) => own(pattern, ({ versus }) => versus?.[other]);
  const reader = "A bare JavaScript Worker that looks at every chunk reaches";
  const of = (name) => measures[name] && { found: measures[name].found, origin: origin(measures[name].measured) };
  const unasked = atLeast(
    "Streams whose callers do not ask for usage: chunks/s at least 0.6 × pass-through",
    0.6,
    own(UNASKED, rateRatio),
  );
  unasked.measured += beside(UNASKED, "javascript-reader", reader, rateRatio, "×");
  const counted = atLeast(
    "The same where the provider is declared not to be asked (`counted_usage`): at least 0.6 × pass-through",
    0.6,
    own(COUNTED, rateRatio),
  );
  const verbatim = atLeast(
    "Streams that are piped: chunks/s at least 0.85 × pass-through",
    0.85,
    own(VERBATIM, rateRatio),
  );
  const firstByte = atMost(
    "Time to the first byte at most 0.7 ms (p50) over pass-through",
    0.7,
    own(FIRST_BYTE, overLimit),
    "ms",
  );
  firstByte.measured += beside(
    FIRST_BYTE,
    "javascript-recorder",
    "Plain JavaScript that makes the same calls of the platform and does nothing else takes",
    overLimit,
    "ms",
  );
  return [
    atLeast("Whole answers: rate at least that of Portkey on the same workerd", 1, against(WHOLE, "portkey-workerd")),
    atLeast(
      "The same: at least 0.9 × plain JavaScript that makes the same calls of the platform",
      0.9,
      against(WHOLE, "javascript-recorder"),
    ),
    atMost(
      "Prompts of 100 KB, archived: processor time at most 3 × pass-through",
      3,
      own(/^chat-100k-/, ({ cpu_ratio }) => cpu_ratio),
      "×",
    ),
    messagesGoal(of("growth")),
    unasked,
    counted,
    verbatim,
    translatedGoal(own(TRANSLATED, rateRatio), scenarios),
    firstByte,
    warmUpGoal(of("warm_up")),
    ...dollarGoals(of("operations"), scenarios),
    ...operationGoals(of("operations")),
    growthGoal(of("growth")),
    soakGoal(of("soak")),
    sizeGoal(of("sizes")),
    atMost(
      "Script start-up at most 50 ms of processor time",
      50,
      of("startup") ? [{ ...of("startup").found.active_ms, origin: of("startup").origin }] : [],
      "ms",
    ),
  ];
}

function messagesGoal(growth) {
  const goal = "499 messages against 1, the same bytes: latency at most 1.3 ×";
  const [first, last] = [growth?.found.messages?.[0], growth?.found.messages?.at(-1)];
  if (!last) return none(goal);
  const judged = atMost(goal, 1.3, [{ ...last.p50_ratio, origin: growth.origin }], "×");
  if (last.p50_thinking_ms) {
    const ratio = number(last.p50_thinking_ms.median / first.p50_thinking_ms.median);
    judged.measured += `. Where the upstream takes ${last.thinking_ms} ms to answer: ${ratio} ×`;
  }
  return judged;
}

/** Where every chunk is read, a Worker that only reads them is the measure; it meets the same flood in its own dialect. */
function translatedGoal(found, scenarios) {
  const goal = "Translated streams: chunks/s at least those of a Worker that reads every chunk";
  const flood = scenarios.find(({ name }) => name === "stream-flood-c50");
  const reader = flood?.summary.contestants["javascript-reader"]?.rate_ratio?.median;
  if (!found.length || !reader) return none(goal);
  const per = ({ median, min, max, ...rest }) => ({
    ...rest,
    median: median / reader,
    min: min / reader,
    max: max / reader,
  });
  return atLeast(goal, 1, found.map(per));
}

function warmUpGoal(warmUp) {
  const goal = "Processor time of a fresh isolate's first 100 requests at most 1.3 × steady";
  if (!warmUp) return none(goal);
  const { first_ratio, first_answering_ratio } = warmUp.found["nexus-edge"];
  const judged = atMost(goal, 1.3, [{ ...first_ratio, origin: warmUp.origin }], "×");
  if (first_answering_ratio)
    judged.measured += `. Of the thread that answers, without those that optimise and collect garbage: ${range(first_answering_ratio)} ×`;
  return judged;
}

/** What a million requests cost, by the kinds that have a goal. */
function dollarGoals(operations, scenarios) {
  const kinds = [
    [/new conversation/, "A million requests of new conversations"],
    [/later turn/, "A million later turns"],
    [/^store: none/, "A million requests with `store: none`"],
  ];
  const cpuMs = cpuOf(scenarios);
  return kinds.map(([pattern, what]) => {
    const costs = (operations?.found.cases ?? [])
      .filter(({ title, d1_bytes }) => pattern.test(title) && d1_bytes !== undefined)
      .map((one) => dollars(one, cpuMs));
    const most = Math.max(...costs.map(({ total }) => total));
    const [limit] = costs.map(({ goal }) => goal);
    if (!costs.length || !limit) return none(`${what} within their goal`);
    const goal = `${what} at most $${limit.toFixed(2)}`;
    return {
      goal,
      measured: `$${most.toFixed(2)} in the dearest case`,
      origin: operations.origin,
      holds: most <= limit,
    };
  });
}

function operationGoals(operations) {
  const worst = (operation) => {
    const [most] = operations.found.cases
      // What is asked with the first request of a key is known from then on.
      .filter(({ title }) => !title.startsWith("first requests"))
      .map(({ title, on_request }) => ({ title, n: on_request[operation] ?? 0 }))
      .sort((a, b) => b.n - a.n);
    return most;
  };
  const goal = (title, operation, most) => {
    if (!operations) return none(title);
    const { n, title: which } = worst(operation);
    return {
      goal: title,
      measured: n > 0 ? `${number(n)} (${which})` : "0",
      origin: operations.origin,
      holds: n <= most,
    };
  };
  // The version check of the configuration every few seconds is not a read of a request.
  return [
    goal("No D1 read for a request on a warm isolate", "D1 reads", 0.05),
    goal("No KV read for a request on a warm isolate", "KV reads", 0),
  ];
}

function growthGoal(growth) {
  const goal = "Cost of a request flat within 10 % for 10 to 10⁵ keys, 10 to 10⁴ models, 1 to 500 messages";
  if (!growth) return none(goal);
  const { found } = growth;
  const largest = ["keys", "models", "messages"].map((dimension) => ({
    dimension,
    ...found[dimension].at(-1).cpu_ratio,
  }));
  const measured = largest.map(({ dimension, ...ratio }) => `${dimension} ${range(ratio)} ×`).join(", ");
  return { goal, measured, origin: growth.origin, holds: largest.every(({ median }) => median <= 1.1) };
}

function soakGoal(soak) {
  const goal = "An isolate's linear memory flat once its maps are full, over 10⁵ mixed requests";
  if (!soak) return none(goal);
  const { found } = soak;
  // The slowest map, that of addresses, is full after half of the requests.
  const full = found.samples[Math.ceil(found.samples.length * 0.5)];
  const last = found.samples.at(-1);
  const mb = ({ memory_bytes }) => `${number(memory_bytes / 2 ** 20)} MB`;
  const measured = `${mb(full)} after ${full.requests.toLocaleString("en")}, ${mb(last)} after ${last.requests.toLocaleString("en")}`;
  return { goal, measured, origin: soak.origin, holds: last.memory_bytes <= full.memory_bytes * 1.05 };
}

function sizeGoal(sizes) {
  const goal = "WebAssembly at most 2 MiB gzipped without token tables";
  const bytes = sizes?.found.without_tables?.wasm.gzipped;
  if (!bytes) return none(goal);
  return { goal, measured: `${(bytes / 2 ** 20).toFixed(2)} MiB`, origin: sizes.origin, holds: bytes <= 2 * 2 ** 20 };
}
