//! Policies that were switched off for a restore: which, in which table, and what switches them on again.
//!
//! ALTER TABLE SET names a table and means whatever has the name then, so each judgment takes table ids.

use super::{
    policy::{self, Properties, UpperBound, keeps_all},
    step::{Policy, Step},
};
use crate::{
    ident::{QualifiedTable, TableId},
    sql::restore::set_properties,
    time::UtcTime,
};

/// What is to be switched off, with what it was set to.
pub fn to_hold(properties: &Properties) -> Vec<(Policy, String)> {
    policy::active(properties)
        .into_iter()
        .map(|policy| {
            let value = policy.value(properties).unwrap_or_default();
            (policy, value.to_owned())
        })
        .collect()
}

/// What of `held` is to be set again in a table. What somebody has switched on meanwhile stays as it is.
pub fn to_give_back<'h>(
    held: impl IntoIterator<Item = (&'h Policy, &'h String)>,
    properties: &Properties,
) -> Vec<(Policy, String)> {
    held.into_iter()
        .filter(|(policy, _)| !policy.is_active(properties))
        .map(|(policy, value)| (*policy, value.clone()))
        .collect()
}

/// Whether the live table may be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldLook {
    Hold,
    /// What was restored has the name already.
    Over,
    /// Neither: somebody else changed something.
    Refuse(String),
}

/// Judges holding the table `live_id`. `live` is what has the name now, `made` what this restore made.
pub fn hold_look(live_id: TableId, made: Option<TableId>, live: Option<TableId>) -> HoldLook {
    match live {
        Some(live) if live == live_id => HoldLook::Hold,
        Some(live) if Some(live) == made => HoldLook::Over,
        Some(live) => HoldLook::Refuse(format!(
            "it was id {live_id} when this was planned and is now id {live}: somebody replaced it"
        )),
        None => HoldLook::Refuse(format!(
            "it (id {live_id}) is gone: somebody dropped or renamed it"
        )),
    }
}

/// What becomes of a held live table when its promotion ends half-way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndLook {
    GiveBack,
    /// It went aside, as it should.
    Over,
    /// Some partitions of the restore are in it and others are not: its policies could drop those, and
    /// nobody would put them in again.
    Mixed,
    /// It has another name, or none.
    Elsewhere,
}

pub fn end_look(
    live_id: TableId,
    made: Option<TableId>,
    live: Option<TableId>,
    mixed: bool,
) -> EndLook {
    match live {
        Some(live) if live == live_id && mixed => EndLook::Mixed,
        Some(live) if live == live_id => EndLook::GiveBack,
        Some(live) if Some(live) == made => EndLook::Over,
        _ => EndLook::Elsewhere,
    }
}

/// Whether a step changes which partitions a live table has, or what they hold.
pub fn changes_partitions(step: &Step) -> bool {
    use super::step::{CopyMode, Slot};
    match step {
        Step::AddPartitions {
            slot, temporary, ..
        } => *slot == Slot::Live && !temporary,
        Step::CopyPartitions { mode, .. } => *mode == CopyMode::Overwrite,
        Step::ReplacePartitions { .. } => true,
        _ => false,
    }
}

/// What a policy would choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Where the restored partitions end.
    pub restored: Vec<UpperBound>,
    /// How many the table has in all.
    pub partitions: usize,
}

/// Whether a policy is certain to drop no restored partition.
pub fn keeps(
    policy: Policy,
    value: &str,
    properties: &Properties,
    choice: &Choice,
    now: UtcTime,
) -> bool {
    let mut properties = properties.to_vec();
    properties.retain(|(key, _)| key != policy.property());
    properties.push((policy.property().to_owned(), value.to_owned()));
    // A number of partitions counts them all. The other policies judge each by itself, and what they
    // drop of the others they would have dropped without the restore.
    let all = vec![None; choice.partitions];
    let ends = match policy {
        Policy::LiveNumber => &all,
        _ => &choice.restored,
    };
    keeps_all(policy, &properties, ends, now)
}

/// What has the live name when policies are to be switched on again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveNow<'a> {
    pub id: TableId,
    pub properties: &'a Properties,
    pub choice: Choice,
}

/// What becomes of one held policy in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resume {
    Set,
    /// By an earlier call, or by somebody else.
    IsOn,
    StaysOff(String),
}

/// Judges switching a policy on again in the table `expected`, at this moment: much time may have passed
/// since it was planned.
pub fn resume(
    policy: Policy,
    value: &str,
    expected: Option<TableId>,
    live: Option<&LiveNow<'_>>,
    now: UtcTime,
) -> Resume {
    let Some(live) = live else {
        return Resume::StaysOff("the live table is gone".into());
    };
    if expected != Some(live.id) {
        return Resume::StaysOff(format!(
            "the live table (id {}) is not the one that this restore put there: somebody replaced it",
            live.id
        ));
    }
    if policy.is_active(live.properties) {
        return Resume::IsOn;
    }
    match keeps(policy, value, live.properties, &live.choice, now) {
        true => Resume::Set,
        false => Resume::StaysOff("it could drop restored partitions".into()),
    }
}

