//! What is dumped: the tables of D1 and those of the Durable Objects.
//!
//! `crates/core/tests/tables/backed_up.rs` reads the migrations and fails for a table that is not in [`TABLES`]: a new table is
//! declared here, as dumped or with the reason why it need not be.

/// A table of D1.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its primary key.
    pub key: &'static [&'static str],
    /// The column that says when a row was changed last, in milliseconds since the epoch; `None` where rows are not changed, or do
    /// not say.
    pub changed: Option<&'static str>,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a table in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is dumped. A restore empties it first.
    Dumped,
    /// It is dumped, and it has rows without any use of the gateway, from a migration or a job: those of which this condition holds. A
    /// restore from a schema that did not have the table leaves it as it is.
    Seeded(&'static str),
    /// It is dumped. A restore fills it in a deployment that had no rows of its own, and leaves it as it is in one that goes on: what
    /// was done there, the restore included, is not undone.
    History,
    /// It is not dumped, for this reason.
    Left(&'static str),
}

const fn dumped(name: &'static str, key: &'static [&'static str]) -> Table {
    Table { name, key, changed: None, fate: Fate::Dumped }
}

const fn changing(name: &'static str, key: &'static [&'static str], changed: &'static str) -> Table {
    Table { name, key, changed: Some(changed), fate: Fate::Dumped }
}

const fn seeded(name: &'static str, key: &'static [&'static str], rows: &'static str) -> Table {
    Table { name, key, changed: None, fate: Fate::Seeded(rows) }
}

const fn history(name: &'static str, key: &'static [&'static str]) -> Table {
    Table { name, key, changed: None, fate: Fate::History }
}

const fn left(name: &'static str, reason: &'static str) -> Table {
    Table { name, key: &[], changed: None, fate: Fate::Left(reason) }
}

/// All tables, in the order in which a restore fills them: one that others refer to comes before them.
pub const TABLES: &[Table] = &[
    Table { changed: Some("updated_at"), ..seeded("providers", &["id"], "uid = 'demo'") },
    Table {
        changed: Some("updated_at"),
        ..seeded("provider_models", &["id"], "provider_id IN (SELECT id FROM providers WHERE uid = 'demo')")
    },
    changing("provider_keys", &["id"], "updated_at"),
    dumped("provider_probes", &["id"]),
    changing("logical_models", &["id"], "updated_at"),
    changing("api_keys", &["id"], "updated_at"),
    changing("users", &["id"], "updated_at"),
    dumped("passwords", &["user_id"]),
    changing("sign_in_settings", &["id"], "updated_at"),
    changing("invitations", &["id"], "updated_at"),
    changing("identity_providers", &["id"], "updated_at"),
    dumped("identities", &["issuer", "subject"]),
    dumped("passkeys", &["id"]),
    dumped("identity_keys", &["id"]),
    changing("roles", &["code"], "updated_at"),
    dumped("grants", &["user_id", "id"]),
    changing("teams", &["id"], "updated_at"),
    dumped("team_members", &["user_id", "team_id"]),
    changing("scim_clients", &["id"], "updated_at"),
    dumped("scim_users", &["user_id"]),
    dumped("scim_groups", &["team_id"]),
    changing("bridge_agents", &["owner", "agent_id"], "updated_at"),
    dumped("subject_limits", &["subject"]),
    dumped("prices", &["subject"]),
    dumped("price_table", &["id"]),
    dumped("credit_accounts", &["id"]),
    dumped("redeemed_grants", &["nonce"]),
    changing("sessions", &["key_id", "id"], "updated_at"),
    dumped("responses", &["id"]),
    dumped("cached_answers", &["name"]),
    dumped("issued_things", &["provider_uid", "id", "key_id"]),
    dumped("deleted_conversations", &["key_id", "id"]),
    changing("conversations", &["key_id", "id"], "last_seen"),
    dumped("chat_messages", &["key_id", "conversation_id", "first_id"]),
    dumped("old_messages", &["id"]),
    dumped("archive_packs", &["name"]),
    dumped("archive_erasures", &["pack", "at"]),
    seeded("archive_progress", &["name"], "true"),
    seeded("stats_totals", &["id"], "conversations = 0 AND rounds = 0"),
    dumped("stat_series", &["id"]),
    dumped("stat_rows", &["grain", "start", "series", "part"]),
    seeded("stat_progress", &["grain"], "true"),
    dumped("request_log", &["id"]),
    dumped("packs", &["kind", "hour", "id"]),
    dumped("recorded", &["id"]),
    left("active_conversations", "what went on in the last hour"),
    changing("webhooks", &["id"], "updated_at"),
    changing("guards", &["id"], "updated_at"),
    changing("mcp_servers", &["id"], "updated_at"),
    changing("toolsets", &["id"], "updated_at"),
    dumped("mcp_catalogues", &["server_id"]),
    dumped("tool_aliases", &["alias"]),
    dumped("tool_calls", &["id"]),
    dumped("agent_catalogues", &["owner", "agent_id", "server"]),
    dumped("agent_tool_aliases", &["owner", "alias"]),
    dumped("system_config", &["name"]),
    dumped("system_config_history", &["id"]),
    seeded("alert_rules", &["id"], "created_at = 0"),
    dumped("alerts", &["id"]),
    dumped("notifications", &["id"]),
    dumped("notification_reads", &["user_id", "notification_id"]),
    dumped("notification_marks", &["user_id"]),
    changing("provider_submissions", &["id"], "updated_at"),
    changing("custom_presets", &["id"], "updated_at"),
    changing("probe_tasks", &["id"], "updated_at"),
    dumped("probe_runs", &["task_id", "id"]),
    dumped("metric_names", &["n"]),
    dumped("metric_totals", &["key"]),
    seeded("metric_progress", &["id"], "true"),
    history("audit_log", &["seq"]),
    left(
        "sign_in_sessions",
        "people sign in again after a restore: what was ended since must not be valid again",
    ),
    left("console_sessions", "the admin token is typed again after a restore, for the same reason"),
    left("heartbeats", "what runs by itself is seen anew"),
    left("webhook_deliveries", "what was delivered before must not be delivered again"),
    left("config_versions", "a restore raises the versions above all that were ever told to an isolate"),
    left(
        "jobs",
        "exports, backups and restores of this deployment: backups are listed from the object store",
    ),
];

/// The tables that are dumped.
pub fn dumped_tables() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().filter(|table| !matches!(table.fate, Fate::Left(_)))
}

/// The dumped table of this name.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    dumped_tables().find(|table| table.name == name)
}

/// A class of Durable Objects.
#[derive(Debug, PartialEq, Eq)]
pub struct Class {
    /// The name of its binding.
    pub binding: &'static str,
    /// Its tables, those that only grow first: name and primary key or, where one is there, the columns of an index by time.
    pub tables: &'static [(&'static str, &'static [&'static str])],
    /// The statement that lists the names of the objects, as `name`, without `ORDER BY`.
    pub names: &'static str,
}

