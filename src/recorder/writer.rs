//! Writing segments, on the caller's thread.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use lz4_flex::block::{CompressTable, compress_into_with_table};
use xxhash_rust::xxh3::xxh3_64;

use super::format::{BLOCK_BYTES, Batch, BlockHead, HEAD, Header, MAGIC, MAX_RECORD, RecordRef, max_packed};
use super::{RECORDINGS_DIR, Settings, retention, segment_name};
use crate::protocol::{Event, Stamped};

/// Sessions of one name in one state directory: a bound on the search for a free folder.
const MAX_NAMESAKES: u32 = 10_000;

/// Why nothing is recorded any more. Trading does not depend on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecorderError {
    /// The disk is full or read-only, or input and output fail.
    #[error("the recording {} cannot be written: {why}; this session is not recorded any further", .path.display())]
    Unwritable {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A record that no reader would take back.
    #[error("a record cannot be encoded ({why}); this session is not recorded any further")]
    Unencodable {
        /// What the encoder says.
        why: String,
    },
    /// The recorder's thread is gone, or did not end in time.
    #[error("the recorder's thread {0}")]
    Thread(&'static str),
    /// The session's name is not one of a folder.
    #[error("`{0}` cannot name a recording: use letters, digits, `-`, `_` and `.`, at most 100 of them")]
    Name(String),
}

/// What was recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Events written.
    pub events: u64,
    /// Events lost to gaps.
    pub lost: u64,
    /// Bytes on the disk, all segments together.
    pub bytes: u64,
    /// Segments begun.
    pub segments: u32,
}

/// A session's recorder. What fails is kept for [`Recorder::take_error`], and ends the recording, not the session.
#[derive(Debug)]
pub struct Recorder {
    batch: Batch,
    sink: Option<SegmentWriter>,
    error: Option<RecorderError>,
    /// After a gap: events lost so far. Nothing is recorded until the next segment's snapshot.
    gap: Option<u64>,
    recorded: Recorded,
    folder: PathBuf,
}

impl Recorder {
    /// Makes the session's folder in the state directory and begins its first segment. If a session of
    /// that name was recorded before, the folder gets a number at its end.
    pub fn open(dir: &Path, settings: Settings, header: Header) -> Result<Recorder, RecorderError> {
        let sink = SegmentWriter::open(dir, settings, header)?;
        let folder = sink.folder.clone();
        let recorded = Recorded { bytes: sink.written, segments: 1, ..Recorded::default() };
        Ok(Recorder { batch: Batch::with_room(), sink: Some(sink), error: None, gap: None, recorded, folder })
    }

    /// The session's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes an event and, if its step returned actions, their digest.
    pub fn record(&mut self, event: &Stamped<Event>, digest: Option<u64>) {
        if self.sink.is_none() {
            return;
        }
        if let Some(lost) = &mut self.gap {
            *lost += 1;
            return;
        }
        let pushed = push_step(&mut self.batch, event, digest);
        if pushed.is_err() || self.batch.is_full() {
            let batch = std::mem::take(&mut self.batch);
            self.batch = self.append(batch);
        }
        if let Err(error) = pushed {
            self.fail(error);
        }
    }

