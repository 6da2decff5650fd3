//! Packs: many rows of text as one object of an object store, in compressed blocks that can be read one by one.
//!
//! A pack is gzip members, one after the other. Each is a block of lines, so the whole object is an ordinary `.ndjson.gz`
//! that `zcat` reads, and each block can be read by a range request. Its manifest says where the blocks are, which keys they
//! hold, and the SHA-256 of each and of the whole: damage is found, never read as fewer rows.
//!
//! Nothing here compresses, reads or writes; the caller does, between two calls:
//!
//! ```text
//! writing   blocks = layout::blocks(rows, BLOCK_BYTES)?          rows in any order, each with a key
//!           pack = Builder::new(kind, from_ms, to_ms)
//!           for block in blocks { pack.push(&block, &gzip(block.text)) }
//!           let pack = pack.finish()                             pack.bytes and pack.manifest
//!           put Name::new(kind, from_ms, id).pack()      <- pack.bytes
//!           put Name::new(kind, from_ms, id).manifest()  <- pack.manifest.to_json()
//! reading   manifest = Manifest::read(bytes)?
//!           for range in lookup::ranges(manifest.between(first, last), GAP) {
//!             bytes = get the range of the object
//!             for (block, member) in range.members(&bytes)? {    lengths and checksums are compared
//!               for line in block.lines(&gunzip(member))? { … }  the number of rows is compared
//!             }
//!           }
//! ```
//!
//! A row that is part of two packs, because a move was cut off and repeated, is one row: [`layout::blocks`] keeps the first of
//! equal keys.

pub mod blank;
pub mod builder;
pub mod damage;
pub mod descent;
pub mod layout;
pub mod lookup;
pub mod manifest;
pub mod name;
