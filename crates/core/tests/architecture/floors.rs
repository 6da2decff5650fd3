//! The floors of the crates as data, lowest first.
//!
//! A floor lists rooms. A room is a module and everything below it that is not listed as a room of its own. A room imports
//! only from lower floors and from itself: rooms of one floor do not import each other.

/// A folder of sources with its floors and the exceptions from them.
pub struct House {
    /// The crate's folder, from the root of the workspace.
    pub folder: &'static str,
    pub floors: &'static [Floor],
    /// The list only gets shorter.
    pub exceptions: &'static [Exception],
}

const fn house(folder: &'static str, floors: &'static [Floor]) -> House {
    House { folder, floors, exceptions: &[] }
}

/// All crates of the workspace. A test compares the list with the workspace.
pub const HOUSES: &[House] = &[
    house(".", WORKER),
    house("crates/alerts", ALERTS),
    house("crates/allocator", ONE_FILE),
    house("crates/api", API),
    house("crates/backups", BACKUPS),
    house("crates/bridge", BRIDGE),
    house("crates/core", CORE),
    house("crates/counting", COUNTING),
    house("crates/exports", EXPORTS),
    house("crates/failover", FAILOVER),
    house("crates/guards", GUARDS),
    house("crates/hash", ONE_FILE),
    house("crates/identity", IDENTITY),
    house("crates/mcp", MCP),
    house("crates/openapi", ONE_FILE),
    house("crates/packs", PACKS),
    house("crates/prices", PRICES),
    house("crates/scim", SCIM),
    house("crates/signatures", SIGNATURES),
    house("crates/sse", SSE),
    house("crates/stats", STATS),
    house("crates/telemetry", TELEMETRY),
    house("crates/tokens", TOKENS),
    house("crates/toolloop", TOOLLOOP),
    house("crates/tunnel", TUNNEL),
];

/// A floor: its rooms.
pub type Floor = &'static [&'static str];

/// An import that breaks the rule and is to be removed.
pub struct Exception {
    /// The importing module.
    pub from: &'static str,
    /// The imported module.
    pub to: &'static str,
    /// Why it is there, and what removes it.
    pub reason: &'static str,
}

/// `crates/core/src`.
const CORE: &[Floor] = &[
    &["bounded", "eight_bytes", "hash"],
    &["error", "http", "id", "logging", "naming", "outbox", "row", "secrets", "sse", "time", "tokens"],
    &["aws", "json", "settings", "stats"],
    &["input"],
    &["dialect::operation"],
    &["dialect::canonical", "dialect::caller", "dialect::model_list"],
    &["dialect::pipe", "dialect::signature_origin", "dialect::upstream"],
    &["dialect::veil"],
    &["dialect::listener", "dialect::references", "dialect::tap", "dialect::stream_translation"],
    &[
        "dialect::anthropic",
        "dialect::cohere",
        "dialect::dashscope",
        "dialect::gemini",
        "dialect::openai",
        "dialect::responses",
    ],
    // Variants of a dialect of the floor below.
    &["dialect::bedrock", "dialect::dify", "dialect::workers_ai"],
    &["dialect::registry"],
    &["dialect::inbound", "dialect::native", "dialect::transcript"],
    &["dialect"],
    &["provider"],
    &["limits"],
    &["access"],
    &["catalog"],
    &["billing", "chat", "conversation", "demo"],
    &["routing"],
    &["lifecycle::limits", "lifecycle::probe_task", "lifecycle::suite"],
    &["lifecycle::submission"],
    &["lifecycle"],
    &["lib"],
];

/// A crate without modules.
const ONE_FILE: &[Floor] = &[&["lib"]];

/// `crates/alerts/src`.
const ALERTS: &[Floor] = &[
    &["delivery", "post", "state"],
    &["alert", "plan"],
    &["event", "measured"],
    &["budgets", "round"],
    &["lib"],
];