    /// Hands what is held in memory to the operating system. Call it at least every second of wall time.
    pub fn flush(&mut self) {
        if !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            self.batch = self.append(batch);
        }
    }

    /// Has the segment reached its size, or did it end in a gap? Then [`Recorder::rotate`] is due between two steps.
    pub fn wants_rotation(&self) -> bool {
        self.sink.as_ref().is_some_and(|sink| self.gap.is_some() || sink.is_full())
    }

    /// Closes the segment and begins the next one with a snapshot of the engine and the number of the
    /// event that comes next.
    pub fn rotate(&mut self, snapshot: Vec<u8>, first_seq: u64) {
        self.flush();
        let lost = self.gap.take().unwrap_or(0);
        let Some(sink) = &mut self.sink else { return };
        match sink.rotate(lost, snapshot, first_seq) {
            Ok(bytes) => {
                self.recorded.lost += lost;
                self.recorded.bytes += bytes;
                self.recorded.segments += 1;
            }
            Err(error) => self.fail(error),
        }
    }

    /// So many events could not be recorded. The segment ends here, and more are counted as lost until the next
    /// one begins.
    pub fn gap(&mut self, count: u64) {
        self.flush();
        self.gap = Some(self.gap.unwrap_or(0) + count);
    }

    /// Why the recording ended early. Given once.
    pub fn take_error(&mut self) -> Option<RecorderError> {
        self.error.take()
    }

    /// Closes the segment in good order.
    pub fn close(mut self) -> Result<Recorded, RecorderError> {
        self.flush();
        let lost = self.gap.take().unwrap_or(0);
        self.recorded.lost += lost;
        if let Some(sink) = &mut self.sink {
            self.recorded.bytes += sink.finish(lost)?;
        }
        self.error.map_or(Ok(self.recorded), Err)
    }

    /// Rehearses a full disk: after so many more bytes every write fails.
    pub fn rehearse_full_disk(&mut self, spare_bytes: u64) {
        if let Some(sink) = &mut self.sink {
            sink.spare = Some(spare_bytes);
        }
    }

    /// Writes a batch as one block and gives its memory back, emptied.
    pub(super) fn append(&mut self, mut batch: Batch) -> Batch {
        if let Some(sink) = &mut self.sink {
            match sink.append(&batch) {
                Ok(bytes) => {
                    self.recorded.bytes += bytes;
                    self.recorded.events += batch.events;
                }
                Err(error) => self.fail(error),
            }
        }
        batch.clear();
        batch
    }

    fn fail(&mut self, error: RecorderError) {
        self.error = Some(error);
        self.sink = None;
        self.batch = Batch::default();
    }
}

/// An event and the digest of its step.
pub(super) fn push_step(batch: &mut Batch, event: &Stamped<Event>, digest: Option<u64>) -> Result<(), RecorderError> {
    let pushed = batch.push(&RecordRef::Event(event)).and_then(|()| match digest {
        Some(digest) => batch.push(&RecordRef::Digest { seq: event.seq, digest }),
        None => Ok(()),
    });
    pushed.map_err(|error| RecorderError::Unencodable { why: error.to_string() })
}

/// The segment that is being written.
#[derive(Debug)]
struct SegmentWriter {
    settings: Settings,
    root: PathBuf,
    folder: PathBuf,
    /// Without its snapshot, which is written and let go.
    header: Header,
    number: u32,
    file: File,
    written: u64,
    records: u64,
    packed: Vec<u8>,
    table: Table,
    /// Of a rehearsal: bytes until the disk is full.
    spare: Option<u64>,
}

/// LZ4's table, which is large and worth keeping.
struct Table(CompressTable);

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Table")
    }
}

impl SegmentWriter {
    fn open(dir: &Path, settings: Settings, mut header: Header) -> Result<SegmentWriter, RecorderError> {
        let root = dir.join(RECORDINGS_DIR);
        std::fs::create_dir_all(&root).map_err(|error| unwritable(&root, &error))?;
        let folder = new_folder(&root, &mut header.session)?;
        let file = create_segment(&folder, 1)?;
        let (packed, table) = (Vec::new(), Table(CompressTable::small()));
        let (number, written, records, spare) = (1, 0, 0, None);
        let mut sink =
            SegmentWriter { settings, root, folder, header, number, file, written, records, packed, table, spare };
        sink.begin()?;
        Ok(sink)
    }

    fn is_full(&self) -> bool {
        self.written >= self.settings.segment_bytes()
    }

