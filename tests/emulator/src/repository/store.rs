//! The object store: objects by URL, kept as files below one directory.
//!
//! Backends read and write objects by key; a frontend goes through a Hadoop file system, which looks
//! up names as patterns. Both views are here, and so are the traps of the second one.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use super::content::digest_text;

/// What Hadoop's S3 client says of anything that it cannot make sense of.
pub const ARGUMENTS_MAY_BE_WRONG: &str = "The arguments of blob store(S3/Azure) may be wrong. You can \
                                          check the arguments like region, IAM, instance profile and so on.";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError(pub String);

type StoreResult<T> = Result<T, StoreError>;

/// Something that a pattern matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The last part of its path.
    pub name: String,
    pub is_file: bool,
}

/// `<root>/<bucket>/<key>` stands for `s3://<bucket>/<key>`, whatever the scheme. A bucket exists when
/// its directory does.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    root: PathBuf,
    failure: Option<String>,
}

impl ObjectStore {
    pub fn new(root: impl Into<PathBuf>) -> ObjectStore {
        ObjectStore {
            root: root.into(),
            failure: None,
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
        let path = self.path(url)?;
        let parent = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, bytes))
            .map_err(|error| StoreError(format!("failed to write {url}: {error}")))
    }

    pub fn get(&self, url: &str) -> StoreResult<Vec<u8>> {
        fs::read(self.path(url)?)
            .map_err(|error| StoreError(format!("failed to read {url}: {error}")))
    }

    /// Names of the objects right below `directory`, sorted: what a backend finds in a tablet.
    pub fn list(&self, directory: &str) -> StoreResult<Vec<String>> {
        Ok(children(&self.path(directory)?)
            .into_iter()
            .filter(|entry| entry.is_file)
            .map(|entry| entry.name)
            .collect())
    }

    /// Deletes an object; that there is none is no error.
    pub fn delete(&self, url: &str) -> StoreResult<()> {
        let path = self.path(url)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError(format!("failed to delete {url}: {error}")))
            }
            _ => Ok(()),
        }
    }

    pub fn rename(&self, from: &str, to: &str) -> StoreResult<()> {
        fs::rename(self.path(from)?, self.path(to)?)
            .map_err(|error| StoreError(format!("failed to rename {from} to {to}: {error}")))
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
        let (bucket, key) = self.split(pattern).map_err(|error| error.0)?;
        let base = self.root.join(bucket);
        if !base.is_dir() {
            return Err(no_such_bucket(pattern));
        }
        let mut found = vec![(
            base,
            Entry {
                name: bucket.to_owned(),
                is_file: false,
            },
        )];
        for part in key.split('/').filter(|part| !part.is_empty()) {
            if part.contains(':') {
                return Err(ARGUMENTS_MAY_BE_WRONG.to_owned());
            }
            let mut next = Vec::new();
            for (path, _) in found.iter().filter(|(_, entry)| !entry.is_file) {
                for entry in children(path) {
                    if !matches(part, &entry.name) {
                        continue;
                    }
                    if entry.name.contains(':') {
                        return Err(ARGUMENTS_MAY_BE_WRONG.to_owned());
                    }
                    next.push((path.join(&entry.name), entry));
                }
            }
            found = next;
        }
        Ok(found.into_iter().map(|(_, entry)| entry).collect())
    }

    fn split<'a>(&self, url: &'a str) -> StoreResult<(&'a str, &'a str)> {
        if let Some(message) = &self.failure {
            return Err(StoreError(message.clone()));
        }
        let (_, rest) = url
            .split_once("://")
            .ok_or_else(|| StoreError(format!("{url} is no location of an object store")))?;
        Ok(rest.split_once('/').unwrap_or((rest, "")))
    }

    /// The file of an object. Keys cannot lead out of their bucket.
    fn path(&self, url: &str) -> StoreResult<PathBuf> {
        let (bucket, key) = self.split(url)?;
        let base = self.root.join(bucket);
        if !base.is_dir() {
            return Err(StoreError(no_such_bucket(url)));
        }
        let relative = Path::new(key.trim_start_matches('/'));
        let is_inside = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !is_inside {
            return Err(StoreError(format!("{url} leads out of its bucket")));
        }
        Ok(base.join(relative))
    }
}

fn no_such_bucket(url: &str) -> String {
    let request = &digest_text(url.as_bytes()).to_uppercase()[..16];
    let service = format!(
        "The specified bucket does not exist (Service: S3, Status Code: 404, Request ID: {request})"
    );
    format!(
        "Fail to get file status: `{url}': getFileStatus on {url}: \
         software.amazon.awssdk.services.s3.model.NoSuchBucketException: {service}:NoSuchBucket: {service}"
    )
}

/// Sorted by name. A directory without any object below it is nothing that a store would list.
fn children(directory: &Path) -> Vec<Entry> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
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
    children
}

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

/// One part of a Hadoop pattern: `*`, `?`, `[abc]`, `{a,b}` and `\x`.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    matches_from(&pattern, &name)
}

fn matches_from(pattern: &[char], name: &[char]) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return name.is_empty();
    };
    match first {
        '*' => (0..=name.len()).any(|skip| matches_from(rest, &name[skip..])),
        '?' => !name.is_empty() && matches_from(rest, &name[1..]),
        '[' if rest.contains(&']') => {
            let end = rest.iter().position(|c| *c == ']').unwrap_or_default();
            let (set, inverted) = match rest[..end].split_first() {
                Some(('^' | '!', set)) => (set, true),
                _ => (&rest[..end], false),
            };
            name.first().is_some_and(|c| {
                in_set(set, *c) != inverted && matches_from(&rest[end + 1..], &name[1..])
            })
        }
        '{' if rest.contains(&'}') => {
            let end = rest.iter().position(|c| *c == '}').unwrap_or_default();
            rest[..end].split(|c| *c == ',').any(|choice| {
                let tail: Vec<char> = choice.iter().chain(&rest[end + 1..]).copied().collect();
                matches_from(&tail, name)
            })
        }
        '\\' if !rest.is_empty() => {
            name.first() == rest.first() && matches_from(&rest[1..], &name[1..])
        }
        literal => name.first() == Some(literal) && matches_from(rest, &name[1..]),
    }
}

fn in_set(set: &[char], character: char) -> bool {
    let mut at = 0;
    while at < set.len() {
        if let [low, '-', high, ..] = set[at..] {
            if (low..=high).contains(&character) {
                return true;
            }
            at += 3;
        } else {
            if set[at] == character {
                return true;
            }
            at += 1;
        }
    }
    false
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
    fn patterns_match_as_in_hadoop() {
        for (pattern, name, expected) in [
            ("__ss_*", "__ss_", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[ab-d]x", "cx", true),
            ("[^a]x", "ax", false),
            ("{ab,c}d", "cd", true),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("we ird", "we ird", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
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
