//! Objects of a snapshot: names that carry the MD5 of what they hold, and the files of a tablet.

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::store::{ObjectStore, StoreError};

/// MD5 as 32 hex digits.
pub fn digest_text(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// Writes `<url>.<md5>`, by way of `<url>.part`, as a frontend does: a crash in between leaves the
/// partial object for SHOW SNAPSHOT to call invalid.
pub fn upload(store: &ObjectStore, url: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = format!("{url}.part");
    store.put(&temporary, bytes)?;
    store.rename(&temporary, &format!("{url}.{}", digest_text(bytes)))
}

/// `name.<md5>` as its two parts.
pub fn split_digest(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.')
        .filter(|(_, digest)| digest.len() == 32)
}

/// Reads the one object `<url>.<md5>`. The text of an error is the real frontend's.
pub fn download(store: &ObjectStore, url: &str) -> Result<Vec<u8>, String> {
    let found = store.glob(&format!("{url}*")).map_err(|error| error.0)?;
    let [entry] = found.as_slice() else {
        return Err(format!(
            "Expected one file with path: {url}. get: {}",
            found.len()
        ));
    };
    if !entry.is_file {
        return Err(format!("Expected file with path: {url}. but get dir"));
    }
    let (directory, _) = url.rsplit_once('/').unwrap_or_default();
    let Some((name, digest)) = split_digest(&entry.name) else {
        return Err(format!(
            "file name should contains checksum: {directory}/{}",
            entry.name
        ));
    };
    // A timestamp that is cut short still matches one file.
    if url.rsplit_once('/').map(|(_, last)| last) != Some(name) {
        return Err(format!("File does not exist: {url}"));
    }
    let bytes = store
        .get(&format!("{directory}/{}", entry.name))
        .map_err(|error| error.0)?;
    let local = digest_text(&bytes);
    if local != digest {
        return Err(format!(
            "md5sum does not equal. local: {local}, remote: {digest}"
        ));
    }
    Ok(bytes)
}

/// What a `.hdr` file says: which files belong to the tablet, so that a missing one is noticed when
/// the tablet is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TabletHeader {
    tablet: i64,
    version: i64,
    rowsets: Vec<String>,
}

/// The files of one tablet, by name without their digest. A tablet without rows has no data file.
pub fn tablet_files(tablet: i64, version: i64, data: Option<&[u8]>) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut rowsets = Vec::new();
    if let Some(data) = data {
        let name = format!("{tablet:016x}{version:016x}_0.dat");
        rowsets.push(name.clone());
        files.push((name, data.to_vec()));
    }
    let header = TabletHeader {
        tablet,
        version,
        rowsets,
    };
    let header = serde_json::to_vec(&header).expect("numbers and names serialize");
    files.push((format!("{tablet}.hdr"), header));
    files
}

/// A tablet as it was downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TabletContent {
    pub data: Option<Vec<u8>>,
    /// Why the backend will not be able to load it.
    pub broken: Option<String>,
}

/// Downloads a tablet as a backend does: whatever lies under its prefix, each file checked against
/// the digest in its name. That a file is missing shows only when the tablet is loaded.
pub fn download_tablet(store: &ObjectStore, directory: &str) -> Result<TabletContent, String> {
    let names = store.list(directory).map_err(|error| error.0)?;
    if names.is_empty() {
        return Err(format!("get nothing from remote path: {directory}"));
    }
    let mut content = TabletContent::default();
    let mut header: Option<TabletHeader> = None;
    let mut present = Vec::new();
    for name in &names {
        let Some((file, digest)) = split_digest(name) else {
            continue;
        };
        let bytes = store
            .get(&format!("{directory}/{name}"))
            .map_err(|error| error.0)?;
        if digest_text(&bytes) != digest {
            return Err(format!(
                "invalid md5 of downloaded file: {directory}/{name}, expected: {digest}, get: {}",
                digest_text(&bytes)
            ));
        }
        if file.ends_with(".hdr") {
            header = serde_json::from_slice(&bytes).ok();
        } else {
            present.push(file.to_owned());
            content.data = Some(bytes);
        }
    }
    content.broken = match header {
        None => Some(format!("fail to load tablet meta from {directory}")),
        Some(header) => header
            .rowsets
            .into_iter()
            .find(|file| !present.contains(file))
            .map(|file| format!("fail to load rowset: {directory}/{file} does not exist")),
    };
    Ok(content)
}

