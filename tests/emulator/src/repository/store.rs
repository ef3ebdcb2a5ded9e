//! Objects by URL, as frontends and backends reach them.
//!
//! Backends read and write objects by key; a frontend goes through a Hadoop file system, which looks
//! up names as patterns. Both views are here, and so are the traps of the second one.

use std::{fs, io, path::PathBuf, sync::Arc};

use super::{
    bucket::{Bucket, Entry, Trouble},
    content::digest_text,
    folder::Folder,
    pattern::{is_literal, matches},
};

/// What Hadoop's S3 client says of anything that it cannot make sense of.
pub const ARGUMENTS_MAY_BE_WRONG: &str = "The arguments of blob store(S3/Azure) may be wrong. You can \
                                          check the arguments like region, IAM, instance profile and so on.";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError(pub String);

type StoreResult<T> = Result<T, StoreError>;

/// `<root>/<bucket>/<key>` stands for `s3://<bucket>/<key>`, whatever the scheme. A bucket exists when
/// its directory does. Or, for a repository that has one, a bucket of a real store.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    root: PathBuf,
    bucket: Option<Arc<dyn Bucket>>,
    failure: Option<String>,
}

impl ObjectStore {
    pub fn new(root: impl Into<PathBuf>) -> ObjectStore {
        ObjectStore {
            root: root.into(),
            bucket: None,
            failure: None,
        }
    }

    /// This store with the bucket of one repository, if it has a real one.
    pub(super) fn with(&self, bucket: Option<&Arc<dyn Bucket>>) -> ObjectStore {
        ObjectStore {
            bucket: bucket.cloned(),
            ..self.clone()
        }
    }

    /// From now on every access fails with this text; `None` ends that.
    pub fn fail_with(&mut self, message: Option<String>) {
        self.failure = message;
    }

    pub fn create_bucket(&self, bucket: &str) -> io::Result<()> {
        fs::create_dir_all(self.root.join(bucket))
    }

    /// Writes an object, over one of that name.
    pub fn put(&self, url: &str, bytes: &[u8]) -> StoreResult<()> {
        let (bucket, key) = self.find(url)?;
        bucket
            .put(&key, bytes)
            .map_err(|trouble| failed(&format!("write {url}"), url, trouble))
    }

    pub fn get(&self, url: &str) -> StoreResult<Vec<u8>> {
        let (bucket, key) = self.find(url)?;
        bucket
            .get(&key)
            .map_err(|trouble| failed(&format!("read {url}"), url, trouble))
    }

    /// Names of the objects right below `directory`, sorted: what a backend finds in a tablet.
    pub fn list(&self, directory: &str) -> StoreResult<Vec<String>> {
        let (bucket, key) = self.find(directory)?;
        let children = bucket
            .children(&key)
            .map_err(|trouble| failed(&format!("list {directory}"), directory, trouble))?;
        Ok(children
            .into_iter()
            .filter(|entry| entry.is_file)
            .map(|entry| entry.name)
            .collect())
    }

    /// Deletes an object; that there is none is no error.
    pub fn delete(&self, url: &str) -> StoreResult<()> {
        let (bucket, key) = self.find(url)?;
        bucket
            .delete(&key)
            .map_err(|trouble| failed(&format!("delete {url}"), url, trouble))
    }

    pub fn rename(&self, from: &str, to: &str) -> StoreResult<()> {
        let (bucket, key) = self.find(from)?;
        let (_, new) = self.find(to)?;
        bucket
            .rename(&key, &new)
            .map_err(|trouble| failed(&format!("rename {from} to {to}"), from, trouble))
    }

    /// What a frontend finds under a pattern. The error is the whole text of a failed listing.
    ///
    /// A name with `:` cannot be put together from its parts by Hadoop, so a pattern that meets one
    /// fails as a whole: one such label makes a repository unusable.
    pub fn glob(&self, pattern: &str) -> StoreResult<Vec<Entry>> {
        self.match_pattern(pattern).map_err(|message| {
            StoreError(format!(
                "failed to list remote path: {pattern}. msg: {message}"
            ))
        })
    }

    fn match_pattern(&self, pattern: &str) -> Result<Vec<Entry>, String> {
        let (bucket, key) = self.find(pattern).map_err(|error| error.0)?;
        let mut folders = vec![String::new()];
        let mut found = Vec::new();
        let parts: Vec<&str> = key.split('/').collect();
        for (at, part) in parts.iter().enumerate() {
            if part.contains(':') {
                return Err(ARGUMENTS_MAY_BE_WRONG.to_owned());
            }
            // On the way nobody looks whether it is there.
            if is_literal(part) && at + 1 < parts.len() {
                folders = folders.iter().map(|folder| join(folder, part)).collect();
                continue;
            }
            found.clear();
            let mut next = Vec::new();
            for folder in &folders {
                let children = bucket
                    .children(folder)
                    .map_err(|trouble| not_listed(pattern, trouble))?;
                for entry in children {
                    if !matches(part, &entry.name) {
                        continue;
                    }
                    if entry.name.contains(':') {
                        return Err(ARGUMENTS_MAY_BE_WRONG.to_owned());
                    }
                    if !entry.is_file {
                        next.push(join(folder, &entry.name));
                    }
                    found.push(entry);
                }
            }
            folders = next;
        }
        Ok(found)
    }

