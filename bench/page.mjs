// docs/performance.md, made from results.json: `node bench/page.mjs` writes it, with `--check` it only says whether the page
// is what the results give (`npm run lint -- docs` asks that).
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { dollarsSection } from "./dollars.mjs";
import { goals } from "./goals.mjs";
import { number } from "./number.mjs";
import { LIMIT } from "./report.mjs";
import { readResults } from "./results.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const pageOf = (root) => path.join(root, "docs", "performance.md");

/** Writes the page and answers where it is. */
export function writePage(root, results) {
  writeFileSync(pageOf(root), renderPage(results));
  return pageOf(root);
}

export function renderPage(results) {
  const parts = [
    opening(results),
    goalTable(results),
    loads(results),
    operations(results),
    dollarsSection(results, table),
    timeSpent(results),
    growth(results),
    walls(results),
    soak(results),
    rest(results),
    METHOD,
    OBSTACLES,
    LIMITS,
  ];
  return `${parts.filter(Boolean).join("\n\n").trim()}\n`;
}

/** Changes of what a request costs, by the day (and time, UTC) of their commit. A later measurement of the loads has them in it. */
const CHANGES = [];

const plain = (spread, unit = "") => (spread ? `${number(spread.median)}${unit}` : "–");
const ranged = (spread, unit = "") =>
  spread ? `${number(spread.median)}${unit} [${number(spread.min)}..${number(spread.max)}]` : "–";
const day = (date) => date.slice(0, 10);

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i ? "--:" : "---"))), ...rows.map(line)].join("\n");
}

function opening({ machine, versions, compatibilityDate, settings, scenarios, measures, contestants, skipped }) {
  const measured = [...scenarios, ...Object.values(measures)].map((one) => one.measured);
  const days = [...new Set(measured.map(({ date }) => day(date)))].sort();
  const commits = [
    ...new Set(
      measured.map(
        ({ commit, uncommitted_changes }) =>
          `${commit?.slice(0, 9)}${uncommitted_changes ? " with changes that are not committed" : ""}`,
      ),
    ),
  ];
  const commands = [...new Set(measured.map(({ command }) => `\`${command}\``))];
  const lines = [
    "# Performance",
    "<!-- Made from bench/results.json by `node bench/page.mjs`: change either of these, not this page. -->",
    "Nexus Edge beside a bare pass-through Worker, which is the limit of the platform, and beside other gateways: the same load,",
    "upstream and payloads for all, on one machine, taking turns. Ratios are what to read: the absolute numbers are those of one",
    "small machine.",
  ];
  const facts = [
    ["measured", days.join(", ")],
    [
      "machine",
      `${machine.cores} cores (${machine.cpu}), ${machine.memory_gb} GB, ${machine.system.replace(/^(\S+ \d+\.\d+)\S* /, "$1 ")}; stores of the simulators in ${machine.stores === "memory" ? "memory" : "files on disk"}`,
    ],
    [
      "versions",
      `${Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", ")}; compatibility date ${compatibilityDate}`,
    ],
    ["command", commands.join(", ")],
    ["commit", commits.join(", ")],
    [
      "load",
      `${settings.rounds} round${settings.rounds > 1 ? "s" : ""}, ${settings.measureMs / 1000} s of each contestant in each scenario and round, upstream delay ${settings.delayMs} ms`,
    ],
  ];
  const out = [lines[0], lines[1], lines.slice(2).join("\n"), table(["", ""], facts).replace("--:", "---")];
  if (contestants.length) {
    out.push(
      table(
        ["contestant", "what it is"],
        contestants.map(({ name, about }) => [`\`${name}\``, about]),
      ).replace("--:", "---"),
    );
  }
  if (skipped.length) out.push(skipped.map(({ name, reason }) => `Not measured: \`${name}\` (${reason}).`).join("\n"));
  return out.join("\n\n");
}

function goalTable(results) {
  const rows = goals(results).map(({ goal, measured, origin, holds }) => [
    goal,
    measured,
    origin ?? "",
    holds === null ? "not measured" : holds ? "holds" : "**does not hold**",
  ]);
  const head = table(["goal", "measured", "on, at", ""], rows).replaceAll("--:", "---");
  const about =
    "The median decides; the range is over the rounds. Each is the worst of its scenarios. The third column says when and at which commit it\nwas measured: what has changed since is below.";
  return ["## The goals", about, head, changesSince(results)].filter(Boolean).join("\n\n");
}

