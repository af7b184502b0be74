//! Feather, version 2: a file of Arrow IPC. Its metadata is read and written by code that is generated from Arrow's own
//! schema; the buffers between are plain numbers, which are read here. A whole Arrow library would take longer to build
//! than this crate's other dependencies together.
//!
//! Source: "Arrow Columnar Format", sections "Serialization and Interprocess Communication" and "Buffer Compression".

mod read;
mod write;

pub(super) use read::Reader;
pub(super) use write::write;

/// What a file begins with, padded to eight bytes, and ends with.
const MAGIC: &[u8; 6] = b"ARROW1";
/// What a message begins with.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Buffers begin at multiples of this, as the format recommends.
const ALIGNMENT: usize = 64;
