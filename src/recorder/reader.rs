//! Reading recordings back, one block in memory at a time.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::format::{BlockHead, Entry, HEAD, Header, MAGIC, Record, record_at};
use super::{RECORDINGS_DIR, segment_number, segments_in};
use crate::protocol::SCHEMA_VERSION;
use crate::types::Instruments;

/// Why a recording, or the rest of a segment, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// There is no such recording.
    #[error("there is no recording at {}: `recordings` in the state directory holds one folder a session", .path.display())]
    Absent {
        /// File or folder.
        path: PathBuf,
    },
    /// Input and output failed.
    #[error("{} cannot be read: {error}", .path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is something else, or of another layout.
    #[error("segment {segment} is not a recording that this build can read")]
    NotARecording {
        /// Which.
        segment: u32,
    },
    /// Another build's records.
    #[error(
        "segment {segment} has schema version {found}, and this build reads {SCHEMA_VERSION}: replay it with the build that recorded it"
    )]
    Schema {
        /// Which.
        segment: u32,
        /// Its version.
        found: u32,
    },
    /// It ends within its header, as when the process is killed while it begins.
    #[error("segment {segment} ends within its header: nothing can be replayed from it")]
    NoHeader {
        /// Which.
        segment: u32,
    },
    /// A bit is not what was written.
    #[error("segment {segment}, record {record} is damaged: {why}")]
    Damaged {
        /// Which segment.
        segment: u32,
        /// Which record of it; the header is number 0.
        record: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// An event is missing or out of place.
    #[error("segment {segment}, record {record}: event {found} stands where event {expected} belongs")]
    Sequence {
        /// Which segment.
        segment: u32,
        /// Which record of it.
        record: u64,
        /// The number that belongs there.
        expected: u64,
        /// The number found.
        found: u64,
    },
}

/// How a segment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// In good order.
    Closed,
    /// In the middle, as a killed process leaves it. All entries before it were given.
    Cut {
        /// Bytes of an incomplete block at the end.
        lost_bytes: u64,
    },
}

/// One line of a list of recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingInfo {
    /// The session's name.
    pub session: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Segments that are still there.
    pub segments: usize,
    /// Their size on the disk.
    pub bytes: u64,
}

/// The sessions recorded in a state directory, in alphabetical order.
pub fn recordings(dir: &Path) -> Result<Vec<RecordingInfo>, RecordingError> {
    let root = dir.join(RECORDINGS_DIR);
    let failed = |error: std::io::Error| RecordingError::Io { path: root.clone(), error };
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(&root) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let folder = entry.map_err(failed)?.path();
        let Some(session) = folder.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
        if !folder.is_dir() {
            continue;
        }
        let segments = segments_in(&folder).map_err(failed)?;
        let bytes = segments.iter().filter_map(|(_, path)| path.metadata().ok()).map(|metadata| metadata.len()).sum();
        found.push(RecordingInfo { session, segments: segments.len(), bytes, folder });
    }
    found.sort_by(|a, b| a.session.cmp(&b.session));
    Ok(found)
}

/// A recorded session.
#[derive(Debug, Clone)]
pub struct Recording {
    segments: Vec<(u32, PathBuf)>,
}

impl Recording {
    /// Opens a session's folder, or one segment by itself.
    pub fn open(path: &Path) -> Result<Recording, RecordingError> {
        let failed = |error| RecordingError::Io { path: path.to_owned(), error };
        let segments = if path.is_dir() {
            segments_in(path).map_err(failed)?
        } else if path.is_file() {
            vec![(segment_number(path).unwrap_or(1), path.to_owned())]
        } else {
            Vec::new()
        };
        if segments.is_empty() {
            Err(RecordingError::Absent { path: path.to_owned() })
        } else {
            Ok(Recording { segments })
        }
    }

    /// The segments' numbers and files, in order. The oldest may have been deleted.
    pub fn files(&self) -> &[(u32, PathBuf)] {
        &self.segments
    }

