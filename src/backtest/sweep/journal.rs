//! What was run so far, on disk, so that a sweep that was killed goes on where it was.
//!
//! A line is a checksum and a JSON text. The first says what is swept; each other holds the result of one run. A line whose
//! checksum is wrong, as the last one of a killed process may be, counts as not written: the run is done again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::figures::Figures;

/// Of this file's form. Another form is another definition.
const FORMAT: &str = "1";

/// What is swept: each part by its name. Equal definitions give equal results, run for run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition(pub BTreeMap<String, String>);

/// Which run: over which stretch, and with which point of the space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// Which stretch of the data.
    pub stretch: Stretch,
    /// The point's number.
    pub run: usize,
}

/// A part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stretch {
    /// All of it.
    Whole,
    /// Where a window of the walk-forward chooses.
    Train(usize),
    /// Where it judges.
    Test(usize),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// With these figures.
    Figures(Box<Figures>),
    /// It could not be run, and why.
    Refused(String),
}

/// The results so far.
pub type Results = BTreeMap<Key, Ended>;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system would not read or write it.
    #[error("{}: {error}; name another file with --journal", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// Another sweep is writing it.
    #[error("{} is in use by another sweep; wait for it, or name another file with --journal", .0.display())]
    InUse(PathBuf),
    /// It is of something else.
    #[error(
        "{} holds another sweep: its {part} is {stored}, and now it is {now}; name another file with --journal, or \
         give --restart to begin anew", .path.display()
    )]
    Other {
        /// Which file.
        path: PathBuf,
        /// Which part of the definition differs.
        part: String,
        /// The stored one.
        stored: String,
        /// The one asked for.
        now: String,
    },
    /// It is not a journal.
    #[error("{} is not the journal of a sweep, or its first line is damaged; name another file with --journal, or give \
             --restart to write over it", .0.display())]
    NotOurs(PathBuf),
}

/// The journal, open and ours alone.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Lines that were found damaged.
    pub damaged: usize,
}

impl Definition {
    /// A number that stands for all parts.
    pub fn fingerprint(&self) -> u64 {
        xxh3_64(serde_json::to_string(&self.0).unwrap_or_default().as_bytes())
    }

    fn stamped(&self) -> Definition {
        let mut parts = self.0.clone();
        parts.insert("format".to_owned(), FORMAT.to_owned());
        Definition(parts)
    }
}

impl Journal {
    /// Opens a journal and reads what it holds. With `restart`, what it holds is thrown away.
    ///
    /// # Errors
    /// If it cannot be opened, is in use, or is of another definition.
    pub fn open(path: &Path, definition: &Definition, restart: bool) -> Result<(Journal, Results), JournalError> {
        let failed = |error| JournalError::Io { path: path.to_owned(), error };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        if let Err(error) = file.try_lock() {
            return Err(match error {
                std::fs::TryLockError::WouldBlock => JournalError::InUse(path.to_owned()),
                std::fs::TryLockError::Error(error) => failed(error),
            });
        }
        let mut journal = Journal { path: path.to_owned(), file, damaged: 0 };
        if restart {
            journal.file.set_len(0).map_err(failed)?;
        }
        let results = journal.read(&definition.stamped())?;
        Ok((journal, results))
    }

    /// Writes a result down. A killed process loses at most the line it was writing.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, key: Key, ended: &Ended) -> Result<(), JournalError> {
        self.append(&(key, ended))
    }

    fn read(&mut self, definition: &Definition) -> Result<Results, JournalError> {
        let path = self.path.clone();
        let failed = |error| JournalError::Io { path: path.clone(), error };
        let mut lines = BufReader::new(&self.file).split(b'\n');
        let mut results = Results::new();
        let (mut end, mut damaged) = (0_u64, 0);
        match lines.next() {
            None => {
                self.append(definition)?;
                return Ok(results);
            }
            Some(line) => {
                let line = line.map_err(failed)?;
                let stored: Option<Definition> = parse(&line);
                let stored = stored.ok_or_else(|| JournalError::NotOurs(path.clone()))?;
                differ(&path, &stored, definition)?;
                end += line.len() as u64 + 1;
            }
        }
        for line in lines {
            let line = line.map_err(failed)?;
            match parse::<(Key, Ended)>(&line) {
                Some((key, ended)) => {
                    results.insert(key, ended);
                }
                None => damaged += 1,
            }
            end += line.len() as u64 + 1;
        }
        self.damaged = damaged;
        let length = self.file.seek(SeekFrom::End(0)).map_err(failed)?;
        if end > length {
            // What follows a line that was torn off begins on a line of its own.
            self.file.write_all(b"\n").map_err(failed)?;
        }
        Ok(results)
    }

    fn append(&mut self, value: &impl Serialize) -> Result<(), JournalError> {
        let failed = |error| JournalError::Io { path: self.path.clone(), error };
        let json = serde_json::to_string(value).map_err(|error| failed(error.into()))?;
        let line = format!("{:016x} {json}\n", xxh3_64(json.as_bytes()));
        self.file.write_all(line.as_bytes()).map_err(failed)
    }
}

