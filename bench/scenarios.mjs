// What is measured. Each scenario is one shape of load; every contestant meets it once a round.
//   concurrency  connections kept busy at once
//   promptBytes  size of the prompt
//   stream       null, or { chunks, gapMs }: how many chunks the upstream sends, and how fast (0: as they are taken)
//   rate         what the closed loop is there to find: "requests_per_s" or "chunks_per_s"; the rate of a paced
//                stream is given, so there the processor time is what counts
//   quick        part of `--quick`

const KB = 1024;

function chat(size, promptBytes, concurrency, quick = false) {
  return {
    name: `chat-${size}-c${concurrency}`,
    about: `not streamed, ${size} prompt, ${concurrency} at once`,
    concurrency,
    promptBytes,
    stream: null,
    rate: "requests_per_s",
    quick,
  };
}

export const scenarios = [
  chat("1k", KB, 1, true),
  chat("1k", KB, 16, true),
  chat("1k", KB, 64),
  chat("100k", 100 * KB, 1),
  chat("100k", 100 * KB, 16, true),
  {
    name: "stream-first-byte-c1",
    about: "streams of 16 chunks sent at once, 1 at a time: time to the first byte",
    concurrency: 1,
    promptBytes: KB,
    stream: { chunks: 16, gapMs: 0 },
    rate: "requests_per_s",
    quick: true,
  },
  {
    name: "stream-flood-c1",
    about: "1 stream of 4000 chunks as fast as they are taken",
    concurrency: 1,
    promptBytes: KB,
    stream: { chunks: 4000, gapMs: 0 },
    rate: "chunks_per_s",
  },
  {
    name: "stream-flood-c50",
    about: "50 streams of 400 chunks as fast as they are taken",
    concurrency: 50,
    promptBytes: KB,
    stream: { chunks: 400, gapMs: 0 },
    rate: "chunks_per_s",
    quick: true,
  },
  {
    name: "stream-paced-c50",
    about: "50 streams, a chunk every 10 ms each (5000 chunks/s offered)",
    concurrency: 50,
    promptBytes: KB,
    stream: { chunks: 60, gapMs: 10 },
    rate: "chunks_per_s",
    quick: true,
  },
];