    /// Returns the bytes written, like its sisters below.
    fn append(&mut self, batch: &Batch) -> Result<u64, RecorderError> {
        self.packed.resize(HEAD + max_packed(batch.bytes.len()), 0);
        let packed = compress_into_with_table(&batch.bytes, &mut self.packed[HEAD..], &mut self.table.0)
            .map_err(|error| RecorderError::Unencodable { why: error.to_string() })?;
        let head = BlockHead {
            raw: batch.bytes.len() as u32,
            packed: packed as u32,
            first_record: self.records,
            check: xxh3_64(&self.packed[HEAD..HEAD + packed]),
        };
        self.packed[..HEAD].copy_from_slice(&head.encode());
        self.packed.truncate(HEAD + packed);
        let block = std::mem::take(&mut self.packed);
        let written = self.write(&block);
        self.packed = block;
        self.packed.shrink_to(2 * BLOCK_BYTES);
        self.records += batch.records;
        written
    }

    /// Ends this segment, with a gap if events were lost, and begins the next.
    fn rotate(&mut self, lost: u64, snapshot: Vec<u8>, first_seq: u64) -> Result<u64, RecorderError> {
        let closed = self.finish(lost)?;
        self.number += 1;
        self.file = create_segment(&self.folder, self.number)?;
        (self.written, self.records) = (0, 0);
        (self.header.snapshot, self.header.first_seq) = (snapshot, first_seq);
        self.begin()?;
        Ok(closed + self.written)
    }

    fn finish(&mut self, lost: u64) -> Result<u64, RecorderError> {
        let mut batch = Batch::default();
        let mut push = |record: RecordRef<'_>| {
            batch.push(&record).map_err(|error| RecorderError::Unencodable { why: error.to_string() })
        };
        if lost > 0 {
            push(RecordRef::Gap { count: lost })?;
        }
        push(RecordRef::End)?;
        let written = self.append(&batch)?;
        self.file.sync_data().map_err(|error| unwritable(&self.folder, &error))?;
        Ok(written)
    }

    /// Magic and header, once there is room for a segment.
    fn begin(&mut self) -> Result<(), RecorderError> {
        let current = self.folder.join(segment_name(self.number));
        let cap = self.settings.total_bytes().saturating_sub(self.settings.segment_bytes());
        retention::make_room(&self.root, &current, cap).map_err(|error| unwritable(&self.root, &error))?;
        self.write(&MAGIC)?;
        let mut batch = Batch::default();
        batch.push(&RecordRef::Header(&self.header)).map_err(|error| RecorderError::Unencodable {
            why: format!("{error}: header and snapshot have at most {MAX_RECORD} bytes"),
        })?;
        self.header.snapshot = Vec::new();
        self.append(&batch).map(|_| ())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<u64, RecorderError> {
        let length = bytes.len() as u64;
        if let Some(spare) = &mut self.spare {
            *spare = spare
                .checked_sub(length)
                .ok_or_else(|| unwritable(&self.folder, &std::io::Error::from(std::io::ErrorKind::StorageFull)))?;
        }
        self.file.write_all(bytes).map_err(|error| unwritable(&self.folder, &error))?;
        self.written += length;
        Ok(length)
    }
}

/// Makes a folder for the session; its name gets a number if it is taken.
fn new_folder(root: &Path, session: &mut String) -> Result<PathBuf, RecorderError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if session.is_empty() || session.len() > 100 || !session.chars().all(allowed) || session.starts_with('.') {
        return Err(RecorderError::Name(session.chars().take(100).collect()));
    }
    for n in 1..=MAX_NAMESAKES {
        let name = if n == 1 { session.clone() } else { format!("{session}-{n}") };
        let folder = root.join(&name);
        match std::fs::create_dir(&folder) {
            Ok(()) => {
                *session = name;
                return Ok(folder);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(unwritable(&folder, &error)),
        }
    }
    Err(RecorderError::Name(format!("{session} (recorded {MAX_NAMESAKES} times already)")))
}

fn create_segment(folder: &Path, number: u32) -> Result<File, RecorderError> {
    let path = folder.join(segment_name(number));
    File::create_new(&path).map_err(|error| unwritable(&path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> RecorderError {
    RecorderError::Unwritable { path: path.to_owned(), why: error.to_string() }
}
