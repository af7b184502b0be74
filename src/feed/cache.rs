//! What was read once from a file, kept so that the next start has it at once.
//!
//! A file of the cache stands for one source as it lay on the disk: by its place, inode, size, and the instants of its
//! last changes. What does not match, or has a checksum that is wrong, is read anew. A cache that cannot be written costs
//! time and nothing else, and is told of.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

/// Where things are kept, if anywhere. Copies share what is to be told.
#[derive(Clone, Default)]
pub struct Cache {
    folder: Option<PathBuf>,
    notices: Arc<Mutex<Vec<String>>>,
    watch: Option<Arc<Watch>>,
}

/// Who hears how many events of which file were read into the cache so far.
type Watch = dyn Fn(&Path, u64) + Send + Sync;

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// One kind of things that are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shelf {
    /// Its subfolder, so that nothing else is ever removed.
    pub(super) folder: &'static str,
    /// Its files end so.
    pub(super) ending: &'static str,
    /// They are kept below this together.
    pub(super) most_bytes: u64,
}

impl Cache {
    /// None: every file is read anew.
    pub fn off() -> Cache {
        Cache::default()
    }

    /// Below a folder, which is made when it is needed.
    pub fn at(folder: PathBuf) -> Cache {
        Cache { folder: Some(folder), ..Cache::default() }
    }

    /// The same, with somebody who hears how many events of a file were read into it so far, where that takes long.
    pub fn watched(&self, watch: impl Fn(&Path, u64) + Send + Sync + 'static) -> Cache {
        Cache { watch: Some(Arc::new(watch)), ..self.clone() }
    }

    /// What people should hear of, since it was last asked for: damage that was found, and why nothing could be kept.
    pub fn notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn tell(&self, notice: String) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
    }

    pub(super) fn progress(&self, source: &Path, events: u64) {
        if let Some(watch) = &self.watch {
            watch(source, events);
        }
    }

    /// Where a source is kept on a shelf, if anything is kept.
    pub(super) fn place(&self, shelf: Shelf, source: &Path) -> Option<PathBuf> {
        let name = xxh3_64(whole(source).as_bytes());
        Some(self.folder.as_ref()?.join(shelf.folder).join(format!("{name:016x}.{}", shelf.ending)))
    }
}

/// A number that is another one as soon as the source is another one. It has to be asked for before the source is read, so
/// that one which changes meanwhile is not taken for what it was.
pub(super) fn key(source: &Path) -> std::io::Result<u64> {
    let meta = fs::metadata(source)?;
    let parts = [meta.dev(), meta.ino(), meta.size()].map(|part| part as i64);
    let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
    let words: Vec<u8> = parts.into_iter().chain(times).flat_map(i64::to_le_bytes).collect();
    Ok(xxh3_64(&[words.as_slice(), whole(source).as_bytes()].concat()))
}

fn whole(path: &Path) -> String {
    let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    whole.to_string_lossy().into_owned()
}

/// Removes from the shelf of `place` what was written longest ago, until `wanted` bytes there are within its bound.
pub(super) fn make_room(shelf: Shelf, place: &Path, wanted: u64) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(place.parent().unwrap_or(place))? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.is_file() && entry.path() != place {
            files.push((meta.modified()?, meta.len(), entry.path()));
        }
    }
    files.sort();
    let mut taken: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in files {
        if taken + wanted <= shelf.most_bytes {
            break;
        }
        fs::remove_file(path)?;
        taken -= bytes;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let shelf = Shelf { folder: "", ending: "", most_bytes: 4 << 30 };
        make_room(shelf, &place("d"), 1 << 30).unwrap();
        assert!(!place("a").exists() && place("b").exists() && place("c").exists());
    }

    #[test]
    fn a_source_that_changes_has_another_key_and_the_same_place() {
        let folder = tempfile::tempdir().unwrap();
        let (source, cache) = (folder.path().join("a.csv"), Cache::at(folder.path().join("cache")));
        fs::write(&source, "one").unwrap();
        let shelf = Shelf { folder: "things", ending: "kept", most_bytes: 0 };
        let before = (key(&source).unwrap(), cache.place(shelf, &source).unwrap());
        assert_eq!(before.0, key(&folder.path().join("./a.csv")).unwrap());
        fs::remove_file(&source).unwrap();
        fs::write(&source, "two").unwrap();
        assert_ne!(key(&source).unwrap(), before.0);
        assert_eq!(cache.place(shelf, &source).unwrap(), before.1);
        assert_eq!((Cache::off().place(shelf, &source), before.1.extension().is_some()), (None, true));
    }
}
