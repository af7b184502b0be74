//! A log file that cannot fill the disk: when it has grown to its limit it becomes `FILE.1`, that becomes
//! `FILE.2`, and the last of them is removed.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::sink::{Sink, in_chunks};

/// The file and its limits.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    limit_bytes: u64,
    files: u32,
    open: Option<(File, u64)>,
}

impl RotatingFile {
    /// Opens the file and goes on at its end. Its folder is made if it is missing. At most `files` files of
    /// `limit_bytes` each are kept.
    ///
    /// # Errors
    /// What the system says if the file cannot be opened.
    pub fn open(path: &Path, limit_bytes: u64, files: u32) -> io::Result<RotatingFile> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let mut file = RotatingFile { path: path.to_owned(), limit_bytes, files, open: None };
        file.reopen()?;
        Ok(file)
    }

    fn reopen(&mut self) -> io::Result<()> {
        let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
        let size = file.metadata()?.len();
        self.open = Some((file, size));
        Ok(())
    }

    /// Writes whole lines; a new file is begun first if they would not fit.
    fn append(&mut self, chunk: &[u8]) -> io::Result<()> {
        let size = chunk.len() as u64;
        match self.open {
            Some((_, written)) if written > 0 && written.saturating_add(size) > self.limit_bytes => self.rotate()?,
            Some(_) => {}
            None => self.reopen()?,
        }
        let Some((file, written)) = &mut self.open else { return Err(io::ErrorKind::NotFound.into()) };
        *written = written.saturating_add(size);
        file.write_all(chunk)
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.open = None;
        for age in (1..self.files).rev() {
            let older = self.aged(age);
            match fs::rename(if age == 1 { self.path.clone() } else { self.aged(age - 1) }, older) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        if self.files == 1 {
            fs::remove_file(&self.path)?;
        }
        self.reopen()
    }

    fn aged(&self, age: u32) -> PathBuf {
        let mut name = OsString::from(self.path.as_os_str());
        name.push(format!(".{age}"));
        name.into()
    }
}

impl Sink for RotatingFile {
    fn write_lines(&mut self, lines: &[Vec<u8>]) -> u64 {
        in_chunks(lines, |chunk| self.append(chunk))
    }
}