/** What has changed since the loads were measured, as far as it changes what they would be now. */
function changesSince({ scenarios }) {
  const measured = scenarios.map(({ measured }) => measured.date).sort()[0];
  const since = CHANGES.filter(({ date }) => measured && date > measured);
  if (!since.length) return null;
  return [
    "### Not measured since",
    `The loads are of ${day(measured)}. These changes came after, each with what was compared when it was made; absolute loads want an idle machine.`,
    table(
      ["change", "measured", "what of"],
      since.map(({ change, found, goal }) => [change, found, goal]),
    ).replaceAll("--:", "---"),
  ].join("\n\n");
}

function loads({ scenarios }) {
  if (!scenarios.length) return null;
  const out = [
    "## Under load",
    [
      `*Ratio*: the rate against \`${LIMIT}\`'s in the same round, then the ratio of processor time (lower is better). *Added*: time to`,
      "the first byte of the body, against no gateway. *Core busy* is the share of a core that the process took: where it is well",
      "under 100 %, the gateway was not what limited the rate. *D1 CPU* is what the database takes in a process of its own, for as",
      "many: neither processor time nor core busy of the contestant has it in it. Median, and the range over the rounds.",
      ...(scenarios.some(({ usage }) => usage)
        ? [
            "Callers of streams ask for usage, unless the scenario says otherwise: there, a gateway that wants it must ask and take it out.",
          ]
        : []),
    ].join("\n"),
  ];
  for (const scenario of scenarios) {
    const { summary, rounds, rate, stream } = scenario;
    const unit = rate === "chunks_per_s" ? "chunks" : "requests";
    const hasD1 = Object.values(summary.contestants).some((own) => own.d1_cpu_ms_per_1000);
    const head = [
      "",
      `${unit}/s`,
      "ratio",
      "added p50 ms",
      "added p99 ms",
      ...(stream?.gapMs ? ["pause p99 ms"] : []),
      `CPU ms per 1000 ${unit}`,
      "ratio",
      ...(hasD1 ? ["D1 CPU"] : []),
      "core busy",
      "MB",
    ];
    const rows = Object.entries(summary.contestants).map(([name, own]) => [
      `\`${name}\``,
      plain(own.rate),
      ranged(own.rate_ratio),
      ranged(own.added_first_byte_p50_ms),
      plain(own.added_first_byte_p99_ms),
      ...(stream?.gapMs ? [plain(own.pause_p99_ms)] : []),
      plain(own.cpu_ms_per_1000),
      ranged(own.cpu_ratio),
      ...(hasD1 ? [plain(own.d1_cpu_ms_per_1000)] : []),
      own.core_share ? `${Math.round(own.core_share.median * 100)} %` : "–",
      plain(own.resident_mb),
    ]);
    const noisy = rounds.filter((round) => round.noisy).length;
    const note = noisy
      ? ` ${noisy} of ${rounds.length} rounds were noisy${summary.rounds_used < rounds.length ? " and are left out" : ""}.`
      : "";
    out.push(
      `### ${scenario.name}`,
      `${scenario.about[0].toUpperCase()}${scenario.about.slice(1)}.${note}`,
      table(head, rows),
    );
  }
  return out.join("\n\n");
}

function operations({ measures }) {
  const found = measures.operations?.found;
  if (!found) return null;
  const per = (part) => {
    const entries = Object.entries(part)
      .filter(([, n]) => n > 0)
      .sort(([a], [b]) => a.localeCompare(b));
    return entries.length ? entries.map(([operation, n]) => `${operation} ${number(n)}`).join("<br>") : "nothing";
  };
  const rows = found.cases.map((one) => [
    one.title,
    [per(one.on_request), ...(one.in_isolate ? [per(one.in_isolate)] : [])].join("<br>"),
    per(one.by_consumer),
  ]);
  return [
    "## What a request uses",
    [
      `Counted over ${found.cases[0].requests} requests a case, on a warm isolate, by a module in front of the Worker. What is done after the answer is`,
      "counted as well; the caller does not wait for it. What happens every few seconds (is the configuration still the newest?)",
      "shows as a fraction, and so does what several requests share: a queue message carries the events of many, a trip to D1",
      "several statements. *Timers* and the like are those of the whole isolate, its consumer included. *Rows* of D1 are those that it says that it touched, indexes included: a write reads rows as well.",
    ].join("\n"),
    table(["", "the request", "the queue's consumer, for a request"], rows).replaceAll("--:", "---"),
  ].join("\n\n");
}

