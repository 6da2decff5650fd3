// What a limit costs: a key without limits and a key with three take turns, request by request, on the same workerd against
// the embedded provider. Prints p50 and p99 of both side by side. Not a test: it has no expectations.
//
//   npm run build && NEXUS_EDGE_PROFILE=release node bench/limits.mjs [requests of each, 1500]
import { startGateway } from "../tests/support/gateway.mjs";

const [requests = 1500] = process.argv.slice(2).map(Number);
/** The demand has to be known before a lease covers it. */
const WARM_UP = 500;
const AT_ONCE = 4;

const gateway = await startGateway({ vars: { GLOBAL_REQUESTS_PER_SECOND: "0" } });
const body = { model: "demo/echo", messages: [{ role: "user", content: "Say something." }] };
const limits = { requests_per_minute: 1_000_000, requests_per_day: 100_000_000, tokens_per_minute: 1_000_000_000 };
const contestants = [
  { name: "without limits", key: (await gateway.createKey()).key, took: [] },
  { name: "with limits", key: (await gateway.createKey({ limits })).key, took: [] },
];

async function run(each) {
  let left = each * contestants.length;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left > 0) {
        const { key, took } = contestants[left-- % contestants.length];
        const begun = performance.now();
        const { status } = await gateway.complete(key, body);
        if (status !== 200) throw new Error(`status ${status}`);
        took.push(performance.now() - begun);
      }
    }),
  );
}

await run(WARM_UP);
for (const contestant of contestants) contestant.took.length = 0;
await run(requests);

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(2);
for (const { name, took } of contestants) {
  const sorted = took.toSorted((a, b) => a - b);
  console.log(
    `${name.padEnd(16)} p50 ${quantile(sorted, 0.5)} ms   p99 ${quantile(sorted, 0.99)} ms   (${took.length} requests)`,
  );
}
await gateway.stop();
