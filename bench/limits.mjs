// What a limit costs: a key without limits and a key with three, on the same workerd, in alternating rounds against the embedded
// provider. Prints p50 and p99 of both side by side. Not a test: it judges nothing.
//
//   npm run build && node bench/limits.mjs [requests a round, 300] [rounds, 6]
import { startGateway } from '../tests/support/gateway.mjs';

const [perRound = 300, rounds = 6] = process.argv.slice(2).map(Number);
const AT_ONCE = 4;

const gateway = await startGateway({ vars: { GLOBAL_REQUESTS_PER_SECOND: '0' } });
const body = { model: 'demo/echo', messages: [{ role: 'user', content: 'Say something.' }] };
const limits = { requests_per_minute: 1_000_000, requests_per_day: 100_000_000, tokens_per_minute: 1_000_000_000 };
const contestants = [
  { name: 'without limits', key: (await gateway.createKey()).key, took: [] },
  { name: 'with limits', key: (await gateway.createKey({ limits })).key, took: [] },
];

async function round({ key, took }, requests) {
  let left = requests;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) {
        const begun = performance.now();
        const { status } = await gateway.complete(key, body);
        if (status !== 200) throw new Error(`status ${status}`);
        took.push(performance.now() - begun);
      }
    }),
  );
}

for (const contestant of contestants) await round(contestant, perRound);
for (const contestant of contestants) contestant.took.length = 0;
for (let i = 0; i < rounds; i += 1) for (const contestant of i % 2 ? contestants : contestants.toReversed()) await round(contestant, perRound);

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(2);
for (const { name, took } of contestants) {
  const sorted = took.toSorted((a, b) => a - b);
  console.log(`${name.padEnd(16)} p50 ${quantile(sorted, 0.5)} ms   p99 ${quantile(sorted, 0.99)} ms   (${took.length} requests)`);
}
await gateway.stop();