const DIMENSIONS = {
  keys: "API keys in D1, one of them in use",
  models: "models",
  messages: "messages, 50 KB of prompt in all",
  history: "messages of 100 bytes each",
  history_passthrough: `messages of 100 bytes each, on \`${LIMIT}\``,
};

function growth({ measures }) {
  const found = measures.growth?.found;
  if (!found) return null;
  const out = [
    "## How it grows",
    "Processor time of a request at 16 at once, and the median latency one at a time; each against the smallest size, in turns. *D1 CPU* is\nthe database's, in its own process.",
  ];
  for (const [dimension, title] of Object.entries(DIMENSIONS)) {
    if (!found[dimension]) continue;
    const first = found[dimension].some((one) => one.first_use_of_a_key_ms);
    const d1 = found[dimension].some((one) => one.d1_cpu_ms);
    const thinking = found[dimension].at(0)?.thinking_ms;
    const rows = found[dimension].map((one) => [
      number(one.size).replace(/\.00$|\.0$/, ""),
      plain(one.cpu_ms),
      ranged(one.cpu_ratio),
      ...(d1 ? [plain(one.d1_cpu_ms)] : []),
      plain(one.p50_ms),
      ranged(one.p50_ratio),
      ...(thinking ? [ranged(one.p50_thinking_ms)] : []),
      ...(first ? [ranged(one.first_use_of_a_key_ms)] : []),
    ]);
    out.push(
      table(
        [
          title,
          "CPU ms",
          "ratio",
          ...(d1 ? ["D1 CPU ms"] : []),
          "p50 ms",
          "ratio",
          ...(thinking ? [`p50 ms where the upstream takes ${thinking} ms`] : []),
          ...(first ? ["first use of a key, ms"] : []),
        ],
        rows,
      ),
    );
  }
  return out.join("\n\n");
}

function timeSpent({ measures }) {
  const { scenario, found } = measures.parts?.found ?? {};
  if (!found) return null;
  const names = Object.keys(found);
  const all = [...new Set(names.flatMap((name) => found[name].parts.map(({ part }) => part)))];
  const of = (name, part) => found[name].parts.find((one) => one.part === part)?.share ?? 0;
  const cell = (name, share) => `${Math.round(share * found[name].cpu_us)} µs, ${Math.round(share * 100)} %`;
  return [
    "## What the time is spent on",
    `Processor time of a request in \`${scenario}\` by the innermost function, sampled natively 2,000 times a second (\`node bench/native-profile.mjs\`). Sampling itself takes a part.`,
    table(
      ["", ...names.map((name) => `\`${name}\``)],
      [
        ...all
          .filter((part) => names.some((name) => of(name, part) > 0.004))
          .map((part) => [part, ...names.map((name) => cell(name, of(name, part)))]),
        ["together", ...names.map((name) => `${Math.round(found[name].cpu_us)} µs`)],
      ],
    ),
  ].join("\n\n");
}

function walls({ measures }) {
  const { ingest, walls: questions } = measures;
  if (!ingest && !questions) return null;
  const out = ["## Where it ends"];
  if (ingest) {
    const { keys, event_bytes: bytes, batches } = ingest.found;
    const perSecond = (ms) => Math.round(1e6 / ms).toLocaleString("en");
    out.push(
      `One database writes one transaction at a time. *Events/s* is what one consumer records of ${keys.toLocaleString("en")} keys, each event with ${number(bytes / 1000)} KB of JSON and the texts of a small request, and *of D1* what a database could take whose core does nothing else: the batches of several consumers overlap. Above some hundred requests a second a batch is full. How much a database holds, and how long, is in [statistics.md](statistics.md#where-rows-go).`,
      table(
        ["events a batch", "events/s", "CPU ms per 1000", "D1 CPU ms per 1000", "of D1: events/s"],
        batches.map((one) => [
          one.size.toLocaleString("en"),
          Math.round(one.events_per_s).toLocaleString("en"),
          number(one.cpu_ms_per_1000),
          number(one.d1_cpu_ms_per_1000),
          perSecond(one.d1_cpu_ms_per_1000),
        ]),
      ),
    );
  }
  if (questions) {
    const { rows, requests, questions: asked } = questions.found;
    out.push(
      `Questions where the database has ${rows.toLocaleString("en")} rows of hours, and in its log ${requests.toLocaleString("en")} requests of a fifth as many conversations, asked through the API, with the D1 of workerd. A search through all keys looks at the conversations of 20,000 requests a page.`,
      table(
        ["question", "rows are", "ms"],
        Object.entries(asked).map(([question, { ms, bucket }]) => [
          `\`${question}\``,
          bucket ? `${bucket}s` : "",
          ranged(ms),
        ]),
      ).replace("--:", "---"),
    );
  }
  return out.join("\n\n");
}