/// `crates/bridge/src`.
const BRIDGE: &[Floor] = &[
    &["http"],
    &["config", "log", "machine", "masking", "out", "process"],
    &["cli", "files", "import", "service"],
    &["server"],
    &["agent"],
    &["control", "link", "serve"],
    &["commands"],
    &["lib"],
    &["main"],
];

/// `crates/failover/src`.
const FAILOVER: &[Floor] = &[
    &["failed", "health", "trail"],
    &["platform", "rounds"],
    &["after_response", "serve", "settlement"],
    &["lib"],
];

/// `crates/guards/src`.
const GUARDS: &[Floor] = &[
    &["detector", "document", "framing", "guard"],
    &["credentials", "phrases", "vault", "whole", "words"],
    &["rules"],
    &["scanner"],
    &["content", "external", "spoken", "trial"],
    &["stream"],
    &["lib"],
];

/// `crates/mcp/src`.
const MCP: &[Floor] = &[
    &["glob", "http_address", "json", "text"],
    &["naming", "rpc", "schema"],
    &["version"],
    &["method"],
    &["address", "catalogue", "envelope"],
    &["elicitation", "headers"],
    &["client", "mrtr", "progress", "reference", "server", "trust"],
    &["kept", "listen", "notes", "toolset"],
    &["lib"],
];

/// `crates/toolloop/src`.
const TOOLLOOP: &[Floor] = &[
    &["json", "limits", "tool", "usage"],
    &["named", "result", "search"],
    &["offer"],
    &["merge"],
    &["note", "request"],
    &["machine"],
    &["offered", "session"],
    &["lib"],
];

/// `crates/packs/src`.
const PACKS: &[Floor] =
    &[&["blank", "damage", "layout", "name"], &["manifest"], &["builder", "lookup"], &["descent"], &["lib"]];

/// `crates/identity/src`.
const IDENTITY: &[Floor] = &[
    &["base64url", "cookie", "csrf", "email", "image", "mail", "policy", "throttle"],
    &["flow", "link", "mac", "registration"],
    &["console", "password", "session"],
    &["token"],
    &["passkey", "user_info"],
    &["oidc", "service"],
    &["lib"],
];

/// `crates/scim/src`.
const SCIM: &[Floor] = &[
    &["problem", "schema"],
    &["filter", "page", "version"],
    &["resource", "user"],
    &["discovery", "group", "matching", "view"],
    &["patch"],
    &["lib"],
];

/// `crates/api/src`.
const API: &[Floor] = &[
    &["agent_calls", "agent_refusals", "archived_message", "money", "operation", "scim_resource"],
    &["document::alike", "document::collected", "document::errors"],
    &["document::describe"],
    &["document"],
    &["declare", "parameters"],
    &[
        "alerts",
        "audit",
        "backups",
        "chat",
        "configuration",
        "conversations",
        "credits",
        "dead_letters",
        "exports",
        "guards",
        "health",
        "limits",
        "logical_models",
        "mcp",
        "metrics",
        "models",
        "notifications",
        "passthrough",
        "presets",
        "prices",
        "probe_tasks",
        "provider_health",
        "provider_keys",
        "provider_models",
        "providers",
        "responses",
        "roles",
        "routing",
        "scim",
        "secret_key",
        "setup",
        "sockets",
        "stats",
        "submissions",
        "system",
        "system_config",
        "teams",
        "tokens",
        "tool_calls",
        "toolsets",
        "users",
        "webhooks",
    ],
    &["bridge", "console", "identity_providers", "keys", "profile", "registration", "sessions", "sign_in"],
    &["passkeys", "recovery", "scim_clients", "sign_in_with"],
    &["lib"],
];

/// `crates/backups/src`.
const BACKUPS: &[Floor] =
    &[&["line", "manifest", "retention", "tables"], &["dump", "restore", "tally"], &["lib"]];

/// `crates/counting/src`.
// The root has the type of a count, and is imported by the rest.
const COUNTING: &[Floor] =
    &[&["lib", "image_size"], &["media", "tokenizer"], &["answer", "request"], &["api", "usage"]];

/// `crates/exports/src`.
const EXPORTS: &[Floor] = &[&["checksum", "csv", "format", "link"], &["writer"], &["statistics"], &["lib"]];

