//! A bucket that is a directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::bucket::{Bucket, Entry, Trouble};

/// It exists when its directory does.
#[derive(Debug, Clone)]
pub(super) struct Folder(pub PathBuf);

impl Folder {
    fn path(&self, key: &str) -> Result<PathBuf, Trouble> {
        if self.0.is_dir() {
            Ok(self.0.join(key))
        } else {
            Err(Trouble::NoSuchBucket)
        }
    }
}

impl Bucket for Folder {
    fn put(&self, key: &str, bytes: &[u8]) -> Result<(), Trouble> {
        let path = self.path(key)?;
        let parent = path.parent().unwrap_or(&self.0);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, bytes))
            .map_err(other)
    }

    fn get(&self, key: &str) -> Result<Vec<u8>, Trouble> {
        fs::read(self.path(key)?).map_err(other)
    }

    fn delete(&self, key: &str) -> Result<(), Trouble> {
        match fs::remove_file(self.path(key)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(other(error)),
            _ => Ok(()),
        }
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Trouble> {
        fs::rename(self.path(from)?, self.path(to)?).map_err(other)
    }

    fn children(&self, folder: &str) -> Result<Vec<Entry>, Trouble> {
        let Ok(entries) = fs::read_dir(self.path(folder)?) else {
            return Ok(Vec::new());
        };
        let mut children: Vec<Entry> = entries
            .flatten()
            .filter_map(|entry| {
                let is_file = entry.file_type().ok()?.is_file();
                let exists = is_file || has_objects(&entry.path());
                exists.then(|| Entry {
                    name: entry.file_name().to_string_lossy().into_owned(),
                    is_file,
                })
            })
            .collect();
        children.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(children)
    }
}

fn other(error: io::Error) -> Trouble {
    Trouble::Other(error.to_string())
}

/// A directory without any object below it is nothing that a store would list.
fn has_objects(directory: &Path) -> bool {
    let Ok(entries) = fs::read_dir(directory) else {
        return false;
    };
    entries.flatten().any(|entry| {
        entry
            .file_type()
            .is_ok_and(|kind| kind.is_file() || has_objects(&entry.path()))
    })
}