    /// The bucket and the key in it. Keys cannot lead out of their bucket.
    fn find(&self, url: &str) -> StoreResult<(Arc<dyn Bucket>, String)> {
        if let Some(message) = &self.failure {
            return Err(StoreError(message.clone()));
        }
        let (_, rest) = url
            .split_once("://")
            .ok_or_else(|| StoreError(format!("{url} is no location of an object store")))?;
        let (name, key) = rest.split_once('/').unwrap_or((rest, ""));
        let parts: Vec<&str> = key
            .split('/')
            .filter(|part| !["", "."].contains(part))
            .collect();
        if parts.contains(&"..") {
            return Err(StoreError(format!("{url} leads out of its bucket")));
        }
        let bucket = match &self.bucket {
            Some(bucket) => Arc::clone(bucket),
            None => Arc::new(Folder(self.root.join(name))),
        };
        Ok((bucket, parts.join("/")))
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

fn failed(doing: &str, url: &str, trouble: Trouble) -> StoreError {
    StoreError(match trouble {
        Trouble::Other(message) => format!("failed to {doing}: {message}"),
        trouble => not_listed(url, trouble),
    })
}

/// What Hadoop's S3 client says. Only the bucket that is not there has been recorded; the others are
/// put together from its source.
fn not_listed(url: &str, trouble: Trouble) -> String {
    let request = &digest_text(url.as_bytes()).to_uppercase()[..16];
    let reason = match trouble {
        Trouble::NoSuchBucket => {
            let service = format!(
                "The specified bucket does not exist (Service: S3, Status Code: 404, Request ID: \
                 {request})"
            );
            format!(
                "`{url}': getFileStatus on {url}: software.amazon.awssdk.services.s3.model.\
                 NoSuchBucketException: {service}:NoSuchBucket: {service}"
            )
        }
        // It asks with HEAD, whose answer has no text.
        Trouble::Denied => format!(
            "{url}: getFileStatus on {url}: software.amazon.awssdk.services.s3.model.S3Exception: null \
             (Service: S3, Status Code: 403, Request ID: {request}):null"
        ),
        Trouble::Other(message) => {
            format!(
                "getFileStatus on {url}: software.amazon.awssdk.core.exception.SdkClientException: {message}"
            )
        }
    };
    format!("Fail to get file status: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, ObjectStore) {
        let directory = tempfile::tempdir().unwrap();
        let store = ObjectStore::new(directory.path());
        store.create_bucket("b").unwrap();
        (directory, store)
    }

    fn names(store: &ObjectStore, pattern: &str) -> Vec<String> {
        let entries = store.glob(pattern).unwrap();
        entries.into_iter().map(|entry| entry.name).collect()
    }

    #[test]
    fn a_deleted_object_leaves_no_directory_behind() {
        let (_directory, store) = store();
        store.put("s3://b/r/__ss_l/x", b"1").unwrap();
        assert_eq!(names(&store, "s3://b/r/__ss_*"), ["__ss_l"]);
        store.delete("s3://b/r/__ss_l/x").unwrap();
        assert!(names(&store, "s3://b/r/__ss_*").is_empty());
    }

    #[test]
    fn one_colon_breaks_every_listing_that_meets_it() {
        let (_directory, store) = store();
        store.put("s3://b/r/__ss_l/x", b"1").unwrap();
        store.put("s3a://b/r/__ss_a:b/x", b"1").unwrap();
        let error = store.glob("s3://b/r/__ss_*").unwrap_err();
        assert_eq!(
            error.0,
            format!("failed to list remote path: s3://b/r/__ss_*. msg: {ARGUMENTS_MAY_BE_WRONG}")
        );
        assert_eq!(names(&store, "s3://b/r/__ss_l/*"), ["x"]);
    }

    #[test]
    fn keys_stay_in_their_bucket() {
        let (_directory, store) = store();
        assert!(store.put("s3://b/../c/x", b"1").is_err());
        assert!(store.put("s3://nope/x", b"1").is_err());
    }

    #[test]
    fn a_failing_store_fails_everywhere() {
        let (_directory, mut store) = store();
        store.put("s3://b/x", b"1").unwrap();
        store.fail_with(Some("connection refused".into()));
        assert!(store.get("s3://b/x").is_err());
        let error = store.glob("s3://b/*").unwrap_err();
        assert_eq!(
            error.0,
            "failed to list remote path: s3://b/*. msg: connection refused"
        );
        store.fail_with(None);
        assert_eq!(store.get("s3://b/x").unwrap(), b"1");
    }
}
