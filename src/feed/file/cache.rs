//! Bars that were read once, kept by column so that the next start has them at once.
//!
//! A file of the cache stands for one file of bars as it lay on the disk: by its place, inode, size, and the instants of its
//! last changes. What does not match, or has a checksum that is wrong, is read anew. A cache that cannot be written costs
//! time and nothing else, and is told of.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use super::super::FeedError;
use super::rows::MAX_ROWS;
use super::series::Row;
use super::{lines, rows};
use crate::columns::{ColumnsError, replace};

/// Of the layout below, and of how files are read: another version is another cache.
const VERSION: u64 = 1;
const MAGIC: &[u8; 8] = b"LTLBARS\n";
/// Bytes of a bar: its minute, and five numbers.
const ROW_BYTES: usize = 4 + 5 * 8;
/// Words of eight bytes after the magic: version, key, fingerprint, rows, checksum.
const HEADER_BYTES: usize = 8 + 5 * 8;
/// The folder is kept below this: 90 million bars, which are 170 years of minutes.
const MAX_FOLDER_BYTES: u64 = 4 << 30;
/// The subfolder, so that nothing else is ever removed.
const FOLDER: &str = "bars";

/// Where read bars are kept, if anywhere.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    folder: Option<PathBuf>,
    notices: Arc<Mutex<Vec<String>>>,
}

/// A file as it was read: its rows, and a number that stands for its contents.
#[derive(Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) rows: Vec<Row>,
    pub(super) fingerprint: u64,
}

impl Cache {
    /// None: every file is read anew.
    pub fn off() -> Cache {
        Cache::default()
    }

    /// Below a folder, which is made when it is needed.
    pub fn at(folder: PathBuf) -> Cache {
        Cache { folder: Some(folder.join(FOLDER)), notices: Arc::default() }
    }

    /// What people should hear of, since it was last asked for: damage that was found, and why nothing could be kept.
    pub fn notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads a file of bars, from here if it is kept.
    pub(super) fn read(&self, path: &Path, file: u16) -> Result<Kept, FeedError> {
        let fresh = || Ok(Kept { rows: rows::read(path, file)?, fingerprint: lines::fingerprint(path)? });
        let Some(folder) = &self.folder else { return fresh() };
        // Asked for before the file is read, so that a file which changes meanwhile is not taken for what it was.
        let key = key(path).map_err(|error| FeedError::io(path, error))?;
        let place = folder.join(format!("{:016x}.cols", xxh3_64(path_bytes(path).as_bytes())));
        match fs::read(&place) {
            Ok(bytes) => match decode(&bytes, key, file) {
                Ok(Some(kept)) => return Ok(kept),
                Ok(None) => {}
                Err(why) => self.tell(format!("{}: {why}; the bars are read anew", place.display())),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => self.tell(format!("{}: {error}; the bars are read anew", place.display())),
        }
        let kept = fresh()?;
        if let Err(error) = store(folder, &place, key, &kept) {
            self.tell(format!("the bars are not kept for the next time: {error}"));
        }
        Ok(kept)
    }

    fn tell(&self, notice: String) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
    }
}

fn path_bytes(path: &Path) -> String {
    let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    whole.to_string_lossy().into_owned()
}

/// A number that is another one as soon as the file is another one.
fn key(path: &Path) -> std::io::Result<u64> {
    let meta = fs::metadata(path)?;
    let parts = [meta.dev(), meta.ino(), meta.size()].map(|part| part as i64);
    let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
    let words: Vec<u8> = parts.into_iter().chain(times).flat_map(i64::to_le_bytes).collect();
    Ok(xxh3_64(&[words.as_slice(), path_bytes(path).as_bytes()].concat()))
}

fn store(folder: &Path, place: &Path, key: u64, kept: &Kept) -> Result<(), ColumnsError> {
    let io = |error| ColumnsError::Io { path: folder.to_owned(), error };
    fs::create_dir_all(folder).map_err(io)?;
    let bytes = encode(key, kept);
    if bytes.len() as u64 > MAX_FOLDER_BYTES {
        return Ok(());
    }
    make_room(folder, place, bytes.len() as u64).map_err(io)?;
    replace(place, |file| file.write_all(&bytes).map_err(io))
}

/// Removes what was written longest ago until there is room.
fn make_room(folder: &Path, place: &Path, wanted: u64) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.is_file() && entry.path() != place {
            files.push((meta.modified()?, meta.len(), entry.path()));
        }
    }
    files.sort();
    let mut taken: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in files {
        if taken + wanted <= MAX_FOLDER_BYTES {
            break;
        }
        fs::remove_file(path)?;
        taken -= bytes;
    }
    Ok(())
}

fn encode(key: u64, kept: &Kept) -> Vec<u8> {
    let rows = &kept.rows;
    let mut columns = Vec::with_capacity(rows.len() * ROW_BYTES);
    columns.extend(rows.iter().flat_map(|row| row.minute.to_le_bytes()));
    let numbers: [fn(&Row) -> i64; 5] = [|r| r.open, |r| r.high, |r| r.low, |r| r.close, |r| r.volume];
    for number in numbers {
        columns.extend(rows.iter().flat_map(|row| number(row).to_le_bytes()));
    }
    let words = [VERSION, key, kept.fingerprint, rows.len() as u64];
    let header: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
    let sum = checksum(&header, &columns);
    [MAGIC.as_slice(), &header, &sum.to_le_bytes(), &columns].concat()
}

