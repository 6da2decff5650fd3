// What is measured. Each scenario is one shape of load; every contestant meets it once a round.
//   concurrency  connections kept busy at once
//   promptBytes  size of the prompt
//   stream       null, or { chunks, gapMs }: how many chunks the upstream sends, and how fast (0: as they are taken)
//   usage        the caller of a stream asks for its usage (`stream_options.include_usage`), as the SDKs of agents do
//   rate         what the closed loop is there to find: "requests_per_s" or "chunks_per_s"; the rate of a paced
//                stream is given, so there the processor time is what counts
//   counted      the upstream's provider is declared not to be asked for usage (`counted_usage`); contestants that know that take part
//   dialect      the upstream's, where it is not the caller's: contestants that translate and the references take part
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

function stream(
  name,
  about,
  concurrency,
  chunks,
  gapMs,
  { rate = "chunks_per_s", quick = false, usage = true, counted, dialect } = {},
) {
  return { name, about, concurrency, promptBytes: KB, stream: { chunks, gapMs }, usage, rate, quick, counted, dialect };
}

export const scenarios = [
  chat("1k", KB, 1, true),
  chat("1k", KB, 16, true),
  chat("1k", KB, 128),
  chat("100k", 100 * KB, 1),
  chat("100k", 100 * KB, 16, true),
  chat("100k", 100 * KB, 128),
  stream("stream-first-byte-c1", "streams of 16 chunks sent at once, 1 at a time: time to the first byte", 1, 16, 0, {
    rate: "requests_per_s",
    quick: true,
  }),
  stream("stream-flood-c1", "1 stream of 4000 chunks as fast as they are taken", 1, 4000, 0),
  stream("stream-flood-c50", "50 streams of 400 chunks as fast as they are taken", 50, 400, 0, { quick: true }),
  stream(
    "stream-flood-c50-unasked",
    "50 streams of 400 chunks as fast as they are taken, whose callers do not ask for usage",
    50,
    400,
    0,
    {
      usage: false,
    },
  ),
  stream(
    "stream-flood-c50-counted",
    "the same, of a provider that is not asked for usage either (`counted_usage`)",
    50,
    400,
    0,
    {
      usage: false,
      counted: true,
    },
  ),
  stream("stream-flood-c200", "200 streams of 100 chunks as fast as they are taken", 200, 100, 0),
  stream("stream-paced-c1", "1 stream of 12 chunks, one every 10 ms (100 chunks/s offered)", 1, 12, 10),
  stream("stream-paced-c50", "50 streams, a chunk every 10 ms each (5000 chunks/s offered)", 50, 60, 10, {
    quick: true,
  }),
  stream("stream-paced-c200", "200 streams, a chunk every 40 ms each (5000 chunks/s offered)", 200, 15, 40),
  stream(
    "translate-first-byte-c1",
    "OpenAI to Anthropic, streams of 16 chunks, 1 at a time: time to the first byte",
    1,
    16,
    0,
    {
      rate: "requests_per_s",
      dialect: "anthropic",
    },
  ),
  stream("translate-flood-c50", "OpenAI to Anthropic, 50 streams of 400 chunks as fast as they are taken", 50, 400, 0, {
    dialect: "anthropic",
  }),
  stream(
    "translate-paced-c50",
    "OpenAI to Anthropic, 50 streams, a chunk every 10 ms each (5000 chunks/s offered)",
    50,
    60,
    10,
    {
      dialect: "anthropic",
    },
  ),
];