/// What a person is told, with the statement to run.
pub fn left_off(table: &QualifiedTable, policy: Policy, value: &str, because: &str) -> String {
    let property = policy.property();
    let set = set_properties(table, [(property, value)]);
    format!(
        "{}.{} has {property} switched off, because {because}. When it may: {}",
        table.database,
        table.table,
        set.text()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: TableId = TableId(1);
    const MADE: TableId = TableId(2);
    const OTHER: TableId = TableId(3);

    fn properties(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_is_held_comes_back_where_nobody_set_it_meanwhile() {
        let before = properties(&[
            ("dynamic_partition.enable", "true"),
            ("partition_live_number", "7"),
            ("partition_ttl", "0 day"),
        ]);
        let held = to_hold(&before);
        assert_eq!(
            held,
            [
                (Policy::DynamicPartition, "true".to_owned()),
                (Policy::LiveNumber, "7".to_owned()),
            ]
        );
        let give_back = |now: &[(&str, &str)]| {
            let held = held.iter().map(|(policy, value)| (policy, value));
            to_give_back(held, &properties(now))
        };
        let off = ("dynamic_partition.enable", "false");
        assert_eq!(give_back(&[off, ("partition_live_number", "-1")]), held);
        assert_eq!(give_back(&[off, ("partition_live_number", "9")]), held[..1]);
    }

    #[test]
    fn only_the_planned_table_is_held() {
        let hold = |live| hold_look(LIVE, Some(MADE), live);
        assert_eq!(hold(Some(LIVE)), HoldLook::Hold);
        assert_eq!(hold(Some(MADE)), HoldLook::Over);
        assert!(matches!(hold(Some(OTHER)), HoldLook::Refuse(_)));
        assert!(matches!(hold(None), HoldLook::Refuse(_)));
    }

    #[test]
    fn what_ends_half_way_is_given_back_where_it_can() {
        for (live, mixed, expected) in [
            (Some(LIVE), false, EndLook::GiveBack),
            (Some(LIVE), true, EndLook::Mixed),
            (Some(MADE), false, EndLook::Over),
            (Some(OTHER), false, EndLook::Elsewhere),
            (None, true, EndLook::Elsewhere),
        ] {
            let found = end_look(LIVE, Some(MADE), live, mixed);
            assert_eq!(found, expected, "{live:?} {mixed}");
        }
    }

    #[test]
    fn policies_go_on_where_and_when_they_drop_nothing() {
        let off = properties(&[("partition_ttl", "0 day"), ("partition_live_number", "-1")]);
        let live = LiveNow {
            id: MADE,
            properties: &off,
            choice: Choice {
                restored: vec![Some("2026-03-02T00:00:00".parse().unwrap())],
                partitions: 3,
            },
        };
        let at = |policy, value: &str, live: Option<&LiveNow<'_>>, now: &str| {
            resume(policy, value, Some(MADE), live, now.parse().unwrap())
        };
        let early = "2026-03-05 00:00:00";
        let ttl = Policy::Ttl;
        assert_eq!(at(ttl, "1 week", Some(&live), early), Resume::Set);
        let late = at(ttl, "1 week", Some(&live), "2026-04-05 00:00:00");
        assert!(matches!(late, Resume::StaysOff(_)));
        let number = |value| at(Policy::LiveNumber, value, Some(&live), early);
        assert_eq!(number("3"), Resume::Set);
        assert!(matches!(number("2"), Resume::StaysOff(_)));
        let other = LiveNow {
            id: OTHER,
            ..live.clone()
        };
        assert!(matches!(
            at(ttl, "1 week", Some(&other), early),
            Resume::StaysOff(_)
        ));
        assert!(matches!(
            at(ttl, "1 week", None, early),
            Resume::StaysOff(_)
        ));
        let on = properties(&[("partition_ttl", "2 week")]);
        let on = LiveNow {
            properties: &on,
            ..live
        };
        assert_eq!(at(ttl, "1 week", Some(&on), early), Resume::IsOn);
    }

    #[test]
    fn what_stays_off_is_said() {
        let table = QualifiedTable::new(&"sales".parse().unwrap(), &"days".parse().unwrap());
        let said = left_off(
            &table,
            Policy::LiveNumber,
            "7",
            "it could drop restored partitions",
        );
        insta::assert_snapshot!(said, @r#"sales.days has partition_live_number switched off, because it could drop restored partitions. When it may: ALTER TABLE `sales`.`days` SET ("partition_live_number" = "7")"#);
    }
}
