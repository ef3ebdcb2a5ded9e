//! What SHOW SNAPSHOT finds in a repository.

use super::{
    Repository, SnapshotInfo,
    bucket::Entry,
    content::{download, split_digest},
    store::{ObjectStore, StoreError},
};

const INFO_PREFIX: &str = "__info_";

/// One row of the three-column form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    pub label: String,
    /// All timestamps that the label has, one a line; more than one when two jobs raced for it.
    pub timestamp: Option<String>,
    pub status: String,
}

impl Repository {
    /// Labels of all snapshots, complete or not, sorted. A label with `/` shows its first part.
    pub fn labels(&self, store: &ObjectStore) -> Result<Vec<String>, StoreError> {
        Ok(self
            .store(store)
            .glob(&self.snapshot("*"))?
            .into_iter()
            .filter(|entry| !entry.is_file)
            .filter_map(|entry| entry.name.strip_prefix("__ss_").map(str::to_owned))
            .collect())
    }

    /// The row of a label, which need not exist: its status is OK as soon as any info object does,
    /// be it complete, left over or without a `__meta` beside it.
    pub fn snapshot_row(&self, store: &ObjectStore, label: &str) -> SnapshotRow {
        let pattern = format!("{}/{INFO_PREFIX}*", self.snapshot(label));
        let found = match self.store(store).glob(&pattern) {
            Ok(found) => found,
            Err(error) => {
                return SnapshotRow {
                    label: label.to_owned(),
                    timestamp: None,
                    status: format!("ERROR: Failed to get info: {}", error.0),
                };
            }
        };
        let timestamps: Vec<String> = found
            .iter()
            .filter(|entry| entry.is_file)
            .map(timestamp)
            .collect();
        SnapshotRow {
            label: label.to_owned(),
            status: if timestamps.is_empty() {
                "ERROR: no snapshot".to_owned()
            } else {
                "OK".to_owned()
            },
            timestamp: Some(timestamps.join("\n")),
        }
    }

    /// Reads `__info_<timestamp>`; the error is the real frontend's text.
    pub fn snapshot_info(
        &self,
        store: &ObjectStore,
        label: &str,
        timestamp: &str,
    ) -> Result<SnapshotInfo, String> {
        let url = format!("{}/{INFO_PREFIX}{timestamp}", self.snapshot(label));
        let bytes = download(&self.store(store), &url)?;
        serde_json::from_slice(&bytes)
            .map_err(|error| format!("Failed to create job info from file: {url}. msg: {error}"))
    }
}

fn timestamp(entry: &Entry) -> String {
    match split_digest(&entry.name) {
        Some((name, _)) => name.trim_start_matches(INFO_PREFIX).to_owned(),
        None => format!("Invalid: {}", entry.name),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::repository::content::upload;

    fn repository() -> (tempfile::TempDir, ObjectStore, Repository) {
        let directory = tempfile::tempdir().unwrap();
        let store = ObjectStore::new(directory.path());
        store.create_bucket("b").unwrap();
        let repository = Repository {
            id: 1,
            name: "r".into(),
            created: Timestamp::UNIX_EPOCH,
            read_only: false,
            location: "s3://b/x".into(),
            broker: String::new(),
            error_message: None,
            bucket: None,
        };
        (directory, store, repository)
    }

    fn put_info(store: &ObjectStore, repository: &Repository, label: &str, timestamp: &str) {
        let url = format!("{}/__info_{timestamp}", repository.snapshot(label));
        upload(store, &url, b"{}").unwrap();
    }

    fn row(label: &str, timestamp: &str, status: &str) -> SnapshotRow {
        SnapshotRow {
            label: label.into(),
            timestamp: Some(timestamp.into()),
            status: status.into(),
        }
    }

    #[test]
    fn rows_are_those_of_the_recordings() {
        let (_directory, store, repository) = repository();
        put_info(&store, &repository, "same", "2026-11-21-09-58-25-099");
        put_info(&store, &repository, "same", "2026-11-21-09-58-25-100");
        put_info(&store, &repository, "x/y", "2026-11-21-09-58-25-099");
        store
            .put(
                &format!("{}/__info_2026.part", repository.snapshot("half")),
                b"",
            )
            .unwrap();
        assert_eq!(repository.labels(&store).unwrap(), ["half", "same", "x"]);
        let show = |label| repository.snapshot_row(&store, label);
        assert_eq!(
            show("same"),
            row(
                "same",
                "2026-11-21-09-58-25-099\n2026-11-21-09-58-25-100",
                "OK"
            )
        );
        assert_eq!(show("x"), row("x", "", "ERROR: no snapshot"));
        assert_eq!(show("nope"), row("nope", "", "ERROR: no snapshot"));
        assert_eq!(show("half"), row("half", "Invalid: __info_2026.part", "OK"));
    }

    #[test]
    fn a_label_with_a_colon_hides_all_others() {
        let (_directory, store, repository) = repository();
        put_info(&store, &repository, "good", "2026-11-21-09-58-25-099");
        put_info(&store, &repository, "a:b", "2026-11-21-09-58-25-099");
        assert!(repository.labels(&store).is_err());
        assert_eq!(repository.snapshot_row(&store, "good").status, "OK");
        let poisoned = repository.snapshot_row(&store, "a:b");
        assert_eq!(poisoned.timestamp, None);
        assert!(poisoned.status.starts_with("ERROR: Failed to get info: "));
    }
}
