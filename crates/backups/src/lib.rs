//! Backups: every table of D1 that cannot be recomputed, and the Durable Objects that hold balances, quotas and sessions.
//!
//! A backup is packs of `nexus_edge_packs` in an object store and a [`manifest`] that names them, with counts, checksums and the
//! version of the schema. Its rows stand in [`mod@line`]s, each a page of one table:
//!
//! ```text
//! {"table":"api_keys","columns":["id","name",…],"rows":[["k1","Ada",…],…]}
//! {"class":"ACCOUNT","name":"ada","table":"entries","columns":["id","at",…],"rows":[…]}
//! ```
//!
//! # What is consistent
//!
//! D1 has no transaction that outlives a call, but a batch of statements is one. So tables of up to [`dump::PAGE`] rows are all
//! read in one batch: they are of one instant, [`manifest::Manifest::snapshot_at`]. Longer ones are read before it, by primary
//! key; the batch then reads what was added behind the last key, what was changed meanwhile where a table says when its rows were
//! changed, and the number of rows. Where that number is not that of the rows that were read, the manifest says so
//! ([`manifest::Manifest::moved`]): a table from which retention deletes, or to which a late event was added before the place that
//! was read.
//!
//! Objects are read after the tables. All of an object that fits into one answer is of one instant. Of a longer one, the tables
//! that only grow come first, and what is left of them comes with the rest, in the last answer.
//!
//! [`tables`] lists what is dumped, [`dump`] decides what is read next, [`tally`] counts what was read, [`restore`] makes the statements
//! that write it, [`retention`] says which backups are kept. Nothing here reads, writes or compresses.

pub mod dump;
pub mod line;
pub mod manifest;
pub mod restore;
pub mod retention;
pub mod tables;
pub mod tally;