    /// Opens one segment after the other.
    pub fn segments(&self) -> impl Iterator<Item = Result<Segment, RecordingError>> {
        self.segments.iter().map(|(number, path)| {
            let failed = |error| RecordingError::Io { path: path.clone(), error };
            let file = File::open(path).map_err(failed)?;
            let length = file.metadata().map_err(failed)?.len();
            Segment::read(*number, BufReader::new(file), length)
        })
    }
}

/// One segment; iterates over its entries. After an error there is nothing more.
#[derive(Debug)]
pub struct Segment<R = BufReader<File>> {
    number: u32,
    header: Box<Header>,
    blocks: Blocks<R>,
    next_seq: u64,
    over: bool,
}

impl<R: Read> Segment<R> {
    /// Reads a segment of `length` bytes up to its header.
    pub fn read(number: u32, reader: R, length: u64) -> Result<Segment<R>, RecordingError> {
        let mut blocks = Blocks::new(number, reader, length)?;
        let Some(body) = blocks.next_record()? else { return Err(RecordingError::NoHeader { segment: number }) };
        // In front of the header's fields stands its place among the kinds of records, which is 0.
        if let Some((0, rest)) = body.split_first()
            && let Ok((found, _)) = postcard::take_from_bytes::<u32>(rest)
            && found != SCHEMA_VERSION
        {
            return Err(RecordingError::Schema { segment: number, found });
        }
        let damaged = |why| RecordingError::Damaged { segment: number, record: 0, why };
        match postcard::from_bytes(body) {
            Ok(Record::Header(header)) => {
                let list = header.instruments.iter().map(|(_, instrument)| instrument.clone()).collect();
                Instruments::new(list).map_err(|_| damaged("its instruments contradict each other"))?;
                Ok(Segment { number, next_seq: header.first_seq, header, blocks, over: false })
            }
            Ok(Record::Event(_) | Record::Digest { .. } | Record::Gap { .. } | Record::End) => {
                Err(damaged("it is not a header"))
            }
            Err(_) => Err(damaged("it cannot be decoded")),
        }
    }

    /// Its number within the session, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What it begins with.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How it ended; none before its last entry was given, and after an error.
    pub fn tail(&self) -> Option<Tail> {
        self.blocks.tail
    }

    fn entry(&mut self) -> Result<Option<Entry>, RecordingError> {
        let (segment, record) = (self.number, self.blocks.record);
        let Some(body) = self.blocks.next_record()? else { return Ok(None) };
        let damaged = |why| Err(RecordingError::Damaged { segment, record, why });
        match postcard::from_bytes(body) {
            Ok(Record::Event(event)) => {
                if event.seq != self.next_seq {
                    let (expected, found) = (self.next_seq, event.seq);
                    return Err(RecordingError::Sequence { segment, record, expected, found });
                }
                self.next_seq = self.next_seq.saturating_add(1);
                Ok(Some(Entry::Event(event)))
            }
            Ok(Record::Digest { seq, digest }) => Ok(Some(Entry::Digest { seq, digest })),
            Ok(Record::Gap { count }) => Ok(Some(Entry::Gap { count })),
            Ok(Record::End) => self.blocks.end().map(|()| None),
            Ok(Record::Header(_)) => damaged("a second header"),
            Err(_) => damaged("it cannot be decoded"),
        }
    }
}

impl<R: Read> Iterator for Segment<R> {
    type Item = Result<Entry, RecordingError>;

    fn next(&mut self) -> Option<Result<Entry, RecordingError>> {
        if self.over {
            return None;
        }
        let entry = self.entry().transpose();
        self.over = !matches!(entry, Some(Ok(_)));
        entry
    }
}

/// The records of a segment, block by block.
#[derive(Debug)]
struct Blocks<R> {
    segment: u32,
    reader: R,
    /// Bytes of the file that are still unread.
    left: u64,
    packed: Vec<u8>,
    block: Vec<u8>,
    /// Where in the block the next record begins.
    at: usize,
    /// Number of the next record.
    record: u64,
    tail: Option<Tail>,
}

