//! Which labels an execution or a group stands for.
//!
//! An execution counts only as a whole: one label of each of its databases, each FINISHED. Which
//! databases it had is more than its history tells, because a database that could not even be planned
//! has no row there.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ident::{DatabaseName, ExecutionId, GroupName},
    label::SnapshotLabel,
    manifest::{BackupRecord, BackupStatus},
    time::UtcTime,
};

/// One execution with its rows of history.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    pub execution: &'a ExecutionId,
    records: Vec<&'a BackupRecord>,
}

/// The executions of a group, newest first.
pub fn candidates<'a>(records: &'a [BackupRecord], group: &GroupName) -> Vec<Candidate<'a>> {
    let mut by_execution: BTreeMap<&ExecutionId, Vec<&BackupRecord>> = BTreeMap::new();
    for record in records {
        if let (Some(execution), true) =
            (&record.execution_id, record.group.as_ref() == Some(group))
        {
            by_execution.entry(execution).or_default().push(record);
        }
    }
    let mut found: Vec<Candidate<'_>> = by_execution
        .into_iter()
        .map(|(execution, records)| Candidate { execution, records })
        .collect();
    found.sort_by_key(|candidate| {
        let planned = candidate.records.iter().map(|record| record.planned_at);
        (planned.max(), candidate.execution)
    });
    found.reverse();
    found
}

impl Candidate<'_> {
    fn has(&self, database: &DatabaseName) -> bool {
        let mut records = self.records.iter();
        records.any(|record| record.database.as_ref() == Some(database))
    }

    fn databases(&self) -> impl Iterator<Item = &DatabaseName> {
        self.records
            .iter()
            .filter_map(|record| record.database.as_ref())
    }
}

/// The label of each database of the candidate at `index`, or why it does not count. `group_now` are
/// the databases that the group has now, `worked_on` those that the execution had a lease on.
pub fn labels(
    candidates: &[Candidate<'_>],
    index: usize,
    group_now: &BTreeSet<DatabaseName>,
    worked_on: &BTreeSet<DatabaseName>,
    as_of: Option<UtcTime>,
) -> Result<Vec<SnapshotLabel>, String> {
    let candidate = &candidates[index];
    let mut wanted: BTreeSet<&DatabaseName> = candidate.databases().chain(worked_on).collect();
    let (newer, older) = (&candidates[..index], &candidates[index + 1..]);
    // Backed up before and still of the group, or again later: it belonged to it then.
    wanted.extend(
        older
            .iter()
            .flat_map(Candidate::databases)
            .filter(|name| group_now.contains(name) || newer.iter().any(|one| one.has(name))),
    );
    let mut labels = Vec::new();
    for database in wanted {
        let own = || {
            let records = candidate.records.iter();
            records.filter(|record| record.database.as_ref() == Some(database))
        };
        let finished = |record: &&&BackupRecord| record.status == BackupStatus::Finished;
        let in_time = |record: &&&BackupRecord| {
            as_of.is_none_or(|time| record.pinned_at.is_some_and(|pin| pin <= time))
        };
        match own().filter(finished).find(in_time) {
            Some(record) => labels.push(record.label.clone()),
            None => {
                let state = match (own().any(|record| finished(&record)), own().next()) {
                    (true, _) => "was pinned later",
                    (false, Some(record)) => record.status.as_str(),
                    (false, None) => "was not backed up",
                };
                return Err(format!(
                    "execution {}: database {database} {state}",
                    candidate.execution
                ));
            }
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::restore::samples;

    fn record(execution: &str, hour: u32, database: &str, status: BackupStatus) -> BackupRecord {
        let time: UtcTime = format!("2026-03-01 {hour:02}:00:00").parse().unwrap();
        BackupRecord {
            label: format!("{database}_{execution}").parse().unwrap(),
            status,
            execution_id: Some(execution.parse().unwrap()),
            group: Some("g".parse().unwrap()),
            database: Some(database.parse().unwrap()),
            planned_at: Some(time),
            pinned_at: Some(time),
            ..samples::shop().record
        }
    }

    fn names(text: &str) -> BTreeSet<DatabaseName> {
        text.split_whitespace()
            .map(|name| name.parse().unwrap())
            .collect()
    }

    /// The labels of the newest execution that counts, and why each newer one does not.
    fn chosen(
        records: &[BackupRecord],
        group_now: &str,
        worked_on: &str,
        as_of: Option<&str>,
    ) -> (Vec<String>, Vec<String>) {
        let group = "g".parse().unwrap();
        let candidates = candidates(records, &group);
        let as_of = as_of.map(|time| time.parse().unwrap());
        let mut reasons = Vec::new();
        for index in 0..candidates.len() {
            let worked_on = match index {
                0 => names(worked_on),
                _ => BTreeSet::new(),
            };
            match labels(&candidates, index, &names(group_now), &worked_on, as_of) {
                Ok(labels) => {
                    let labels = labels.iter().map(ToString::to_string);
                    return (labels.collect(), reasons);
                }
                Err(reason) => reasons.push(reason),
            }
        }
        (Vec::new(), reasons)
    }

    use BackupStatus::{Failed, Finished, Partial};

    #[test]
    fn the_newest_whole_execution_counts() {
        let records = [
            record("e1", 1, "a", Finished),
            record("e1", 1, "b", Finished),
            record("e2", 2, "a", Finished),
            record("e2", 2, "b", Failed),
            record("e3", 3, "a", Partial),
            record("e3", 3, "b", Finished),
        ];
        let (labels, reasons) = chosen(&records, "a b", "", None);
        assert_eq!(labels, ["a_e1", "b_e1"]);
        assert_eq!(
            reasons,
            [
                "execution e3: database a PARTIAL",
                "execution e2: database b FAILED"
            ]
        );
    }

    #[test]
    fn a_database_without_a_row_is_missed() {
        let old = [
            record("e1", 1, "a", Finished),
            record("e1", 1, "b", Finished),
        ];
        let mut records = old.to_vec();
        records.push(record("e2", 2, "a", Finished));
        // Of the group still; or taken out of it since.
        assert_eq!(chosen(&records, "a b", "", None).0, ["a_e1", "b_e1"]);
        assert_eq!(chosen(&records, "a", "", None).0, ["a_e2"]);
        // It had a lease on it, so it tried.
        assert_eq!(chosen(&records, "a", "b", None).0, ["a_e1", "b_e1"]);
        // Of the group again later.
        records.push(record("e3", 3, "a", Failed));
        records.push(record("e3", 3, "b", Finished));
        assert_eq!(chosen(&records, "a", "", None).0, ["a_e1", "b_e1"]);
        // Added to the group later than all that there is.
        assert_eq!(chosen(&old, "a b c", "", None).0, ["a_e1", "b_e1"]);
    }

    #[test]
    fn every_pin_must_be_in_time() {
        let records = [
            record("e1", 1, "a", Finished),
            record("e1", 2, "b", Finished),
        ];
        let at = |time| chosen(&records, "a b", "", Some(time)).0;
        assert_eq!(at("2026-03-01 02:00:00"), ["a_e1", "b_e1"]);
        assert_eq!(at("2026-03-01 01:59:59"), Vec::<String>::new());
    }
}