/// The classes that are dumped. Open circuits are not: they are of the last minutes.
pub const CLASSES: &[Class] = &[
    // An account belongs to an owner or, without one, to a key. Those of deleted keys are named only where an administrator
    // changed them or a token was redeemed.
    Class {
        binding: "ACCOUNT",
        tables: &[("entries", &["at", "id"]), ("reservations", &["id"]), ("compared", &["one"])],
        names: "SELECT id AS name FROM credit_accounts UNION SELECT account FROM redeemed_grants \
            UNION SELECT COALESCE(owner, 'key:' || id) FROM api_keys",
    },
    // Addresses are left out: they are counted for a minute.
    Class {
        binding: "QUOTA",
        tables: &[("counters", &["rule", "slice"]), ("slots", &["slot"])],
        names: "SELECT 'key:' || id AS name FROM api_keys UNION SELECT 'key:tool-calls:' || id FROM api_keys \
            WHERE max_tool_calls_per_day IS NOT NULL UNION SELECT 'user:' || owner FROM api_keys WHERE owner IS NOT NULL \
            UNION SELECT subject FROM subject_limits UNION SELECT 'provider:' || uid FROM providers",
    },
    Class {
        binding: "CHAT_ROOM",
        tables: &[
            ("messages", &["n"]),
            ("frames", &["seq"]),
            ("turns", &["n"]),
            ("session", &["id"]),
            ("answering", &["one"]),
            ("tickets", &["id"]),
        ],
        names: "SELECT key_id || '/' || id AS name FROM sessions",
    },
];

/// The class with this binding.
#[must_use]
pub fn class(binding: &str) -> Option<&'static Class> {
    CLASSES.iter().find(|class| class.binding == binding)
}

/// The statement for a page of names of a class. Parameters: the name after which they follow, number of names.
#[must_use]
pub fn names_after(class: &Class) -> String {
    format!("SELECT name FROM ({}) WHERE name > ?1 ORDER BY name LIMIT ?2", class.names)
}
