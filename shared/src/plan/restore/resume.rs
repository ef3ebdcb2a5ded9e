//! What a step finds when it is begun a second time: done, running, or still to be sent.
//!
//! An answer that never came says nothing. Every statement that must not be sent twice is therefore
//! judged by what it leaves behind: jobs, table ids, names, rows.

use crate::{
    facts::TableState,
    ident::{DatabaseName, TableId, TableName},
    job,
};

/// The last RESTORE job of a database, as SHOW RESTORE prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSeen {
    pub id: i64,
    /// Label and timestamp are those of the step.
    pub matches: bool,
    pub phase: job::Phase,
    /// Status and TaskErrMsg.
    pub words: String,
}

/// A name that a RESTORE step makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameSeen {
    pub name: TableName,
    pub table: Option<(TableId, TableState)>,
}

/// What was stored when the step was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    Never,
    /// With the job that SHOW RESTORE showed right before, if it showed one: several steps can read
    /// the same snapshot, and only a newer job is this step's.
    After(Option<i64>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreLook {
    Send,
    Wait,
    Done,
    /// The engine's words. What the job made is dropped by the engine.
    Cancelled(String),
    Refuse(String),
}

/// Judges a RESTORE step. `made` are the names that it makes, none where it writes into existing
/// tables: then sending it again gives the same.
pub fn restore_look(begun: Begun, job: Option<&JobSeen>, made: &[NameSeen]) -> RestoreLook {
    let running = job.is_some_and(|job| job.phase == job::Phase::Running);
    let present: Vec<_> = made
        .iter()
        .filter_map(|seen| Some((&seen.name, seen.table.as_ref()?)))
        .collect();
    let Begun::After(previous) = begun else {
        return match present.first() {
            Some((name, _)) => RestoreLook::Refuse(format!(
                "'{name}' was free when the restore was planned and exists now: somebody made it"
            )),
            None if running => RestoreLook::Wait,
            None => RestoreLook::Send,
        };
    };
    if let Some(job) = job.filter(|job| Some(job.id) != previous) {
        if !job.matches {
            return RestoreLook::Refuse(
                "another RESTORE runs or ran in the database, which was reserved for this one"
                    .to_owned(),
            );
        }
        return match job.phase {
            job::Phase::Running => RestoreLook::Wait,
            job::Phase::Finished => RestoreLook::Done,
            job::Phase::Cancelled => RestoreLook::Cancelled(job.words.clone()),
        };
    }
    // Either it was never sent, or the engine does not show the job. What is being restored belongs to
    // a job that is still at work somewhere: whoever follows it gives up after a while.
    let unfinished = |state: &TableState| *state != TableState::Normal;
    if present.iter().any(|(_, (_, state))| unfinished(state)) {
        return RestoreLook::Wait;
    }
    if present.is_empty() {
        RestoreLook::Send
    } else if present.len() == made.len() {
        RestoreLook::Done
    } else {
        let names: Vec<String> = present
            .iter()
            .map(|(name, _)| format!("'{name}'"))
            .collect();
        RestoreLook::Refuse(format!(
            "of the {} tables that it makes only {} stand there, and its job is not shown: whether they \
             are its own cannot be told. Rename or drop them, then go on with the restore",
            made.len(),
            names.join(", ")
        ))
    }
}

/// Whether a statement that a frontend still executes may be one that an earlier call of this restore
/// sent. What it leaves behind cannot be seen yet, so nothing may be judged by that: a second SWAP would
/// be swapped back by it. Rows that somebody loads are no such statement. `chosen` is the database that
/// its connection uses.
pub fn is_late_statement(statement: &str, chosen: &str, database: &DatabaseName) -> bool {
    const CHANGES: [&str; 6] = ["RESTORE", "ALTER", "CREATE", "DROP", "TRUNCATE", "SUBMIT"];
    let first = statement.split_whitespace().next().unwrap_or_default();
    CHANGES
        .iter()
        .any(|change| first.eq_ignore_ascii_case(change))
        && (chosen == database.as_str() || statement.contains(&format!("`{database}`")))
}

/// The run of a copy's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskSeen {
    /// Not known, or no longer.
    None,
    Running,
    Succeeded,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyLook {
    Submit {
        attempt: u32,
    },
    Wait,
    Done,
    /// Empty the target partition first: what is in it is half done.
    EmptyAndSubmit {
        attempt: u32,
    },
    /// The task succeeded and the rows are not all there: some were filtered.
    Filtered,
}

/// Judges the copy of one partition into an empty one. `attempt` is the last one that was begun, 0 if
/// none was. The same attempt may be submitted again: its load label lets it load once.
pub fn copy_look(task: TaskSeen, attempt: u32, from_rows: u64, to_rows: u64) -> CopyLook {
    let whole = from_rows == to_rows;
    let next = attempt + 1;
    match task {
        TaskSeen::Running => CopyLook::Wait,
        TaskSeen::Succeeded if whole => CopyLook::Done,
        TaskSeen::Succeeded => CopyLook::Filtered,
        TaskSeen::Failed if to_rows == 0 => CopyLook::Submit { attempt: next },
        TaskSeen::Failed => CopyLook::EmptyAndSubmit { attempt: next },
        // Rows that are all there came with the label of the attempt, whose task is forgotten.
        TaskSeen::None if whole && (attempt > 0 || from_rows == 0) => CopyLook::Done,
        TaskSeen::None if to_rows == 0 => CopyLook::Submit {
            attempt: attempt.max(1),
        },
        TaskSeen::None => CopyLook::EmptyAndSubmit { attempt: next },
    }
}

/// Judges `CREATE DATABASE`, which fails if the database exists: only then is it this restore's.
pub fn create_database_look(begun: bool, exists: bool) -> Result<bool, String> {
    match (begun, exists) {
        (_, false) => Ok(true),
        (true, true) => Ok(false),
        (false, true) => {
            Err("the database did not exist when the restore was planned and exists now".to_owned())
        }
    }
}

/// Judges `CREATE TABLE` of a name that was free when the restore was planned.
pub fn create_table_look(begun: bool, found: Option<TableId>) -> Result<bool, String> {
    match (begun, found) {
        (_, None) => Ok(true),
        (true, Some(_)) => Ok(false),
        (false, Some(id)) => Err(format!(
            "its name was free when the restore was planned and now is a table with id {id}"
        )),
    }
}

/// Judges `DROP TABLE`: only the very table that this restore made.
pub fn drop_table_look(made: TableId, found: Option<TableId>) -> Result<bool, String> {
    match found {
        None => Ok(false),
        Some(found) if found == made => Ok(true),
        Some(found) => Err(format!(
            "the restore made it with id {made}, and now it has id {found}: it is not dropped"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: i64, phase: job::Phase) -> JobSeen {
        JobSeen {
            id,
            matches: true,
            phase,
            words: "words".into(),
        }
    }

    fn seen(table: Option<TableState>) -> NameSeen {
        NameSeen {
            name: "t_restored".parse().unwrap(),
            table: table.map(|state| (TableId(7), state)),
        }
    }

    #[test]
    fn a_restore_is_sent_once() {
        use RestoreLook::{Cancelled, Done, Send, Wait};
        let finished = job(1, job::Phase::Finished);
        let running = job(2, job::Phase::Running);
        let cancelled = job(2, job::Phase::Cancelled);
        let normal = || seen(Some(TableState::Normal));
        for (begun, job, made, expected) in [
            (Begun::Never, None, vec![seen(None)], Send),
            (Begun::Never, Some(&running), vec![seen(None)], Wait),
            (Begun::Never, Some(&finished), vec![seen(None)], Send),
            // The job before this one reads the same snapshot: it proves nothing.
            (
                Begun::After(Some(1)),
                Some(&finished),
                vec![seen(None)],
                Send,
            ),
            (Begun::After(Some(1)), Some(&finished), vec![], Send),
            (Begun::After(None), Some(&finished), vec![], Done),
            (
                Begun::After(Some(1)),
                Some(&running),
                vec![seen(None)],
                Wait,
            ),
            (
                Begun::After(Some(1)),
                Some(&cancelled),
                vec![seen(None)],
                Cancelled("words".into()),
            ),
            (Begun::After(None), None, vec![normal()], Done),
            (Begun::After(None), None, vec![seen(None)], Send),
            (
                Begun::After(None),
                None,
                vec![normal(), seen(Some(TableState::Restore))],
                Wait,
            ),
        ] {
            assert_eq!(
                restore_look(begun, job, &made),
                expected,
                "{begun:?} {job:?} {made:?}"
            );
        }
    }

    #[test]
    fn a_restore_is_refused_where_somebody_else_acted() {
        let refused = |begun, job: Option<&JobSeen>, made| {
            matches!(restore_look(begun, job, &[made]), RestoreLook::Refuse(_))
        };
        assert!(refused(Begun::Never, None, seen(Some(TableState::Normal))));
        let one_of_two = [seen(Some(TableState::Normal)), seen(None)];
        assert!(matches!(
            restore_look(Begun::After(None), None, &one_of_two),
            RestoreLook::Refuse(_)
        ));
        let foreign = JobSeen {
            matches: false,
            ..job(2, job::Phase::Running)
        };
        assert!(refused(Begun::After(Some(1)), Some(&foreign), seen(None)));
    }

    #[test]
    fn only_what_changes_this_database_is_waited_for() {
        let sales: DatabaseName = "sales".parse().unwrap();
        for (statement, chosen, late) in [
            ("ALTER TABLE `sales`.`a` SWAP WITH `a_restored`", "", true),
            ("restore snapshot `sales`.`l` FROM `r`", "", true),
            ("\n CREATE VIEW `v` AS SELECT 1", "sales", true),
            ("ALTER TABLE `sales2`.`a` SWAP WITH `b`", "", false),
            ("ALTER TABLE `a` SWAP WITH `b`", "other", false),
            ("INSERT INTO `sales`.`a` VALUES (1)", "sales", false),
            ("SELECT 1 FROM `sales`.`a`", "sales", false),
            ("", "sales", false),
        ] {
            assert_eq!(
                is_late_statement(statement, chosen, &sales),
                late,
                "{statement}"
            );
        }
    }

    #[test]
    fn rows_are_copied_once() {
        use CopyLook::{Done, EmptyAndSubmit, Filtered, Submit, Wait};
        for (task, attempt, from, to, expected) in [
            (TaskSeen::None, 0, 5, 0, Submit { attempt: 1 }),
            (TaskSeen::None, 0, 0, 0, Done),
            (TaskSeen::None, 1, 5, 0, Submit { attempt: 1 }),
            (TaskSeen::None, 1, 5, 5, Done),
            (TaskSeen::None, 0, 5, 5, EmptyAndSubmit { attempt: 1 }),
            (TaskSeen::None, 1, 5, 3, EmptyAndSubmit { attempt: 2 }),
            (TaskSeen::Running, 1, 5, 0, Wait),
            (TaskSeen::Succeeded, 1, 5, 5, Done),
            (TaskSeen::Succeeded, 1, 5, 4, Filtered),
            (TaskSeen::Failed, 1, 5, 0, Submit { attempt: 2 }),
            (TaskSeen::Failed, 1, 5, 3, EmptyAndSubmit { attempt: 2 }),
        ] {
            assert_eq!(
                copy_look(task, attempt, from, to),
                expected,
                "{task:?} {attempt} {from} {to}"
            );
        }
    }

    #[test]
    fn only_what_the_restore_made_is_dropped() {
        let made = TableId(7);
        assert_eq!(drop_table_look(made, Some(made)), Ok(true));
        assert_eq!(drop_table_look(made, None), Ok(false));
        assert!(drop_table_look(made, Some(TableId(8))).is_err());
    }
}
