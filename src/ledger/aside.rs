//! Setting the paper ledger aside. Nothing is ever deleted.

use std::path::{Path, PathBuf};

use super::{KIND, LEDGER_FILE, LedgerError, OUTBOX_FILE, PAPER, PAPER_VENUE_FILE, read, store};

/// Folders that one state directory may collect: when there are more, a person should tidy up.
const MAX_SET_ASIDE: u32 = 10_000;
/// What SQLite keeps next to a file.
const COMPANIONS: [&str; 3] = ["", "-wal", "-shm"];

/// Moves the ledger, the paper venue's file and the outbox of a state directory into a new folder
/// `set-aside-<n>` of it, and returns that folder. The caller holds the directory's lock. A ledger of real
/// trading is refused; a damaged one is not, since it cannot say what it is.
pub fn set_aside(dir: &Path) -> Result<PathBuf, LedgerError> {
    refuse_live(dir)?;
    let aside = new_folder(dir)?;
    for file in [LEDGER_FILE, PAPER_VENUE_FILE, OUTBOX_FILE] {
        for companion in COMPANIONS {
            let name = format!("{file}{companion}");
            let from = dir.join(&name);
            match std::fs::rename(&from, aside.join(&name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(LedgerError::io(&from, &error));
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
    Ok(aside)
}

fn refuse_live(dir: &Path) -> Result<(), LedgerError> {
    let path = KIND.path(dir);
    let mode = store::open_for_reading(dir, &KIND).and_then(|db| read::meta(&db, &path, "mode"));
    match mode {
        Ok(mode) if mode != PAPER => {
            Err(LedgerError::Foreign { path, field: "mode", found: mode, asked: PAPER.to_owned() })
        }
        Ok(_) | Err(LedgerError::Absent { .. } | LedgerError::Damaged { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn new_folder(dir: &Path) -> Result<PathBuf, LedgerError> {
    std::fs::create_dir_all(dir).map_err(|error| LedgerError::io(dir, &error))?;
    for n in 1..=MAX_SET_ASIDE {
        let folder = dir.join(format!("set-aside-{n}"));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(LedgerError::io(&folder, &error)),
        }
    }
    Err(LedgerError::Unwritable {
        path: dir.to_owned(),
        why: format!("it holds {MAX_SET_ASIDE} set-aside folders already: delete some"),
    })
}
