//! Repositories: where snapshots live. What is in one is asked of the object store every time, so two
//! emulators over one directory see each other's snapshots, as two clusters over one bucket do.

mod bucket;
pub mod content;
mod folder;
pub mod hash_order;
pub mod info;
mod listing;
mod ordered;
mod pattern;
pub mod store;

use std::sync::Arc;

use jiff::Timestamp;

pub use self::{
    bucket::{Bucket, Entry, Service, Trouble},
    info::SnapshotInfo,
    listing::SnapshotRow,
    ordered::Ordered,
    store::{ObjectStore, StoreError},
};

#[derive(Debug, Clone)]
pub struct Repository {
    pub id: i64,
    pub name: String,
    pub created: Timestamp,
    pub read_only: bool,
    pub location: String,
    /// Empty when the frontend reaches the store itself.
    pub broker: String,
    /// What SHOW REPOSITORIES says of the last ping. The frontend pings every ten minutes and forgets
    /// the result, so an error here says little and NULL says nothing.
    pub error_message: Option<String>,
    /// Where its objects really are; without one they are in the folder.
    pub bucket: Option<Arc<dyn Bucket>>,
}

impl Repository {
    /// What holds its objects.
    pub fn store(&self, store: &ObjectStore) -> ObjectStore {
        store.with(self.bucket.as_ref())
    }

    /// `<location>/__starrocks_repository_<name>`: the name is part of the path, so a repository
    /// mapped under another name over the same location lists nothing.
    pub fn base(&self) -> String {
        format!("{}/__starrocks_repository_{}", self.location, self.name)
    }

    /// `.../__ss_<label>`. A label is not checked by anybody: `a/b` makes a directory in `__ss_a`.
    pub fn snapshot(&self, label: &str) -> String {
        format!("{}/__ss_{label}", self.base())
    }
}

/// The repositories that this cluster has mapped, in the order of their creation.
#[derive(Debug, Default)]
pub struct Repositories {
    entries: Vec<Repository>,
}

impl Repositories {
    pub fn get(&self, name: &str) -> Option<&Repository> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Repository> {
        self.entries.iter_mut().find(|entry| entry.name == name)
    }

    pub fn by_id(&self, id: i64) -> Option<&Repository> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Repository> {
        self.entries.iter()
    }

    pub fn insert(&mut self, repository: Repository) {
        self.entries.push(repository);
    }

    /// Forgets the mapping; the objects stay.
    pub fn remove(&mut self, name: &str) -> Option<Repository> {
        let at = self.entries.iter().position(|entry| entry.name == name)?;
        Some(self.entries.remove(at))
    }
}