function soak({ measures }) {
  const found = measures.soak?.found;
  if (!found) return null;
  const mb = (bytes) => number(bytes / 2 ** 20);
  const remembered = (entries) => Object.values(entries).reduce((sum, n) => sum + n, 0);
  return [
    "## Memory over many requests",
    "Whole and streamed answers, new, named and sticky conversations, a key with limits, prompts of 100 KB, wrong keys from ever new\naddresses, unknown models, callers who leave. *Linear memory* is the isolate's, which never shrinks; *remembered* are the entries of all its\nmaps, each of which has a bound (`GET /system/status`). *Resident* is workerd with the simulator of Durable Objects\nin its process, and what these store." +
      (found.profile === "release" ? "" : ` Built as \`${found.profile}\`, without optimisation.`),
    table(
      ["requests", "linear memory MB", "remembered", "resident MB"],
      found.samples.map((one) => [
        one.requests.toLocaleString("en"),
        mb(one.memory_bytes),
        remembered(one.entries).toLocaleString("en"),
        one.resident_mb === null ? "–" : number(one.resident_mb),
      ]),
    ),
  ].join("\n\n");
}

function rest({ measures }) {
  const out = [];
  const sockets = measures.idle_sockets?.found;
  if (sockets) {
    const row = (title, one) => [
      title,
      number(one.before_mb),
      number(one.opened_mb_per_1000),
      number(one.idle_mb_per_1000),
      number(one.woken_ms),
    ];
    const rows = [row("a session each", sockets.a_session_each), row("all watching one session", sockets.one_session)];
    out.push(
      "## Idle WebSockets",
      `Resident memory of workerd with ${sockets.a_session_each.sockets} chat sockets open, and 15 s later, when sessions sleep. All sessions' databases are in the same process here.`,
      table(["", "MB before", "MB more for 1000, just opened", "MB more for 1000, idle", "ms until one answers"], rows),
    );
  }
  const cold = measures.cold_start?.found;
  const startup = measures.startup?.found;
  if (cold || startup) {
    out.push("## Starting");
    if (cold) {
      const rows = Object.entries(cold.first_answer_ms).map(([name, one]) => [`\`${name}\``, ranged(one), one.rounds]);
      out.push(
        "From the start of a fresh process to its first answer, files in the page cache. Nexus Edge starts with Miniflare's objects in its process, which production does not.",
        table(["", "ms", "rounds"], rows),
      );
      const parts = Object.entries(cold.part_ms ?? {}).map(([name, one]) => [name, ranged(one), one.rounds]);
      if (parts.length) {
        out.push(
          `The same for \`${LIMIT}\`, to which parts of Nexus Edge are given. Everything that a module needs before its first request is in the last of them; what Nexus Edge takes beyond that and its simulators is its first request, for which it reads its configuration.`,
          table([`\`${LIMIT}\` with`, "ms", "rounds"], parts),
        );
      }
    }
    if (startup) {
      out.push(
        `Script start-up by \`wrangler check startup\`: ${ranged(startup.active_ms)} ms of processor time, of which ${ranged(startup.instantiate_ms)} ms instantiate the module.`,
      );
    }
  }
  const warmUp = measures.warm_up?.found;
  if (warmUp) {
    const until = Object.values(warmUp)[0].until;
    const spans = until.map((to, i) =>
      to === 1 ? "request 1" : `${(until[i - 1] ?? 0) + 1} to ${to.toLocaleString("en")}`,
    );
    const threads = ([name, one]) => [
      [`\`${name}\``, one.cpu_ms, one.first_ratio],
      ...(one.answering_ms ? [[`of it, on the thread that answers`, one.answering_ms, one.first_answering_ratio]] : []),
    ];
    out.push(
      "Processor time of a request by how many a fresh isolate has answered, in ms; *first* is that of the first 100 against the last part. The first request reads the configuration, and what is called is compiled when it is called first; other threads optimise what is called often.",
      table(
        ["", ...spans, "first"],
        Object.entries(warmUp)
          .flatMap(threads)
          .map(([title, parts, first]) => [title, ...parts.map((ms) => plain(ms)), ranged(first)]),
      ),
    );
  }
  const sizes = measures.sizes?.found;
  if (sizes) {
    const mb = (bytes) => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
    const row = (title, one) => [
      title,
      ...(one ? [mb(one.wasm.bytes), mb(one.wasm.gzipped), mb(one.javascript.bytes)] : ["not built", "", ""]),
    ];
    const rows = [row("with token tables", sizes.with_tables), row("without", sizes.without_tables)];
    out.push("## Size", table(["", "wasm", "gzipped", "JavaScript"], rows));
  }
  return out.join("\n\n") || null;
}

