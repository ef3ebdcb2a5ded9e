//! Which tables a restore made beside the live ones or put aside.
//!
//! Each is an id together with the name under which it stands aside: a table that was swapped in has
//! an id of ours and is live, and a user's own table may be called `x_restored`. Neither is one of
//! these, and so neither is ever left out of a backup.

use serde::Serialize;

use super::{
    detail::Detail,
    request::RestoreRequest,
    step::{Phase, PlannedStep, Slot, Step},
};
use crate::{
    ident::{InvalidName, TableId, TableName},
    sql::ops::steps::RestoreRow,
};

/// How a table came to stand beside the live ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The restore made it.
    Made,
    /// It is, or holds, what lived before.
    PutAside,
    /// It lived until the restore was undone.
    Undone,
}

/// One name under which one table stands, or stood, beside the live ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    pub id: TableId,
    pub name: TableName,
    pub origin: Origin,
    /// The step that gave it this name.
    pub step: u32,
}

/// What one restore made or put aside.
#[derive(Debug, Clone)]
pub struct AsideOf {
    pub restore: RestoreRow,
    /// With the seconds since the step that did it.
    pub tables: Vec<(Aside, Option<i64>)>,
}

/// Every table of a restore with the names that it had or has beside the live one.
pub fn aside(
    request: &RestoreRequest,
    steps: &[(PlannedStep, Detail)],
) -> Result<Vec<Aside>, InvalidName> {
    let made = |name: &TableName| {
        let name = name.clone();
        steps
            .iter()
            .filter_map(move |(_, detail)| detail.made.get(&name).copied())
    };
    let mut tables = Vec::new();
    for (planned, detail) in steps {
        let stands = |id: TableId, name: TableName, origin: Origin| Aside {
            id,
            name,
            origin,
            step: planned.number,
        };
        let all_made = |origin: Origin| {
            let made = detail.made.iter();
            made.map(move |(name, id)| stands(*id, name.clone(), origin))
        };
        match &planned.step {
            Step::RestoreSnapshot { tables: ranges, .. }
                if ranges.iter().all(|range| range.slot != Slot::Live) =>
            {
                tables.extend(all_made(Origin::Made));
            }
            Step::CreateTable { slot, .. } if *slot != Slot::Live => {
                tables.extend(all_made(match slot {
                    Slot::Before => Origin::PutAside,
                    _ => Origin::Made,
                }));
            }
            // Between SWAP and RENAME the other table stands under the name of the first.
            Step::Swap {
                table,
                with,
                live_id,
                ..
            } => {
                let name = request.name(&table.table, *with)?;
                tables.push(stands(*live_id, name, origin_of(planned.phase)));
            }
            Step::Rename {
                table,
                from,
                to,
                id,
            } if *to != Slot::Live => {
                let name = request.name(&table.table, *to)?;
                let origin = origin_of(planned.phase);
                match id {
                    Some(id) => tables.push(stands(*id, name, origin)),
                    None => {
                        let from = request.name(&table.table, *from)?;
                        tables.extend(made(&from).map(|id| stands(id, name.clone(), origin)));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(tables)
}

fn origin_of(phase: Phase) -> Origin {
    match phase {
        Phase::Undo => Origin::Undone,
        Phase::Build | Phase::Verify | Phase::Promote | Phase::Finish => Origin::PutAside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::restore::{
        samples,
        step::{TableRange, TableRef},
    };

    fn table(name: &str) -> TableRef {
        TableRef {
            label: samples::FULL.parse().unwrap(),
            table: name.parse().unwrap(),
        }
    }

    fn restored(slot: Slot, made: &[(&str, i64)]) -> (PlannedStep, Detail) {
        let step = Step::RestoreSnapshot {
            database: "shop".parse().unwrap(),
            label: samples::FULL.parse().unwrap(),
            snapshot: samples::FULL.parse().unwrap(),
            tables: vec![TableRange {
                from: 0,
                to: 2,
                slot,
                creates: true,
            }],
            replication_num: 1,
            timeout_seconds: 600,
        };
        let detail = Detail {
            made: made
                .iter()
                .map(|(name, id)| (name.parse().unwrap(), TableId(*id)))
                .collect(),
            ..Detail::default()
        };
        (planned(step), detail)
    }

    fn planned(step: Step) -> PlannedStep {
        PlannedStep {
            number: 1,
            phase: Phase::Build,
            step,
        }
    }

    fn pairs(steps: &[(PlannedStep, Detail)]) -> Vec<(i64, String, Origin)> {
        aside(&samples::request(), steps)
            .unwrap()
            .into_iter()
            .map(|table| (table.id.0, table.name.to_string(), table.origin))
            .collect()
    }

    #[test]
    fn all_tables_of_a_step_and_every_name_that_they_had_aside() {
        let swap = Step::Swap {
            table: table("a"),
            with: Slot::Staged,
            live_id: TableId(1),
            with_id: None,
        };
        let rename = Step::Rename {
            table: table("a"),
            from: Slot::Staged,
            to: Slot::Before,
            id: Some(TableId(1)),
        };
        let steps = [
            restored(Slot::Staged, &[("a_restored", 8), ("b_restored", 9)]),
            (planned(swap), Detail::default()),
            (planned(rename), Detail::default()),
        ];
        let expected = [
            (8, "a_restored", Origin::Made),
            (9, "b_restored", Origin::Made),
            (1, "a_restored", Origin::PutAside),
            (1, "a_before_20260301_040000", Origin::PutAside),
        ];
        let expected: Vec<_> = expected
            .map(|(id, name, origin)| (id, name.to_owned(), origin))
            .into();
        assert_eq!(pairs(&steps), expected);
    }

    #[test]
    fn what_is_live_stands_nowhere_aside() {
        let live = restored(Slot::Live, &[("a", 8)]);
        let rename = Step::Rename {
            table: table("b"),
            from: Slot::Staged,
            to: Slot::Live,
            id: None,
        };
        assert_eq!(pairs(&[live, (planned(rename), Detail::default())]), []);
    }
}