/// `crates/sse/src`.
const SSE: &[Floor] = &[&["share", "writer"], &["reader"], &["lib"]];

/// `crates/stats/src`.
const STATS: &[Floor] = &[
    &["compared", "delivery", "exemplar", "grain", "operation", "recorded", "series", "sketch", "zone"],
    &["counters", "data_point", "extra", "queue_lag", "scope", "window"],
    &["query", "rollup"],
    &["totals"],
    &["batch", "conversations", "figures", "merging", "sql"],
    &["condition", "group", "scan"],
    &[
        "answer",
        "breakdown",
        "compaction",
        "latency",
        "moving",
        "pages",
        "per_key",
        "providers",
        "request_log",
    ],
    &["live", "log_row", "tool_calls"],
    &["call_end", "message"],
    &["lib"],
];

/// `crates/prices/src`.
const PRICES: &[Floor] = &[
    &["dimension", "names", "table"],
    &["peak", "plan"],
    &["rates"],
    &["price"],
    &["row"],
    &["built_in", "find", "parse"],
    &["lib"],
];

/// `crates/signatures/src`.
const SIGNATURES: &[Floor] = &[
    &["key", "structured"],
    &["digest", "request"],
    &["component"],
    &["parameters"],
    &["base"],
    &["sign", "verify"],
    &["lib"],
];

/// `crates/telemetry/src`.
const TELEMETRY: &[Floor] = &[
    &["budget", "circuit", "names", "sql", "traceparent"],
    &["totals", "trace"],
    &["families"],
    &["exposition", "otlp"],
    &["lib"],
];

/// `crates/tokens/src`.
const TOKENS: &[Floor] = &[&["encoding"], &["bpe", "model"], &["chat"], &["lib"]];

/// `crates/tunnel/src`.
const TUNNEL: &[Floor] =
    &[&["backlog", "limits", "told", "tools"], &["frame", "part"], &["agent", "hub"], &["lib"]];

/// `src`.
const WORKER: &[Floor] = &[
    &["platform"],
    &["settings"],
    &["host"],
    // The circuits object reads the versions for all isolates.
    &["objects::copy", "objects::nonces", "store::versions"],
    &["objects::account", "objects::agent_hub", "objects::circuits", "objects::quota"],
    // Tells through the circuits that requests are watched.
    &["objects::live"],
    // What stores and objects need of a request is passed to them: they do not know the exchange.
    &["store"],
    &["exports"],
    &["exchange"],
    &["envelope"],
    &["pipeline::ask", "pipeline::failed", "pipeline::limiter", "pipeline::recognise", "pipeline::signed_in"],
    &[
        "pipeline::admission",
        "pipeline::guard",
        "pipeline::identity_services",
        "pipeline::mail",
        "pipeline::page",
        "pipeline::transport",
    ],
    &["pipeline::mcp", "pipeline::service_account", "pipeline::workers_ai"],
    &["pipeline::admit", "pipeline::cache", "pipeline::upload", "pipeline::upstream_health"],
    &[
        "pipeline::authenticate",
        "pipeline::directory",
        "pipeline::record",
        "pipeline::resolve",
        "pipeline::signed_request",
        "pipeline::upstream",
    ],
    &[
        "pipeline::after_response",
        "pipeline::dify_app",
        "pipeline::failover",
        "pipeline::inside",
        "pipeline::ownership",
        "pipeline::person",
        "pipeline::received",
        "pipeline::rounds",
    ],
    &["pipeline::native_responses", "pipeline::probe", "pipeline::settle"],
    &["pipeline::translate"],
    &["pipeline::count", "pipeline::stream_relay"],
    &["pipeline::attempt"],
    &["pipeline::relay", "pipeline::tool_loop"],
    &["pipeline::forward"],
    &["pipeline"],
    // A chat room runs its turns through the pipeline like any other caller.
    &["jobs", "objects"],
    &["api"],
    &["routes"],
    &["dispatch"],
    &["lib"],
];
