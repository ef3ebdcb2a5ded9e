//! Which tables a restore made beside the live ones or put aside.
//!
//! Each is an id together with the name under which it stands aside: a table that was swapped in has
//! an id of ours and is live, and a user's own table may be called `x_restored`. Neither is one of
//! these, and so neither is ever left out of a backup.

use std::collections::BTreeSet;

use super::{
    detail::Detail,
    request::RestoreRequest,
    step::{PlannedStep, Slot, Step},
};
use crate::ident::{InvalidName, TableId, TableName};

/// Every table of a restore with the names that it had or has beside the live one.
pub fn aside(
    request: &RestoreRequest,
    steps: &[(PlannedStep, Detail)],
) -> Result<BTreeSet<(TableId, TableName)>, InvalidName> {
    let made = |name: &TableName| {
        let name = name.clone();
        steps
            .iter()
            .filter_map(move |(_, detail)| detail.made.get(&name).copied())
    };
    let mut tables = BTreeSet::new();
    for (planned, detail) in steps {
        match &planned.step {
            Step::RestoreSnapshot { tables: ranges, .. }
                if ranges.iter().all(|range| range.slot != Slot::Live) =>
            {
                tables.extend(detail.made.iter().map(|(name, id)| (*id, name.clone())));
            }
            Step::CreateTable { slot, .. } if *slot != Slot::Live => {
                tables.extend(detail.made.iter().map(|(name, id)| (*id, name.clone())));
            }
            // Between SWAP and RENAME the other table stands under the name of the first.
            Step::Swap {
                table,
                with,
                live_id,
                ..
            } => {
                tables.insert((*live_id, request.name(&table.table, *with)?));
            }
            Step::Rename {
                table,
                from,
                to,
                id,
            } if *to != Slot::Live => {
                let name = request.name(&table.table, *to)?;
                match id {
                    Some(id) => tables.extend([(*id, name)]),
                    None => {
                        let from = request.name(&table.table, *from)?;
                        tables.extend(made(&from).map(|id| (id, name.clone())));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::restore::{
        samples,
        step::{Phase, TableRange, TableRef},
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

    fn pairs(steps: &[(PlannedStep, Detail)]) -> Vec<(i64, String)> {
        aside(&samples::request(), steps)
            .unwrap()
            .into_iter()
            .map(|(id, name)| (id.0, name.to_string()))
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
            (1, "a_before_20260301_040000"),
            (1, "a_restored"),
            (8, "a_restored"),
            (9, "b_restored"),
        ];
        let expected: Vec<_> = expected.map(|(id, name)| (id, name.to_owned())).into();
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
