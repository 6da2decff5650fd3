// What the project wants to reach, and whether the last results say that it has. The median of a ratio over the rounds
// decides; a goal over several scenarios is judged by the worst of them.
import { number } from "./number.mjs";
import { OWN } from "./report.mjs";

const FIRST_BYTE = /^stream-first-byte-c1$|^chat-1k-c1$|^stream-paced-c1$/;

/** @returns {{goal: string, measured: string, holds: boolean | null}[]} null: not measured */
export function goals(results) {
  const { scenarios, measures } = results;
  const own = (pattern, read) => {
    const found = [];
    for (const { name, summary } of scenarios) {
      const spread =
        pattern.test(name) && summary.contestants[OWN] && read(summary.contestants[OWN], summary.contestants);
      if (spread) found.push({ name, ...spread });
    }
    return found;
  };
  const range = ({ median, min, max }) => `${number(median)} [${number(min)}..${number(max)}]`;
  const atLeast = (goal, least, found, unit = "×") => {
    if (!found.length) return { goal, measured: "–", holds: null };
    const worst = found.reduce((a, b) => (b.median < a.median ? b : a));
    const good = found.filter(({ median }) => median >= least).length;
    const measured = `${range(worst)} ${unit} in \`${worst.name}\`; ${good} of ${found.length} scenarios reach it`;
    return { goal, measured, holds: good === found.length };
  };
  const atMost = (goal, most, found, unit) => {
    if (!found.length) return { goal, measured: "–", holds: null };
    const worst = found.reduce((a, b) => (b.median > a.median ? b : a));
    const good = found.filter(({ median }) => median <= most).length;
    const of = found.length > 1 ? `; ${good} of ${found.length} stay within it` : "";
    return {
      goal,
      measured: `${range(worst)} ${unit}${worst.name ? ` in \`${worst.name}\`` : ""}${of}`,
      holds: good === found.length,
    };
  };
  const versus = (pattern, other) => own(pattern, ({ versus }) => versus?.[other]);
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
  const records = "Plain JavaScript that makes the same calls of the platform and does nothing else";
  const throughput = atLeast("Throughput at least 0.85 × pass-through", 0.85, own(/^chat-/, rateRatio));
  throughput.measured += beside(/^chat-/, "javascript-recorder", `${records} reaches`, rateRatio, "×");
  const firstByte = atMost(
    "Time to the first byte at most 1 ms (p50) over pass-through",
    1,
    own(FIRST_BYTE, overLimit),
    "ms",
  );
  firstByte.measured += beside(FIRST_BYTE, "javascript-recorder", `${records} takes`, overLimit, "ms");
  const flood = atLeast("Relayed chunks/s at least 0.8 × pass-through", 0.8, own(/^stream-flood/, rateRatio));
  flood.measured += beside(
    /^stream-flood/,
    "javascript-reader",
    "A bare JavaScript Worker that looks at every chunk reaches",
    rateRatio,
    "×",
  );
  flood.measured += beside(/^stream-flood/, "javascript-recorder", `${records} reaches`, rateRatio, "×");
  const portkey = atLeast(
    "Throughput at least 2 × Portkey on the same workerd",
    2,
    versus(/^chat-/, "portkey-workerd"),
  );
  const inverse = ({ rate_ratio }) => rate_ratio && { median: 1 / rate_ratio.median };
  portkey.measured += beside(/^chat-/, "portkey-workerd", "The pass-through Worker itself reaches", inverse, "×");
  return [
    throughput,
    portkey,
    atLeast("Throughput at least 10 × LiteLLM", 10, versus(/^chat-/, "litellm")),
    firstByte,
    flood,
    ...operationGoals(measures.operations?.found),
    growthGoal(measures.growth?.found, range),
    soakGoal(measures.soak?.found),
    sizeGoal(measures.sizes?.found),
    atMost(
      "Script start-up at most 50 ms of processor time",
      50,
      measures.startup ? [measures.startup.found.active_ms] : [],
      "ms",
    ),
  ];
}

function operationGoals(found) {
  const worst = (operation) => {
    const [most] = found.cases
      .map(({ title, on_request }) => ({ title, n: on_request[operation] ?? 0 }))
      .sort((a, b) => b.n - a.n);
    return most;
  };
  const goal = (title, operation, most) => {
    if (!found) return { goal: title, measured: "–", holds: null };
    const { n, title: which } = worst(operation);
    return { goal: title, measured: n > 0 ? `${number(n)} (${which})` : "0", holds: n <= most };
  };
  // The version check of the configuration every few seconds is not a read of a request.
  return [
    goal("No D1 read for a request on a warm isolate", "D1 reads", 0.05),
    goal("At most 1 KV read for a request on a warm isolate", "KV reads", 1),
  ];
}

function growthGoal(found, range) {
  const goal = "Cost of a request flat within 10 % for 10 to 10⁵ keys, 10 to 10⁴ models, 1 to 500 messages";
  if (!found) return { goal, measured: "–", holds: null };
  const largest = ["keys", "models", "messages"].map((dimension) => ({
    dimension,
    ...found[dimension].at(-1).cpu_ratio,
  }));
  const measured = largest.map(({ dimension, ...ratio }) => `${dimension} ${range(ratio)} ×`).join(", ");
  return { goal, measured, holds: largest.every(({ median }) => median <= 1.1) };
}

function soakGoal(found) {
  const goal = "An isolate's linear memory flat once its maps are full, over 10⁵ mixed requests";
  if (!found) return { goal, measured: "–", holds: null };
  // The slowest map, that of addresses, is full after half of the requests.
  const full = found.samples[Math.ceil(found.samples.length * 0.5)];
  const last = found.samples.at(-1);
  const mb = ({ memory_bytes }) => `${number(memory_bytes / 2 ** 20)} MB`;
  const measured = `${mb(full)} after ${full.requests.toLocaleString("en")}, ${mb(last)} after ${last.requests.toLocaleString("en")}`;
  return { goal, measured, holds: last.memory_bytes <= full.memory_bytes * 1.05 };
}

function sizeGoal(found) {
  const goal = "WebAssembly at most 2 MiB gzipped without token tables";
  const bytes = found?.without_tables?.wasm.gzipped;
  if (!bytes) return { goal, measured: "not built", holds: null };
  return { goal, measured: `${(bytes / 2 ** 20).toFixed(2)} MiB`, holds: bytes <= 2 * 2 ** 20 };
}
