//! What is remembered of a step besides its state: the column `detail` of `restore_steps`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    error::Error,
    ident::{PartitionName, TableId, TableName},
    plan::{restore::step::Policy, verify::checksum::Summed},
    time::UtcTime,
};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// The job that SHOW RESTORE showed right before the step's own was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_job: Option<i64>,
    /// Every table that the step made.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub made: BTreeMap<TableName, TableId>,
    /// What live partitions held: before they were copied aside, or after they were replaced. Only
    /// what still holds it may be replaced or dropped.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub live: BTreeMap<PartitionName, Digest>,
    /// Partitions that the table lacked when they were to be added: an undo drops no others.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub added: BTreeSet<PartitionName>,
    /// Live partitions that are being copied aside once more: none of them was replaced, and until the
    /// step is done their copies are not whole.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub again: BTreeSet<PartitionName>,
    /// What the policies of a live table were set to before they were switched off.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<Policy, String>,
    /// What a verified table held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How far a table is summed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summed: Option<Summed>,
    /// What the RESTORE of this step downloads, as the backup estimated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What was last seen of the step's job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// What was said about the step: what could not be compared, what could not be set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a job showed, and since when it shows nothing else, by the leader's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// `None`: the job was looked for and not found.
    pub digest: Option<Digest>,
    pub since: UtcTime,
}

impl Detail {
    /// Of the column as it is stored; `number` is the step's.
    pub fn parse(text: Option<&str>, number: u64) -> Result<Detail, Error> {
        match text {
            None => Ok(Detail::default()),
            Some(text) => serde_json::from_str(text).map_err(|error| {
                Error::internal(format!(
                    "the detail of restore step {number} is not JSON: {error}"
                ))
            }),
        }
    }

    pub fn to_text(&self) -> Result<String, Error> {
        serde_json::to_string(self)
            .map_err(|error| Error::internal(format!("a step's detail cannot be written: {error}")))
    }

    /// Says something once, however often the step is begun.
    pub fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_come_back() {
        let detail = Detail {
            previous_job: Some(7),
            made: [("t_restored".parse().unwrap(), TableId(9))].into(),
            live: [("p1".parse().unwrap(), Digest::of([&b"x"[..]]))].into(),
            added: ["p3".parse().unwrap()].into(),
            again: ["p2".parse().unwrap()].into(),
            held: [(Policy::LiveNumber, "7".into())].into(),
            bytes: Some(5),
            seen: Some(Seen {
                digest: None,
                since: "2026-03-01 04:00:00".parse().unwrap(),
            }),
            notes: vec!["n".into()],
            ..Detail::default()
        };
        let text = detail.to_text().unwrap();
        assert_eq!(Detail::parse(Some(&text), 1).unwrap(), detail);
        assert_eq!(Detail::parse(None, 1).unwrap(), Detail::default());
        assert_eq!(Detail::default().to_text().unwrap(), "{}");
        assert!(Detail::parse(Some("no"), 1).is_err());
    }
}