/// Cuts a dump (a header line, then a line per row) into one dump per tablet, each row by its hash.
/// A tablet without rows gets nothing.
pub fn split_rows(dump: &[u8], tablets: usize) -> Vec<Option<Vec<u8>>> {
    let mut lines = dump.split_inclusive(|byte| *byte == b'\n');
    let header = lines.next().unwrap_or_default();
    let mut parts: Vec<Option<Vec<u8>>> = vec![None; tablets];
    for line in lines {
        let at = row_hash(line) as usize % tablets.max(1);
        if let Some(part) = parts.get_mut(at) {
            part.get_or_insert_with(|| header.to_vec())
                .extend_from_slice(line);
        }
    }
    parts
}

/// Undoes [`split_rows`]: `None` when no tablet holds rows.
pub fn merge_rows<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut merged: Option<Vec<u8>> = None;
    for part in parts {
        match &mut merged {
            None => merged = Some(part.to_vec()),
            Some(merged) => {
                let rows = part
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .map_or(part.len(), |at| at + 1);
                merged.extend_from_slice(&part[rows..]);
            }
        }
    }
    merged
}

/// FNV-1a: the same row always goes to the same tablet.
fn row_hash(line: &[u8]) -> u32 {
    line.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
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

    fn put_tablet(store: &ObjectStore, data: Option<&[u8]>) -> Vec<String> {
        let files = tablet_files(7, 2, data);
        let mut urls = Vec::new();
        for (name, bytes) in files {
            let url = format!("s3://b/__7/{name}.{}", digest_text(&bytes));
            store.put(&url, &bytes).unwrap();
            urls.push(url);
        }
        urls
    }

    #[test]
    fn rows_split_over_tablets_and_merge_again() {
        let dump = b"{head}\n[1]\n[2]\n[3]\n[4]\n[5]\n";
        let parts = split_rows(dump, 3);
        assert!(parts.iter().filter(|part| part.is_some()).count() > 1);
        let merged = merge_rows(parts.iter().flatten().map(Vec::as_slice)).unwrap();
        let mut lines: Vec<&[u8]> = merged.split_inclusive(|b| *b == b'\n').collect();
        assert_eq!(lines.remove(0), b"{head}\n");
        lines.sort_unstable();
        assert_eq!(lines.concat(), b"[1]\n[2]\n[3]\n[4]\n[5]\n");
        assert_eq!(
            merge_rows(
                split_rows(b"{head}\n", 2)
                    .iter()
                    .flatten()
                    .map(Vec::as_slice)
            ),
            None
        );
    }

    #[test]
    fn a_tablet_comes_back_and_damage_is_noticed() {
        let (_directory, store) = store();
        assert_eq!(
            download_tablet(&store, "s3://b/__7").unwrap_err(),
            "get nothing from remote path: s3://b/__7"
        );
        let urls = put_tablet(&store, Some(b"rows"));
        let content = download_tablet(&store, "s3://b/__7").unwrap();
        assert_eq!(content.data.as_deref(), Some(&b"rows"[..]));
        assert_eq!(content.broken, None);

        store.put(&urls[0], b"other rows").unwrap();
        let error = download_tablet(&store, "s3://b/__7").unwrap_err();
        assert!(
            error.starts_with("invalid md5 of downloaded file: s3://b/__7/"),
            "{error}"
        );

        store.delete(&urls[0]).unwrap();
        let content = download_tablet(&store, "s3://b/__7").unwrap();
        assert!(content.broken.unwrap().contains("does not exist"));
    }

    #[test]
    fn downloads_answer_as_the_frontend_does() {
        let (_directory, store) = store();
        let url = "s3://b/__info_2026-11-21-09-58-25-099";
        assert_eq!(
            download(&store, url).unwrap_err(),
            format!("Expected one file with path: {url}. get: 0")
        );
        upload(&store, url, b"{}").unwrap();
        assert_eq!(download(&store, url).unwrap(), b"{}");
        let short = "s3://b/__info_2026-11-21-09-58";
        assert_eq!(
            download(&store, short).unwrap_err(),
            format!("File does not exist: {short}")
        );
        store
            .put(&format!("{url}.{}", digest_text(b"{}")), b"{ }")
            .unwrap();
        assert!(
            download(&store, url)
                .unwrap_err()
                .starts_with("md5sum does not equal. local: ")
        );
    }
}