/// What a line says, if its checksum is right.
fn parse<T: for<'a> Deserialize<'a>>(line: &[u8]) -> Option<T> {
    let (sum, json) = line.split_at_checked(17)?;
    let sum = u64::from_str_radix(std::str::from_utf8(sum).ok()?.trim_end(), 16).ok()?;
    (sum == xxh3_64(json)).then(|| serde_json::from_slice(json).ok()).flatten()
}

fn differ(path: &Path, stored: &Definition, now: &Definition) -> Result<(), JournalError> {
    let part = stored.0.keys().chain(now.0.keys()).find(|part| stored.0.get(*part) != now.0.get(*part));
    let Some(part) = part else { return Ok(()) };
    let (one, other) = excerpt(stored.0.get(part), now.0.get(part));
    Err(JournalError::Other { path: path.to_owned(), part: part.clone(), stored: one, now: other })
}

/// Two long texts as an error shows them: each from the line at which they part.
fn excerpt(stored: Option<&String>, now: Option<&String>) -> (String, String) {
    const NONE: &str = "nothing";
    let (stored, now) = (stored.map_or(NONE, String::as_str), now.map_or(NONE, String::as_str));
    let mut pairs = stored.lines().map(Some).chain([None]).zip(now.lines().map(Some).chain([None]));
    let (one, other) = pairs.find(|(one, other)| one != other).unwrap_or((Some(stored), Some(now)));
    let cut = |line: Option<&str>| format!("`{}`", line.unwrap_or("shorter").chars().take(120).collect::<String>());
    (cut(one), cut(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(axes: &str) -> Definition {
        Definition([("axes".to_owned(), axes.to_owned()), ("data".to_owned(), "bars".to_owned())].into())
    }

    fn key(run: usize) -> Key {
        Key { stretch: Stretch::Train(2), run }
    }

    fn ended(value: f64) -> Ended {
        Ended::Figures(Box::new(Figures { sharpe: Some(value), ..Figures::default() }))
    }

    #[test]
    fn results_come_back_to_the_last_bit_and_damage_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let awkward = [0.1 + 0.2, 1.0 / 3.0, -4.9e-324, 1.797_693_134_862_315_7e308, 0.123_456_789_012_345_67];
        {
            let (mut journal, found) = Journal::open(&path, &definition("a"), false).unwrap();
            assert!(found.is_empty());
            assert!(matches!(Journal::open(&path, &definition("a"), false), Err(JournalError::InUse(_))));
            for (run, value) in awkward.into_iter().enumerate() {
                journal.write(key(run), &ended(value)).unwrap();
            }
            journal.write(key(9), &Ended::Refused("why".to_owned())).unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        let (journal, found) = Journal::open(&path, &definition("a"), false).unwrap();
        assert_eq!((found.len(), journal.damaged), (6, 0));
        for (run, value) in awkward.into_iter().enumerate() {
            assert_eq!(found[&key(run)], ended(value));
        }
        drop(journal);

        // Torn anywhere: never an error, never another result, and what is written next is found again.
        for cut in (0..whole.len()).step_by(7) {
            std::fs::write(&path, &whole[..cut]).unwrap();
            match Journal::open(&path, &definition("a"), false) {
                Ok((mut journal, some)) => {
                    assert!(some.iter().all(|(key, value)| found[key] == *value), "cut at {cut}");
                    journal.write(key(50), &ended(2.5)).unwrap();
                    drop(journal);
                    let (_, again) = Journal::open(&path, &definition("a"), false).unwrap();
                    assert_eq!((again.len(), &again[&key(50)]), (some.len() + 1, &ended(2.5)), "cut at {cut}");
                }
                Err(error) => assert!(matches!(error, JournalError::NotOurs(_)), "cut at {cut}: {error}"),
            }
        }
        // A bit that fell over in the middle costs that line alone.
        let mut bytes = whole.clone();
        let middle = whole.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let (journal, some) = Journal::open(&path, &definition("a"), false).unwrap();
        assert_eq!((some.len(), journal.damaged), (5, 1));
    }

    #[test]
    fn another_definition_is_an_error_that_names_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        drop(Journal::open(&path, &definition("fast 5 10\nslow 30"), false).unwrap());
        let error = Journal::open(&path, &definition("fast 5 10\nslow 40"), false).expect_err("another").to_string();
        for part in ["its axes is `slow 30`", "now it is `slow 40`", "--restart", "--journal"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(Journal::open(&path, &definition("b"), true).is_ok(), "a restart begins anew");
        assert!(Journal::open(&path, &definition("b"), false).is_ok());
        std::fs::write(&path, "notes of mine\n").unwrap();
        assert!(matches!(Journal::open(&path, &definition("b"), false), Err(JournalError::NotOurs(_))));
    }
}
