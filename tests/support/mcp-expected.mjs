// What the conformance suite of the Model Context Protocol finds at the gateway, and why it is so. docs/mcp.md says the same in prose.

const because = (why, scenarios) =>
  Object.fromEntries(Object.entries(scenarios).map(([scenario, checks]) => [scenario, { checks, why }]));
const all = (...scenarios) => Object.fromEntries(scenarios.map((scenario) => [scenario, "*"]));

const NOT_OFFERED_2025 = {
  ...because("a client of the legacy era is not asked: without sessions its answer has nowhere to go", {
    "tools-call-sampling": ["tools-call-sampling"],
    "tools-call-elicitation": ["tools-call-elicitation"],
    "elicitation-sep1034-defaults": ["elicitation-sep1034-general"],
    "elicitation-sep1330-enums": ["elicitation-sep1330-general"],
  }),
  ...because("subscriptions are neither offered nor announced", {
    "resources-subscribe": ["resources-subscribe"],
    "resources-unsubscribe": ["resources-unsubscribe"],
  }),
  ...because("a warning: the gateway gives no session", {
    "server-sse-multiple-streams": ["server-sse-multiple-streams-session"],
    "server-sse-polling": ["server-sse-polling-session"],
  }),
};

const NOT_OFFERED_2026 = because(
  "tasks are an extension, which does not count for the revision, and are not offered",
  all(
    "tasks-capability-negotiation",
    "tasks-dispatch-and-envelope",
    "tasks-lifecycle",
    "tasks-mrtr-composition",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-request-state-removal",
    "tasks-required-task-error",
    "tasks-wire-fields",
  ),
);

/** Warnings of `server-stateless`: the lists of a server are read every ten minutes, and the suite waits for seconds. */
const TOLD_LATER = [
  "sep-2575-server-sends-prompts-list-changed-on-subscription",
  "sep-2575-server-sends-tools-list-changed-on-subscription",
];

/** By revision, at a server that speaks the newest one. */
export const EXPECTED = {
  "2025-11-25": NOT_OFFERED_2025,
  "2026-07-28": {
    ...NOT_OFFERED_2026,
    ...because("a warning: the gateway sees later that a list of the server has changed", {
      "server-stateless": TOLD_LATER,
    }),
  },
};

/** By revision, at a server behind an agent. */
export const EXPECTED_OF_AGENT = {
  "2025-11-25": {
    ...NOT_OFFERED_2025,
    ...because("an agent is asked for log lines where the client asked for progress or a level", {
      "tools-call-with-logging": ["tools-call-with-logging"],
    }),
  },
  "2026-07-28": {
    ...NOT_OFFERED_2026,
    ...because("an agent is a client of its own: its server sees what the agent can do, which has no roots", {
      "input-required-result-basic-list-roots": ["sep-2322-list-roots-incomplete"],
      "input-required-result-multiple-input-requests": ["sep-2322-multiple-inputs-incomplete"],
      "input-required-result-capability-check": ["sep-2322-respect-client-capabilities"],
      "server-stateless": [
        "sep-2575-server-rejects-undeclared-capability",
        "sep-2575-missing-capability-http-400",
        ...TOLD_LATER,
      ],
    }),
  },
};
