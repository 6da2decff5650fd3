//! What a backup consists of.
//!
//! It is written last: a backup without a manifest is not there.

use std::collections::BTreeMap;
use std::fmt;

use nexus_edge_packs::damage::Damage;
use nexus_edge_packs::manifest::Manifest as Pack;
use serde::{Deserialize, Serialize};

/// The version of manifests that are written, and the only one so far.
pub const VERSION: u32 = 1;

/// The manifest of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// Its id.
    pub id: String,
    /// When it began, in milliseconds since the epoch.
    pub began_at: u64,
    /// The instant of which the tables are that fit into one statement, in milliseconds since the epoch.
    pub snapshot_at: u64,
    /// When it was complete.
    pub finished_at: u64,
    /// The name of the last migration.
    pub schema: String,
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// Objects and rows of each class of objects.
    pub objects: BTreeMap<String, Objects>,
    /// The largest id that each table with ascending ids has given away, also those of rows that were deleted.
    #[serde(default)]
    pub sequences: BTreeMap<String, u64>,
    /// Long tables whose rows were changed or deleted while they were read.
    pub moved: Vec<Moved>,
    /// The objects of the store that it consists of, in the order in which they are restored.
    pub parts: Vec<Part>,
    /// Objects of the store that belong to it and are not copied: records that have left the database.
    pub elsewhere: Vec<String>,
}

/// How much was read of a class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objects {
    /// Objects that had rows.
    pub objects: u64,
    /// Their rows.
    pub rows: u64,
}

/// A table whose rows were changed or deleted while they were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Its name.
    pub table: String,
    /// How many rows were read.
    pub read: u64,
    /// How many it had at the instant of the others.
    pub then: u64,
}

/// A part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The name of the object.
    pub object: String,
    /// What is in it.
    pub pack: Pack,
}

/// Why a manifest cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestError {
    /// It is not JSON with the members of a manifest; the reason.
    Unreadable(String),
    /// It is of this version, which is not [`VERSION`].
    Version(u32),
    /// What it says of a part contradicts itself.
    Part {
        /// The name of the object.
        object: String,
        /// What is wrong.
        damage: Damage,
    },
}

impl fmt::Display for ManifestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(reason) => write!(formatter, "the manifest cannot be read: {reason}"),
            Self::Version(version) => write!(formatter, "the manifest is of version {version}"),
            Self::Part { object, damage } => write!(formatter, "{object}: {damage}"),
        }
    }
}

impl std::error::Error for ManifestError {}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// Why it cannot be trusted.
    pub fn read(json: &[u8]) -> Result<Self, ManifestError> {
        let read: Self =
            serde_json::from_slice(json).map_err(|error| ManifestError::Unreadable(error.to_string()))?;
        if read.version != VERSION {
            return Err(ManifestError::Version(read.version));
        }
        for part in &read.parts {
            Pack::read(part.pack.to_json().as_bytes())
                .map_err(|damage| ManifestError::Part { object: part.object.clone(), damage })?;
        }
        Ok(read)
    }

    /// The manifest as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Numbers and texts can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Rows of all tables and objects.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.values().sum::<u64>() + self.objects.values().map(|objects| objects.rows).sum::<u64>()
    }

    /// Bytes of all parts.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.pack.bytes).sum()
    }
}
