//! Bars that were read once, kept by column; see [`feed::cache`](super::super::cache).

use std::fs;
use std::io::Write;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::super::FeedError;
use super::super::cache::{Cache, Shelf, key, make_room};
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
/// 4 GiB are 90 million bars, which are 170 years of minutes.
const SHELF: Shelf = Shelf { folder: "bars", ending: "cols", most_bytes: 4 << 30 };

/// A file as it was read: its rows, and a number that stands for its contents.
#[derive(Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) rows: Vec<Row>,
    pub(super) fingerprint: u64,
}

/// Reads a file of bars, from the cache if it is kept there.
pub(super) fn read(cache: &Cache, path: &Path, file: u16) -> Result<Kept, FeedError> {
    let fresh = || Ok(Kept { rows: rows::read(path, file)?, fingerprint: lines::fingerprint(path)? });
    let Some(place) = cache.place(SHELF, path) else { return fresh() };
    let key = key(path).map_err(|error| FeedError::io(path, error))?;
    match fs::read(&place) {
        Ok(bytes) => match decode(&bytes, key, file) {
            Ok(Some(kept)) => return Ok(kept),
            Ok(None) => {}
            Err(why) => cache.tell(format!("{}: {why}; the bars are read anew", place.display())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => cache.tell(format!("{}: {error}; the bars are read anew", place.display())),
    }
    let kept = fresh()?;
    if let Err(error) = store(&place, key, &kept) {
        cache.tell(format!("the bars are not kept for the next time: {error}"));
    }
    Ok(kept)
}

fn store(place: &Path, key: u64, kept: &Kept) -> Result<(), ColumnsError> {
    let io = |error| ColumnsError::Io { path: place.to_owned(), error };
    place.parent().map_or(Ok(()), fs::create_dir_all).map_err(io)?;
    let bytes = encode(key, kept);
    if bytes.len() as u64 > SHELF.most_bytes {
        return Ok(());
    }
    make_room(SHELF, place, bytes.len() as u64).map_err(io)?;
    replace(place, |file| file.write_all(&bytes).map_err(io))
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
        let first = read(&cache, &source, 3).unwrap();
        assert_eq!(first, read(&Cache::off(), &source, 3).unwrap());
        let kept = files();
        assert_eq!(kept.len(), 1);
        // That it is read from there is seen by changing what is there, checksum and all.
        let other = Kept { rows: vec![Row { volume: 77, ..first.rows[0] }], fingerprint: 5 };
        fs::write(&kept[0], encode(key(&source).unwrap(), &other)).unwrap();
        assert_eq!(read(&cache, &source, 3).unwrap(), other);
        assert_eq!(read(&cache, &source, 4).unwrap().rows[0].file, 4);

        fs::write(&source, BARS.replace("10", "11")).unwrap();
        let second = read(&cache, &source, 3).unwrap();
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
        let good = read(&cache, &source, 0).unwrap();
        let place = fs::read_dir(folder.path().join("cache/bars")).unwrap().next().unwrap().unwrap().path();
        let bytes = fs::read(&place).unwrap();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x10;
            fs::write(&place, &bad).unwrap();
            assert_eq!(read(&cache, &source, 0).unwrap(), good, "byte {at}");
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
        assert_eq!(read(&cache, &source, 0).unwrap().rows.len(), 2);
        assert!(cache.notices().iter().any(|notice| notice.contains("not kept")));
    }
}