impl<R: Read> Blocks<R> {
    fn new(segment: u32, mut reader: R, length: u64) -> Result<Blocks<R>, RecordingError> {
        let mut magic = [0; MAGIC.len()];
        let Some(left) = length.checked_sub(MAGIC.len() as u64) else {
            return Err(RecordingError::NoHeader { segment });
        };
        reader.read_exact(&mut magic).map_err(|error| failed(segment, error))?;
        if magic != MAGIC {
            return Err(RecordingError::NotARecording { segment });
        }
        Ok(Blocks { segment, reader, left, packed: Vec::new(), block: Vec::new(), at: 0, record: 0, tail: None })
    }

    /// The next record's bytes; none at the end, be it orderly or not.
    fn next_record(&mut self) -> Result<Option<&[u8]>, RecordingError> {
        if self.at >= self.block.len() && !self.next_block()? {
            return Ok(None);
        }
        let Some((body, true)) = record_at(&self.block, self.at) else {
            return Err(self.damaged(self.record, "it fails its checksum"));
        };
        self.at = body.end;
        self.record += 1;
        Ok(Some(&self.block[body]))
    }

    /// Reads and checks the next block. `false` if the file ends before it is whole.
    fn next_block(&mut self) -> Result<bool, RecordingError> {
        if self.left < HEAD as u64 {
            return Ok(self.cut(self.left));
        }
        let mut head = [0; HEAD];
        self.fill(&mut head)?;
        if head == [0; HEAD] {
            // After a power cut a file may be as long as it was to become, with nothing written there.
            return Ok(self.cut(self.left + HEAD as u64));
        }
        let Some(head) = BlockHead::decode(&head) else {
            return Err(self.damaged(self.record, "the head of its block fails its checksum"));
        };
        if head.first_record != self.record {
            return Err(self.damaged(self.record, "its block is missing or stands elsewhere"));
        }
        if u64::from(head.packed) > self.left {
            return Ok(self.cut(self.left + HEAD as u64));
        }
        let mut packed = std::mem::take(&mut self.packed);
        packed.resize(head.packed as usize, 0);
        self.fill(&mut packed)?;
        self.block.resize(head.raw as usize, 0);
        self.at = 0;
        let unpacked = lz4_flex::block::decompress_into(&packed, &mut self.block);
        let intact =
            xxh3_64(&packed) == head.check && unpacked.as_ref().is_ok_and(|length| *length == self.block.len());
        self.packed = packed;
        if intact && !self.block.is_empty() { Ok(true) } else { Err(self.first_damaged()) }
    }

    /// Names the first record of the block that is not what was written.
    fn first_damaged(&self) -> RecordingError {
        let (mut at, mut record) = (0, self.record);
        while at < self.block.len() {
            match record_at(&self.block, at) {
                Some((body, true)) => (at, record) = (body.end, record + 1),
                Some((_, false)) | None => return self.damaged(record, "it fails its checksum"),
            }
        }
        self.damaged(self.record, "its block fails its checksum")
    }

    /// The closing record was read: nothing may come after it.
    fn end(&mut self) -> Result<(), RecordingError> {
        if self.at < self.block.len() || self.left > 0 {
            return Err(self.damaged(self.record, "it stands after the end"));
        }
        self.tail = Some(Tail::Closed);
        Ok(())
    }

    fn cut(&mut self, lost_bytes: u64) -> bool {
        self.tail = Some(Tail::Cut { lost_bytes });
        false
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RecordingError> {
        self.reader.read_exact(buffer).map_err(|error| failed(self.segment, error))?;
        self.left -= buffer.len() as u64;
        Ok(())
    }

    fn damaged(&self, record: u64, why: &'static str) -> RecordingError {
        RecordingError::Damaged { segment: self.segment, record, why }
    }
}

fn failed(segment: u32, error: std::io::Error) -> RecordingError {
    RecordingError::Io { path: super::segment_name(segment).into(), error }
}
