//! A file's blocks of events in the cache: written once when the file is first read, then read from one after the other.
//!
//! A head binds it to its source, each block has a checksum that knows its place, and the end says how many blocks there are:
//! what is cut off, turned over or put elsewhere is noticed before it is believed.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::block::{Block, MAX_BYTES};
use super::source::Plain;
use crate::columns::{ColumnsError, replace};
use crate::feed::FeedError;
use crate::feed::cache::{Shelf, make_room};

/// Of the layout, and of how files are read: another version is another cache.
const VERSION: u64 = 1;
const MAGIC: &[u8; 8] = b"LTLTICKS";
/// Magic, version, key, fingerprint, checksum.
const HEAD_BYTES: usize = 5 * 8;
/// Number of blocks, checksum.
const END_BYTES: usize = 2 * 8;
/// Bytes of a block, its checksum.
const LABEL_BYTES: usize = 4 + 8;
/// A busy market's trades and best prices take some five to fifteen bytes each: 16 GiB are more than a billion of them.
pub(super) const SHELF: Shelf = Shelf { folder: "ticks", ending: "ticks", most_bytes: 16 << 30 };
/// A read of this size keeps the system calls rare.
const BUFFER_BYTES: usize = 256 << 10;

const DAMAGED: &str = "it is damaged";

/// Why nothing was kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKept {
    /// The source has a fault, which is told where it is come to.
    #[error(transparent)]
    Source(#[from] FeedError),
    /// The cache cannot be written.
    #[error(transparent)]
    Cache(#[from] ColumnsError),
    /// It would fill the cache by itself.
    #[error("it would take more than the {} GiB that are kept", SHELF.most_bytes >> 30)]
    TooLarge,
}

/// Keeps all blocks of a source. `progress` hears how many events there were so far.
pub(super) fn keep(
    place: &Path,
    key: u64,
    fingerprint: u64,
    source: &mut Plain,
    progress: impl Fn(u64),
) -> Result<(), NotKept> {
    let io = |error| NotKept::Cache(ColumnsError::Io { path: place.to_owned(), error });
    place.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(io)?;
    let size = replace(place, |file| {
        file.write_all(&head(key, fingerprint)).map_err(io)?;
        let (mut block, mut bytes, mut blocks, mut events) = (Block::default(), Vec::new(), 0_u64, 0);
        let mut size = (HEAD_BYTES + END_BYTES) as u64;
        while source.next(&mut block)? {
            bytes.clear();
            block.write(&mut bytes);
            size += (LABEL_BYTES + bytes.len()) as u64;
            if size > SHELF.most_bytes {
                return Err(NotKept::TooLarge);
            }
            file.write_all(&(bytes.len() as u32).to_le_bytes()).map_err(io)?;
            file.write_all(&checksum(&bytes, key, blocks).to_le_bytes()).map_err(io)?;
            file.write_all(&bytes).map_err(io)?;
            blocks += 1;
            events += block.len() as u64;
            progress(events);
        }
        file.write_all(&end(key, blocks)).map_err(io)?;
        Ok(size)
    })?;
    make_room(SHELF, place, size).map_err(io)
}

fn head(key: u64, fingerprint: u64) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(MAGIC);
    head[8..16].copy_from_slice(&VERSION.to_le_bytes());
    head[16..24].copy_from_slice(&key.to_le_bytes());
    head[24..32].copy_from_slice(&fingerprint.to_le_bytes());
    let sum = xxh3_64_with_seed(&head[..32], 0);
    head[32..].copy_from_slice(&sum.to_le_bytes());
    head
}

fn end(key: u64, blocks: u64) -> [u8; END_BYTES] {
    let mut end = [0; END_BYTES];
    end[..8].copy_from_slice(&blocks.to_le_bytes());
    let sum = xxh3_64_with_seed(&end[..8], !key);
    end[8..].copy_from_slice(&sum.to_le_bytes());
    end
}

fn checksum(block: &[u8], key: u64, number: u64) -> u64 {
    xxh3_64_with_seed(block, key.wrapping_add(number))
}

/// What is kept of a source, being read.
#[derive(Debug)]
pub(super) struct Kept {
    file: BufReader<File>,
    key: u64,
    pub(super) fingerprint: u64,
    /// Blocks read, and blocks there are.
    read: u64,
    blocks: u64,
    bytes: Vec<u8>,
}

impl Kept {
    /// Opens what is kept of the source with this key: none if there is nothing, or it is of another state of the source.
    ///
    /// # Errors
    /// In words, when it is not believed.
    pub(super) fn open(place: &Path, key: u64) -> Result<Option<Kept>, String> {
        let file = match File::open(place) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let (mut file, mut begin, mut last) =
            (BufReader::with_capacity(BUFFER_BYTES, file), [0; HEAD_BYTES], [0; END_BYTES]);
        let mut fill = || {
            file.read_exact(&mut begin)?;
            file.seek(SeekFrom::End(-(END_BYTES as i64)))?;
            file.read_exact(&mut last)?;
            file.seek(SeekFrom::Start(HEAD_BYTES as u64))
        };
        fill().map_err(|_| DAMAGED)?;
        let word = |at: usize| u64::from_le_bytes(begin[at * 8..at * 8 + 8].try_into().unwrap_or_default());
        let (kept, fingerprint) = (word(2), word(3));
        if begin[..8] != *MAGIC || word(4) != xxh3_64_with_seed(&begin[..32], 0) {
            return Err(DAMAGED.into());
        }
        if word(1) != VERSION || kept != key {
            return Ok(None);
        }
        let blocks = u64::from_le_bytes(last[..8].try_into().unwrap_or_default());
        if last != end(key, blocks) {
            return Err(DAMAGED.into());
        }
        Ok(Some(Kept { file, key, fingerprint, read: 0, blocks, bytes: Vec::new() }))
    }

    /// Fills the block with what comes next; false at the end.
    ///
    /// # Errors
    /// In words, when the next block is not believed.
    pub(super) fn next(&mut self, block: &mut Block) -> Result<bool, String> {
        if self.read == self.blocks {
            block.clear();
            return Ok(false);
        }
        let mut label = [0; LABEL_BYTES];
        self.file.read_exact(&mut label).map_err(|_| DAMAGED)?;
        let (size, sum) = label.split_first_chunk::<4>().ok_or(DAMAGED)?;
        let size = u32::from_le_bytes(*size) as usize;
        if size > MAX_BYTES {
            return Err(DAMAGED.into());
        }
        self.bytes.resize(size, 0);
        self.file.read_exact(&mut self.bytes).map_err(|_| DAMAGED)?;
        if *sum != checksum(&self.bytes, self.key, self.read).to_le_bytes() || block.read(&self.bytes).is_none() {
            return Err(DAMAGED.into());
        }
        self.read += 1;
        Ok(true)
    }
}
