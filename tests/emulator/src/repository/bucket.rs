//! What keeps objects: a folder on this machine, or a real object store that somebody plugs in.

use std::{fmt, sync::Arc};

/// A bucket. Keys are paths without a slash at their ends; `a/b` is right below `a`.
pub trait Bucket: fmt::Debug + Send + Sync {
    /// Writes an object, over one of that name.
    fn put(&self, key: &str, bytes: &[u8]) -> Result<(), Trouble>;

    fn get(&self, key: &str) -> Result<Vec<u8>, Trouble>;

    /// That there is no such object is no error.
    fn delete(&self, key: &str) -> Result<(), Trouble>;

    fn rename(&self, from: &str, to: &str) -> Result<(), Trouble>;

    /// What is right below `folder`, sorted by name. A folder is where objects are, and nothing else.
    fn children(&self, folder: &str) -> Result<Vec<Entry>, Trouble>;
}

/// An object store, which opens the bucket of a repository as CREATE REPOSITORY gives it.
pub trait Service: fmt::Debug + Send + Sync {
    /// `None` where the location is not for this service; an error is the text of what is wrong with
    /// the properties. Nothing is asked of the bucket yet.
    fn open(
        &self,
        location: &str,
        properties: &[(String, String)],
    ) -> Result<Option<Arc<dyn Bucket>>, String>;
}

/// What is in a folder of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The last part of its path.
    pub name: String,
    pub is_file: bool,
}

/// Why a bucket did not do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    NoSuchBucket,
    /// The keys are wrong or allow too little.
    Denied,
    /// Whatever else, in the words of who said it.
    Other(String),
}
