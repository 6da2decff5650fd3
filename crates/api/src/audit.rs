//! The audit log: who did what in the admin API.

use nexus_edge_core::access::audit::Entry;
use nexus_edge_core::access::audit::head::Head;
use serde::Serialize;
use serde_json::Value;

use crate::declare::operations;

operations! {
    "Audit";

    /// Search the audit log.
    ///
    /// Every operation that changes something, and every refusal of a credential or permission, the newest first. Filters
    /// are compared entry by entry, 20,000 a page: where few fit, a page may be short or empty and have a `next_cursor`.
    SEARCH: Get "/audit" ViewAudit, |it| it.number("limit", 1..=500, "Entries of a page; 50 is the default.")
        .number("from", 0..=9_007_199_254_740_991, "From when on, in milliseconds since the epoch.")
        .number("to", 0..=9_007_199_254_740_991, "Until when, in milliseconds since the epoch.")
        .text("actor", "Who did it: `admin_token`, `user:<id>`, `program:<key id>`, `unknown`.")
        .text("operation", "The operation, such as `PUT /keys/{id}`.")
        .text("target", "What it was done to.")
        .text("status", "The HTTP status of the answer.")
        .text("request_id", "The id of the request.")
        .text("cursor", "`next_cursor` of the page before.").answer::<AuditPage>(200, "A page.");

    /// Get an entry of the audit log.
    GET: Get "/audit/{seq}" ViewAudit, |it| it.answer::<AuditEntry>(200, "The entry.").errors(&[(404, "audit_entry_not_found")]);

    /// Verify the audit log.
    ///
    /// Computes the hashes of up to 20,000 entries anew and compares them with the stored ones, with each other, and with the signed
    /// heads of that stretch.
    VERIFY: Get "/audit/verify" ViewAudit, |it| it
        .number("after", 0..=9_007_199_254_740_991, "`last` of the answer before; without it from the beginning on.")
        .text("hash", "`hash` of the answer before, together with `after`.")
        .answer::<Verified>(200, "What was found.");

    /// List the signed heads of the audit log.
    ///
    /// Once an hour, if there is a new entry, the number and the hash of the last entry are signed and written to the object store,
    /// which those who write to the database do not reach by that.
    HEADS: Get "/audit/heads" ViewAudit, |it| it.answer::<Heads>(200, "The heads, and the keys that their signatures are checked with.");
}

/// A page of the audit log.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

/// An entry with its hash.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AuditEntry {
    /// What it says.
    #[serde(flatten)]
    pub entry: Entry,
    /// SHA-256 of the hash before it, a line feed, and `line`.
    pub hash: String,
    /// The entry as it is stored and hashed.
    pub line: String,
}

/// The signed heads of the audit log.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Heads {
    /// The heads, oldest first.
    pub heads: Vec<Head>,
    /// The public keys of the deployment (RFC 7517), those of former years included.
    pub keys: Vec<Value>,
}

/// The result of a check of the audit log.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Verified {
    /// Whether the entries that were checked are what was written.
    pub ok: bool,
    /// How many were checked.
    pub checked: u64,
    /// The last entry that is as it was written; 0 if none was.
    pub last: u64,
    /// Its hash.
    pub hash: String,
    /// The entry that is missing, or that shows that it or one before it was altered; `null` if all is well.
    pub broken_at: Option<u64>,
    /// How many signed heads were compared.
    pub heads: usize,
    /// The first signed head that the log contradicts, because its end was cut off or it was written anew, or whose signature is
    /// not the deployment's; `null` if there is none.
    pub broken_head: Option<Head>,
    /// Whether more entries follow.
    pub more: bool,
}
