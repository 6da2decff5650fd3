// What a million requests cost at Cloudflare's list prices, from what the measure `operations` counted. Allowances that are part of
// the plan are left out.
import { number } from "./number.mjs";
import { OWN } from "./report.mjs";

/** Dollars, as Cloudflare's pricing pages of Workers, D1, KV, R2, Queues and Durable Objects listed them at this time. */
export const AS_OF = "2026-11";
const PER_MILLION = {
  "D1 rows read": 0.001,
  "D1 rows written": 1,
  "KV reads": 0.5,
  "KV writes": 5,
  "KV lists": 5,
  "R2 reads": 0.36,
  "R2 writes": 4.5,
  "R2 lists": 4.5,
  // An operation is 64 KB; a message is written, read and deleted.
  "queue operations": 3 * 0.4,
};
const REQUESTS = 0.3;
const CPU_MS = 0.02;
const OBJECT_CALLS = 0.15;
const D1_GB_MONTH = 0.75;
const R2_GB_MONTH = 0.015;

/** The most that a case may cost, in dollars for a million requests. */
const GOALS = [
  [/^store: none/, 4],
  [/later turn/, 3.5],
  [/new conversation/, 7.5],
];

/**
 * @param {{title: string, on_request: object, by_consumer: object, by_objects: object}} counted a case of `operations`
 * @param {number} cpuMs milliseconds of processor time of a request
 */
export function dollars({ title, on_request, by_consumer, by_objects, d1_bytes, r2_bytes }, cpuMs) {
  const parts = { requests: REQUESTS, CPU: cpuMs * CPU_MS, KV: 0, D1: 0, R2: 0, queue: 0, objects: 0 };
  for (const counts of [on_request, by_consumer, by_objects])
    for (const [operation, n] of Object.entries(counts)) {
      if (operation.startsWith("object calls")) parts.objects += n * OBJECT_CALLS;
      else if (PER_MILLION[operation]) parts[operation.split(" ")[0]] += n * PER_MILLION[operation];
    }
  const total = Object.values(parts).reduce((sum, part) => sum + part, 0);
  const goal = GOALS.find(([pattern]) => pattern.test(title))?.[1] ?? null;
  // A million bytes a request are a gigabyte for a thousand requests.
  const month = ((d1_bytes ?? 0) * D1_GB_MONTH + (r2_bytes ?? 0) * R2_GB_MONTH) / 1_000;
  return { parts, total, goal, month };
}

/** Milliseconds of processor time of a small request. */
export function cpuOf(scenarios) {
  const scenario = scenarios.find(({ name }) => name === "chat-1k-c16");
  return (scenario?.summary.contestants[OWN]?.cpu_ms_per_1000?.median ?? 1_000) / 1_000;
}

/** The section of the performance page; null where nothing was counted. */
export function dollarsSection({ measures, scenarios }, table) {
  const found = measures.operations?.found;
  if (!found?.cases[0]?.d1_bytes) return null;
  const cpuMs = cpuOf(scenarios);
  const money = (amount) => (amount < 0.005 ? "–" : amount.toFixed(2));
  const rows = found.cases.map((one) => {
    const { parts, total, goal, month } = dollars(one, cpuMs);
    return [
      one.title,
      ...Object.values(parts).map(money),
      `**${total.toFixed(2)}**${goal === null ? "" : total <= goal ? ` (≤ ${goal})` : ` (**over ${goal}**)`}`,
      `${number(one.d1_bytes / 1_000)} KB`,
      `${number(one.r2_bytes / 1_000)} KB`,
      month.toFixed(2),
    ];
  });
  const head = ["", "requests", "CPU", "KV", "D1", "R2", "queue", "objects", "total", "in D1", "in R2", "a month"];
  return [
    "## What a million requests cost",
    [
      `Dollars at Cloudflare's list prices of ${AS_OF}, without allowances: requests $${REQUESTS}, a million ms of CPU $${CPU_MS}, rows of D1 read $0.001`,
      "and written $1, KV read $0.50 and written $5, R2 written $4.50 and read $0.36, a queue's message of 64 KB $0.40 three times, a call of an object",
      `$${OBJECT_CALLS}; a month of a GB in D1 $${D1_GB_MONTH}, in R2 $${R2_GB_MONTH}. CPU is that of \`chat-1k-c16\`. *In D1* and *in R2* is what a request adds to`,
      "what is stored, and *a month* what storing a million of them costs for a month. Where an isolate has less than some 20 requests a second, each",
      "has a queue's message of its own, which is $1.20 instead; a batch with few requests puts its texts into D1 at first, which is up to two rows more.",
    ].join("\n"),
    table(head, rows),
  ].join("\n\n");
}