fn checksum(header: &[u8], columns: &[u8]) -> u64 {
    xxh3_64(columns) ^ xxh3_64(header).rotate_left(1)
}

/// What is kept, `None` if it is of another file or version, or why it is not believed.
fn decode(bytes: &[u8], key: u64, file: u16) -> Result<Option<Kept>, &'static str> {
    const DAMAGED: &str = "it is damaged";
    let (head, columns) = bytes.split_at_checked(HEADER_BYTES).ok_or(DAMAGED)?;
    let (magic, words) = head.split_at(MAGIC.len());
    let word = |at: usize| u64::from_le_bytes(words[at * 8..at * 8 + 8].try_into().unwrap_or_default());
    if magic != MAGIC || word(4) != checksum(&words[..32], columns) {
        return Err(DAMAGED);
    }
    if word(0) != VERSION || word(1) != key {
        return Ok(None);
    }
    let count = usize::try_from(word(3)).unwrap_or(usize::MAX);
    if count > MAX_ROWS || columns.len() != count * ROW_BYTES {
        return Err(DAMAGED);
    }
    let (minutes, numbers) = columns.split_at(count * 4);
    let column = |at: usize| numbers[at * count * 8..(at + 1) * count * 8].chunks_exact(8);
    let number = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().unwrap_or_default());
    let mut each = column(0).zip(column(1)).zip(column(2)).zip(column(3)).zip(column(4));
    let rows = minutes.chunks_exact(4).map_while(|minute| {
        let ((((open, high), low), close), volume) = each.next()?;
        let minute = u32::from_le_bytes(minute.try_into().unwrap_or_default());
        let [open, high, low, close, volume] = [open, high, low, close, volume].map(number);
        Some(Row { minute, file, open, high, low, close, volume })
    });
    Ok(Some(Kept { rows: rows.collect(), fingerprint: word(2) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARS: &str = "timestamp,open,high,low,close,volume\n60,1,2,0.5,1.5,10\n120,1.5,1.5,1.5,1.5,0\n";

    #[test]
    fn what_was_read_is_there_at_once_and_only_as_long_as_it_is_true() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("BTCUSDT_1m.csv");
        fs::write(&source, BARS).unwrap();
        let cache = Cache::at(folder.path().join("cache"));
        let files = || {
            fs::read_dir(folder.path().join("cache/bars")).unwrap().map(|one| one.unwrap().path()).collect::<Vec<_>>()
        };
        let first = cache.read(&source, 3).unwrap();
        assert_eq!(first, Cache::off().read(&source, 3).unwrap());
        let kept = files();
        assert_eq!(kept.len(), 1);
        // That it is read from there is seen by changing what is there, checksum and all.
        let other = Kept { rows: vec![Row { volume: 77, ..first.rows[0] }], fingerprint: 5 };
        fs::write(&kept[0], encode(key(&source).unwrap(), &other)).unwrap();
        assert_eq!(cache.read(&source, 3).unwrap(), other);
        assert_eq!(cache.read(&source, 4).unwrap().rows[0].file, 4);

        fs::write(&source, BARS.replace("10", "11")).unwrap();
        let second = cache.read(&source, 3).unwrap();
        assert_eq!(second.rows[0].volume, 11 * 100_000_000, "the source is of the same size, and another");
        assert_ne!(second.fingerprint, first.fingerprint);
        assert_eq!((files().len(), cache.notices()), (1, Vec::<String>::new()));
    }

    #[test]
    fn damage_is_told_of_and_never_believed() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("BTCUSDT_1m.csv");
        fs::write(&source, BARS).unwrap();
        let cache = Cache::at(folder.path().join("cache"));
        let good = cache.read(&source, 0).unwrap();
        let place = fs::read_dir(folder.path().join("cache/bars")).unwrap().next().unwrap().unwrap().path();
        let bytes = fs::read(&place).unwrap();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x10;
            fs::write(&place, &bad).unwrap();
            assert_eq!(cache.read(&source, 0).unwrap(), good, "byte {at}");
            let notices = cache.notices();
            assert!(notices.len() == 1 && notices[0].contains("it is damaged"), "byte {at}: {notices:?}");
            assert_eq!(fs::read(&place).unwrap(), bytes, "it is written anew");
        }
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length], key(&source).unwrap(), 0).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_costs_time_only() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("BTCUSDT_1m.csv");
        fs::write(&source, BARS).unwrap();
        let cache = Cache::at(source.clone());
        assert_eq!(cache.read(&source, 0).unwrap().rows.len(), 2);
        assert!(cache.notices().iter().any(|notice| notice.contains("not kept")));
    }

    #[test]
    fn room_is_made_by_removing_the_oldest() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        for (name, gib) in [("a", 2_u64), ("b", 1), ("c", 1)] {
            let file = fs::File::create(place(name)).unwrap();
            file.set_len(gib << 30).unwrap();
            // The first is the oldest.
            let written =
                std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(name.as_bytes()[0]));
            file.set_modified(written).unwrap();
        }
        make_room(folder.path(), &place("d"), 1 << 30).unwrap();
        assert!(!place("a").exists() && place("b").exists() && place("c").exists());
    }
}