const METHOD = `## How this is measured

- Contestants take turns: every round takes all of them through a scenario before the next begins, and begins with another one.
  Ratios are made within a round. Rounds that other work on the machine disturbed are left out if others remain.
- Upstream and load generator are processes of their own on raw sockets, several times faster than the fastest gateway. Load is a
  closed loop over connections that are kept alive. Every answer is checked: byte for byte, or by its text where a
  contestant serialises it again.
- No two requests are alike: each has its number in every turn, and the answer contains it.
- Everything on workerd runs with the same settings and without Miniflare's proxies. Processor time is counted until the process
  is quiet again, so that work which is deferred until after the answer is included.
- Nexus Edge has everything on: keys, usage records, recognised and archived conversations. Queue, KV, D1 and R2 are outside its
  process, as they are other machines in production: D1 is SQLite in memory, behind the HTTP that the platform's client speaks.
  Durable Objects are Miniflare's and inside it. The others check nothing and record nothing, except that LiteLLM
  compares a master key, and \`javascript-recorder\`, which is there for that.

More, and how to add a contestant: [bench/README.md](../bench/README.md). What token counting costs is measured by
\`npm run bench -- tokens\` ([tokens.md](tokens.md)), what limits cost by \`node bench/limits.mjs\`.`;

const OBSTACLES = `## What stands in the way of the goals

- **Throughput.** Where a Worker only forwards, the platform moves request and answer from one connection to the other, and no
  byte of either enters JavaScript. Reading both already costs a part of the rate (\`javascript-reader\`). Authenticating a request,
  storing its conversation and recording its usage takes more calls of the platform than forwarding does:
  \`javascript-recorder\` makes such calls in a few lines that do nothing else, and is the limit for any gateway that records.
  *What the time is spent on* says what Nexus Edge takes beyond it: half of the difference is its own code, of which no function has more than
  1.4 % of a small request, and the other half is what it asks of the platform and the recorder does not: an abort signal of its own joined to the
  caller's, three timers (3 % together), work after the answer, and what these allocate. Without its own code a small request would take 1.27 × the recorder's time.
- **Portkey.** Without its own code a small request would take about as long here as Portkey's, which checks no key, remembers nothing and
  records nothing. Where a prompt is large, Portkey forwards it; here it is also read, compared with what is known of the conversation,
  compressed and archived.
- **Large prompts.** Of the time for 100 KB in 51 messages (2.27 ms with the sampling, 1.45 ms where nothing is archived, 0.46 ms of pass-through), compressing
  the texts for the archive takes 11 % (with the streams around it 16 %), asking D1 for the conversation 9 %, reading the request 9 %, writing the texts as JSON 4 % and
  handing objects to R2 3 %; 32 % is the runtime's, which moves the bytes. Stored uncompressed, a million of such requests would be 100 GB,
  $1.50 a month; the compression costs one cent. Without any code of the module and any compression they would take 3.2 × pass-through.
- **A fresh isolate.** Six tenths of the processor time of its first 100 requests is that of the engine's other threads, which optimise functions while they run:
  550 ms for 27 functions, of which 390 ms for four: answering, an attempt, the work after an answer, and reading the configuration. On the thread
  that answers, the first request takes 55 ms, because it reads the configuration and compiles what it calls (some 2,000 functions, 58 µs each); the next
  hundred take 1.3 × the steady state. Less code in what every request calls would help, and a module without what is not asked by callers.
- **Chunks.** A stream of which the caller gets every byte is piped by the platform, faster than reading each chunk. The
  difference to pass-through is the second branch of the stream, which is read a few times a second for usage, the pipe that
  allows an error to follow (both together 0.86 × in a Worker that does nothing else: \`node bench/variants.mjs --streams\`), 1 µs a chunk for what is read of it, and in
  streams of 400 chunks the request itself, which has as much to do as 100 of their chunks. Where something must be removed or translated (a caller who did not ask for usage, another
  dialect), every chunk is read before it is forwarded, and \`javascript-reader\` is the limit. So it is where the provider has a key and is not the API of a
  known seller, because every chunk is searched for the key: the search itself takes 0.12 µs for a chunk of 291 bytes and 0.2 ms for an
  answer of 96 KB with many escapes (one key, native, one core of this machine), reading the chunk takes the rest. The bench upstream
  is declared \`discreet_streams\`, as sellers' APIs are; \`stream-flood-c50-unasked\` shows the other kind. What comes within 5 ms after a write is
  written together, which is why reading, translating and writing costs no more than reading alone.
- **Messages.** Every message of a new history is parsed, hashed and archived once; the same bytes in one message are
  less work. A continued conversation archives only new messages. A history that the isolate does not know is looked up in D1 while the
  upstream works, and an answer waits for that at most 100 ms longer than for its upstream. The bench upstream answers at once, so that all of the look-up is
  in the latency there; one that takes 20 ms hides it (*How it grows*).
- **Size.** The token vocabularies and their code are 1.4 MiB of it, gzipped. Every dialect, the admin API and the consumer of the queue are in one module. A second Worker for what is not asked by callers would
  halve what an isolate loads, at the price of a second deployment. The Worker's own crate is compiled for size. If \`crates/core\` were, too, the module
  would be 11 % smaller (5.31 MiB gzipped) and its script would start in three quarters of the time, but every small request would take 3 % more
  (1.03 [1.02..1.09] ×, 11 rounds of 0.8 s in turns on 2026-11-30), so it is not.`;

