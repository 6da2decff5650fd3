//! The file of the book of accepted tools, which several processes of one user share.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::book::Book;
use crate::files;

/// The file, and what was last read from it.
#[derive(Debug)]
pub struct Shelf {
    path: PathBuf,
    read: Mutex<(Option<SystemTime>, Book)>,
}

/// The book cannot be read or written. The text is for people.
#[derive(Debug, Clone)]
pub struct Damaged(pub String);

impl Shelf {
    /// The book in this file. One that does not exist is empty.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, read: Mutex::new((None, Book::default())) }
    }

    /// Looks something up in the newest book.
    ///
    /// # Errors
    /// The file is damaged: then nothing is taken for accepted.
    pub fn look<T>(&self, with: impl FnOnce(&Book) -> T) -> Result<T, Damaged> {
        let mut held = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let written = std::fs::metadata(&self.path).and_then(|metadata| metadata.modified()).ok();
        if written != held.0 {
            held.1 = self.load()?;
            held.0 = written;
        }
        Ok(with(&held.1))
    }

    /// Changes the book, with no other process changing it meanwhile. `with` answers whether it changed something.
    ///
    /// # Errors
    /// The file is damaged or cannot be written.
    pub fn change(&self, with: impl FnOnce(&mut Book) -> bool) -> Result<(), Damaged> {
        let mut held = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let _lock = self.lock()?;
        let mut book = self.load()?;
        if with(&mut book) {
            files::write(&self.path, &book.write()).map_err(|error| self.damaged(&error.to_string()))?;
        }
        // The time of the file is read with the next look.
        held.0 = None;
        held.1 = book;
        Ok(())
    }

    fn lock(&self) -> Result<File, Damaged> {
        let path = self.path.with_extension("lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(|error| self.damaged(&error.to_string()))?;
        file.lock().map_err(|error| self.damaged(&error.to_string()))?;
        Ok(file)
    }

    fn load(&self) -> Result<Book, Damaged> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Book::read(&text)
                .ok_or_else(|| self.damaged("it is damaged; move it away to accept all tools anew")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Book::default()),
            Err(error) => Err(self.damaged(&error.to_string())),
        }
    }

    fn damaged(&self, why: &str) -> Damaged {
        Damaged(format!("{}: {why}", self.path.display()))
    }
}
