//! How records stand in a segment.

use std::ops::Range;

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::protocol::{Action, Event, Stamped};
use crate::types::Instruments;

/// The first bytes of a segment. The last but one is the version of this layout.
pub(super) const MAGIC: [u8; 8] = *b"LTLREC\x01\n";
/// A block is written once it holds this much: LZ4 finds its repetitions within it, and its small table covers it.
pub(super) const BLOCK_BYTES: usize = 48 << 10;
/// No record is larger; the largest is a header with its snapshot of the engine, some MiB.
pub(super) const MAX_RECORD: usize = 64 << 20;
/// A block's payload before compression: what was below the limit of a block, and one record on top.
pub(super) const MAX_RAW: usize = BLOCK_BYTES + RECORD_HEAD + MAX_RECORD;
/// Length of a block's head.
pub(super) const HEAD: usize = 32;
/// Length and checksum in front of each record.
pub(super) const RECORD_HEAD: usize = 8;
/// LZ4 does not compress further than this, so a block that claims more is damaged.
const MAX_RATIO: usize = 255;

/// What a segment begins with: everything that a replay of it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`SCHEMA_VERSION`](crate::protocol::SCHEMA_VERSION) of the build that wrote it. Stays the first field: it is
    /// read before the rest can be.
    pub schema: u32,
    /// The build.
    pub build: String,
    /// The session's name, which is its folder's.
    pub session: String,
    /// The effective configuration as TOML, secrets redacted.
    pub config: String,
    /// The session's instruments.
    pub instruments: Instruments,
    /// The engine before the first event, in postcard.
    pub snapshot: Vec<u8>,
    /// Number of the first event.
    pub first_seq: u64,
}

/// What a segment holds after its header.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// An event, as it entered the engine.
    Event(Box<Stamped<Event>>),
    /// The actions that the step returned, as [`digest_of`] sees them. A step without one returned none.
    Digest {
        /// Which step.
        seq: u64,
        /// Of its actions.
        digest: u64,
    },
    /// So many events are missing from here; the segment ends.
    Gap {
        /// How many.
        count: u64,
    },
}

/// A fingerprint of a step's actions: XXH3 of their postcard form.
///
/// # Panics
/// If an action cannot be serialised, which no action can cause: all of them are plain data.
pub fn digest_of(actions: &[Action]) -> u64 {
    xxh3_64(&postcard::to_stdvec(actions).expect("actions are plain data"))
}

/// A record to be written. The variants stand in the order of [`Record`]'s.
#[derive(Serialize)]
pub(super) enum RecordRef<'a> {
    Header(&'a Header),
    Event(&'a Stamped<Event>),
    Digest {
        seq: u64,
        digest: u64,
    },
    Gap {
        count: u64,
    },
    /// The segment was closed in good order.
    End,
}

/// A record read back.
#[derive(Deserialize)]
pub(super) enum Record {
    Header(Box<Header>),
    Event(Box<Stamped<Event>>),
    Digest { seq: u64, digest: u64 },
    Gap { count: u64 },
    End,
}

/// Records on their way to a block.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) records: u64,
    pub(super) events: u64,
}

impl Batch {
    pub(super) fn with_room() -> Batch {
        Batch { bytes: Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 8), records: 0, events: 0 }
    }

    pub(super) fn push(&mut self, record: &RecordRef<'_>) -> Result<(), postcard::Error> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; RECORD_HEAD]);
        let encoded = postcard::serialize_with_flavor(record, Appending(&mut self.bytes));
        let length = self.bytes.len() - start - RECORD_HEAD;
        if encoded.is_err() || length > MAX_RECORD {
            self.bytes.truncate(start);
            return encoded.and(Err(postcard::Error::SerializeBufferFull));
        }
        let check = record_check(&self.bytes[start + RECORD_HEAD..]);
        self.bytes[start..start + 4].copy_from_slice(&(length as u32).to_le_bytes());
        self.bytes[start + 4..start + RECORD_HEAD].copy_from_slice(&check.to_le_bytes());
        self.records += 1;
        self.events += u64::from(matches!(record, RecordRef::Event(_)));
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BLOCK_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        (self.records, self.events) = (0, 0);
    }
}

/// Serialises onto the end of a buffer that keeps its memory.
struct Appending<'a>(&'a mut Vec<u8>);

impl Flavor for Appending<'_> {
    type Output = ();
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// What stands in front of a block's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHead {
    /// Length before compression.
    pub(super) raw: u32,
    /// Length of the payload.
    pub(super) packed: u32,
    /// Number of its first record within the segment; the header is number 0.
    pub(super) first_record: u64,
    /// XXH3 of the payload.
    pub(super) check: u64,
}

impl BlockHead {
    pub(super) fn encode(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[0..4].copy_from_slice(&self.raw.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.packed.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.first_record.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.check.to_le_bytes());
        let own = xxh3_64(&bytes[..24]);
        bytes[24..].copy_from_slice(&own.to_le_bytes());
        bytes
    }

    /// `None` if it fails its own checksum or claims an impossible size.
    pub(super) fn decode(bytes: &[u8; HEAD]) -> Option<BlockHead> {
        let head = BlockHead {
            raw: u32_at(bytes, 0)?,
            packed: u32_at(bytes, 4)?,
            first_record: u64_at(bytes, 8)?,
            check: u64_at(bytes, 16)?,
        };
        let (raw, packed) = (head.raw as usize, head.packed as usize);
        let possible = raw <= MAX_RAW && raw <= packed.saturating_mul(MAX_RATIO) && packed <= max_packed(raw);
        (possible && u64_at(bytes, 24)? == xxh3_64(&bytes[..24])).then_some(head)
    }
}

/// The most that LZ4 makes of so many bytes.
pub(super) fn max_packed(raw: usize) -> usize {
    lz4_flex::block::get_maximum_output_size(raw)
}

/// Where the record that begins at `at` has its bytes, whether or not they pass their checksum; `None` if the block ends within it.
pub(super) fn record_at(block: &[u8], at: usize) -> Option<(Range<usize>, bool)> {
    let length = u32_at(block, at)? as usize;
    let check = u32_at(block, at + 4)?;
    let start = at + RECORD_HEAD;
    let body = block.get(start..start.checked_add(length)?)?;
    Some((start..start + length, record_check(body) == check))
}

/// The low half of XXH3 is plenty for one record: blocks have all of it.
fn record_check(body: &[u8]) -> u32 {
    xxh3_64(body) as u32
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}