const LIMITS = `## What the numbers do not say

- This is workerd on one small machine with four processes on its cores, not Cloudflare's network: no TLS, no distance, no
  second isolate. Absolute rates here are those of one thread.
- An upstream that answers at once is the worst case for a ratio. A model that takes a second hides a millisecond; what a
  gateway adds is in the columns *added*.
- The work of D1, R2, KV and the queue after an answer is not part of the gateway's processor time, as in production, where it
  costs money instead: see *what a request uses*. They share the machine's cores with it here. Durable Objects are
  simulated in the Worker's own thread, their files in memory.
- D1 is no further away than the next process here. On a warm isolate a caller does not wait for it.
- A flood of chunks of one word each, as fast as they are taken, is no model's behaviour; \`stream-paced\` is closer to it.
- Every request opens a new conversation, or comes with a history that the gateway has never seen (a prompt of 100 KB has 51
  turns). In practice most later turns continue a known conversation; *what a request uses* has both.
- A stream's first byte is that of the chunk which names the role. It comes together with the first piece of text here. A model
  that sends it earlier gains nothing by that behind Nexus Edge, which holds it back until failover is no longer needed.
- Prompts differ by their numbers only, and answers hardly: a real mixture compresses and hashes no differently, but its tokens
  are less alike.
- The peers run as their packages come, with as little configuration as they allow. Portkey is made for workerd, but published for
  Node: its application is bundled here as bench/peers/portkey says.`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.dirname(here);
  const results = readResults(path.join(here, "results.json"));
  if (process.argv.includes("--check")) {
    const found = existsSync(pageOf(root)) ? readFileSync(pageOf(root), "utf8") : "";
    if (found !== renderPage(results)) {
      console.error("docs/performance.md is not what bench/results.json gives: run `node bench/page.mjs`");
      process.exitCode = 1;
    }
  } else {
    console.log(`written to ${path.relative(process.cwd(), writePage(root, results))}`);
  }
}
