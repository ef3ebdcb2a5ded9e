//! The restore planner: manifests and facts of the target in, a strategy per table and ordered steps
//! out.
//!
//! Nothing of a plan touches live data before every table beside it is verified, and what lived is
//! kept under another name.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    ddl::Ddl,
    digest::Digest,
    facts::ObjectKind,
    ident::{DatabaseName, QualifiedTable},
    plan::promote::GoesAside,
};

pub mod addable;
pub mod aside;
mod assemble;
mod check;
pub mod choose;
pub mod detail;
pub mod follow;
pub mod held;
pub mod notice;
pub mod objects;
pub mod policy;
pub mod properties;
pub mod refusal;
pub mod render;
pub mod request;
pub mod resume;
#[cfg(test)]
pub(crate) mod samples;
pub mod source;
pub mod step;
mod strategy;
pub mod target;
#[cfg(test)]
mod tests;

use notice::Notices;
use refusal::Refusals;
use strategy::Draft;
use target::Occupant;

pub use detail::Detail;
pub use notice::Notice;
pub use refusal::{Refusal, Refused};
pub use render::{Context, RenderError, RestoredTable, StepStatement, Way};
pub use request::{DEFAULT_TIMEOUT_SECONDS, NameSuffix, RestoreRequest, Stamp};
pub use source::{BrokenReference, SnapshotSource, Source};
pub use step::{
    CopyMode, PartitionRange, Phase, PlannedStep, Policy, Slot, Step, TableRange, TableRef,
};
pub use strategy::{Promotion, Strategy};
pub use target::Target;

/// What a restore will do. Shown to people, stored, and executed as stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[must_use]
pub struct RestorePlan {
    pub tables: Vec<TablePlan>,
    #[serde(skip)]
    pub steps: Vec<PlannedStep>,
    pub notices: Vec<Notice>,
    pub totals: Totals,
    /// The same for the same labels, request and target, whenever it is planned: the digest of a plan
    /// that was shown says whether it is the plan that would be executed.
    pub digest: Digest,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TablePlan {
    pub table: TableRef,
    /// Where it is restored.
    pub database: DatabaseName,
    pub strategy: Strategy,
    pub reason: String,
    pub promotion: Promotion,
    pub live: LiveFate,
    pub partitions: u64,
    pub bytes: u64,
    /// Of those, what is copied inside the cluster after it was downloaded.
    pub copied_partitions: u64,
    pub copied_bytes: u64,
    pub replication_num: u16,
}

/// What becomes of the table that lives under the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "fate")]
pub enum LiveFate {
    NothingLives,
    /// Kept whole.
    Aside(GoesAside),
    /// It stays; what is replaced of it is kept.
    Spliced(GoesAside),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    pub tables: u64,
    pub partitions: u64,
    /// As the backup estimated it, one replica.
    pub bytes: u64,
    pub copied_bytes: u64,
    /// What has to be free for everything that is downloaded and copied, with replicas.
    pub room_bytes: u64,
}

/// Plans a restore, or says everything that stands against it.
pub fn plan(
    request: &RestoreRequest,
    sources: &[Source],
    target: &Target,
) -> Result<RestorePlan, Refused> {
    let mut refusals = Refusals::default();
    let mut notices = Notices::default();
    check::check_sources(request, sources, target, &mut refusals, &mut notices);
    let selections = check::select(request, sources, &mut refusals, &mut notices);
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    let mut objects: Vec<(usize, u32)> = Vec::new();
    for (number, (source, selection)) in sources.iter().zip(&selections).enumerate() {
        let tables = selection.tables.iter();
        drafts.extend(
            tables.filter_map(|index| {
                strategy::draft(request, source, *index, target, &mut refusals)
            }),
        );
        let wanted = missing_objects(request, source, &selection.objects, target, &mut notices);
        objects.extend(wanted.into_iter().map(|object| (number, object)));
    }
    strategy::check_collisions(request, &drafts, &mut refusals);
    refusals.into_result()?;

    for draft in &drafts {
        say_what_does_not_travel(request, draft, target, &mut notices);
    }
    let goes_aside = |draft: &Draft<'_>| {
        matches!(
            draft.promotion,
            Promotion::Swap | Promotion::RenamePair { .. }
        )
    };
    if drafts.iter().any(goes_aside) {
        for unread in &target.unread {
            notices.ask("the target was not read in full:", unread);
        }
    }
    let mut steps = assemble::build(request, &drafts, target);
    assemble::verify(&drafts, &mut steps);
    assemble::promote(request, &drafts, &mut steps);
    assemble::resume(request, &drafts, target, &mut steps, &mut notices);
    let notices = notices.into_vec();
    assemble::finish(sources, &objects, &notices, &mut steps);
    let steps = steps.into_vec();
    let tables: Vec<TablePlan> = drafts
        .iter()
        .map(|draft| table_plan(request, draft, target))
        .collect();
    Ok(RestorePlan {
        totals: totals(&tables),
        digest: digest(request, sources, &steps),
        tables,
        steps,
        notices,
    })
}

/// Objects that the target lacks, in the order in which they can be made.
fn missing_objects(
    request: &RestoreRequest,
    source: &Source,
    selected: &[u32],
    target: &Target,
    notices: &mut Notices,
) -> Vec<u32> {
    let manifest = &source.manifest;
    let database = request.target(&manifest.database);
    let selected: BTreeSet<u32> = selected.iter().copied().collect();
    let mut missing = Vec::new();
    for index in objects::creation_order(&manifest.objects) {
        let object = &manifest.objects[index];
        let Ok(number) = u32::try_from(index) else {
            continue;
        };
        if !selected.contains(&number) {
            continue;
        }
        let subject = format!("{database}.{}", object.name);
        if *database != manifest.database {
            notices.ask(
                subject,
                format!(
                    "is not made: its definition names database '{}', so it has to be made by hand",
                    manifest.database
                ),
            );
            continue;
        }
        if !matches!(target.occupant(database, &object.name), Occupant::Nothing) {
            notices.say(subject, "exists and stays as it is");
            continue;
        }
        match object.kind {
            ObjectKind::MaterializedView => notices.ask(
                subject,
                format!(
                    "is made again without rows: REFRESH MATERIALIZED VIEW `{database}`.`{}`",
                    object.name
                ),
            ),
            _ => notices.say(subject, "is missing, and is made again from its definition"),
        }
        missing.push(number);
    }
    missing
}

fn say_what_does_not_travel(
    request: &RestoreRequest,
    draft: &Draft<'_>,
    target: &Target,
    notices: &mut Notices,
) {
    let subject = draft.qualified();
    if request.is_partial() && draft.strategy != Strategy::Splice {
        notices.say(
            &subject,
            format!(
                "will hold {} of the {} partitions of the label",
                request.wanted(draft.table).count(),
                draft.table.partitions.iter().filter(|p| !p.system).count()
            ),
        );
    }
    let most = request.wanted(draft.table).map(|p| p.replication_num).max();
    if let Some(most) = most
        && most > target.live_backends
    {
        notices.say(
            &subject,
            format!(
                "had up to {most} replicas and gets {}: no more backends are alive",
                target.live_backends
            ),
        );
    }
    if draft.strategy == Strategy::Create {
        notices.say(
            &subject,
            "is made from its DDL, which does not hold rollups: add them again",
        );
    }
    if let Some(ddl) = &draft.ddl {
        say_what_is_lost(draft, ddl, notices);
    }
    match &draft.promotion {
        Promotion::Swap => say_what_stays(&subject, target, notices),
        Promotion::RenamePair { because } => {
            notices.say(
                &subject,
                format!(
                    "is put in place by two RENAMEs, so that its name is missing for a moment: a \
                     SWAP would be refused, because {because}"
                ),
            );
            say_what_stays(&subject, target, notices);
        }
        Promotion::InPlace | Promotion::Rename | Promotion::Splice => {}
    }
}

fn say_what_is_lost(draft: &Draft<'_>, ddl: &Ddl, notices: &mut Notices) {
    let subject = draft.qualified();
    if source::shadow_of(draft.table).is_none()
        && ddl.partitioning.is_automatic()
        && draft.strategy != Strategy::Create
    {
        notices.say(
            &subject,
            "was backed up without its hidden partition: it may refuse rows of new periods",
        );
    }
    for (property, value) in properties::reapplicable(ddl, draft.same_database()) {
        if draft.strategy != Strategy::Splice {
            notices.say(
                &subject,
                format!("loses {property} = '{value}' on restore; it is set again"),
            );
        }
    }
    if ddl.property("foreign_key_constraints").is_some() && !draft.same_database() {
        notices.ask(
            &subject,
            "has foreign keys that name another database: they are not set",
        );
    }
}

/// What keeps to the table id goes aside with the old data.
fn say_what_stays(table: &QualifiedTable, target: &Target, notices: &mut Notices) {
    for grant in target.grants.get(table).into_iter().flatten() {
        notices.ask(
            table,
            format!("keeps its grants under the old data. Run again: {grant}"),
        );
    }
    for load in target.routine_loads.get(table).into_iter().flatten() {
        notices.ask(
            table,
            format!("is written to by routine load {load}, which goes on with the old data"),
        );
    }
    let views = target
        .databases
        .values()
        .flat_map(|facts| facts.objects.iter().map(move |object| (facts, object)))
        .filter(|(_, object)| object.kind == ObjectKind::MaterializedView)
        .filter(|(_, object)| objects::mentions(&object.ddl, &table.table));
    for (facts, view) in views {
        notices.ask(
            table,
            format!(
                "makes materialized view {0}.{1} inactive: ALTER MATERIALIZED VIEW `{0}`.`{1}` ACTIVE",
                facts.database, view.name
            ),
        );
    }
}

fn table_plan(request: &RestoreRequest, draft: &Draft<'_>, target: &Target) -> TablePlan {
    let mut plan = TablePlan {
        table: draft.reference(),
        database: draft.database.clone(),
        strategy: draft.strategy,
        reason: draft.reason.clone(),
        promotion: draft.promotion.clone(),
        live: live_fate(request, draft, target),
        partitions: 0,
        bytes: 0,
        copied_partitions: 0,
        copied_bytes: 0,
        replication_num: draft.replication_num,
    };
    for partition in request.wanted(draft.table) {
        plan.partitions += 1;
        plan.bytes += partition.data_size;
        let copied = match draft.strategy {
            Strategy::Overlay => partition.stored_in != draft.snapshots[0],
            Strategy::Splice => true,
            Strategy::Direct | Strategy::Stage | Strategy::Create => false,
        };
        if copied {
            plan.copied_partitions += 1;
            plan.copied_bytes += partition.data_size;
        }
    }
    plan
}

fn live_fate(request: &RestoreRequest, draft: &Draft<'_>, target: &Target) -> LiveFate {
    let (Some(live), Ok(under)) = (draft.live, request.name(&draft.table.table, Slot::Before))
    else {
        return LiveFate::NothingLives;
    };
    let spliced = draft.promotion == Promotion::Splice;
    let wanted: BTreeSet<_> = request.wanted(draft.table).map(|one| &one.name).collect();
    let going: Vec<_> = live
        .partitions
        .iter()
        .filter(|partition| !partition.system)
        .filter(|partition| !spliced || wanted.contains(&partition.name))
        .collect();
    let aside = GoesAside {
        table: live.table.clone(),
        under,
        partitions: spliced.then_some(going.len() as u64),
        rows: going.iter().map(|partition| partition.row_count).sum(),
        last_load: target.last_loads.get(&draft.qualified()).cloned(),
    };
    match spliced {
        true => LiveFate::Spliced(aside),
        false => LiveFate::Aside(aside),
    }
}

fn totals(tables: &[TablePlan]) -> Totals {
    let mut totals = Totals::default();
    for table in tables {
        totals.tables += 1;
        totals.partitions += table.partitions;
        totals.bytes += table.bytes;
        totals.copied_bytes += table.copied_bytes;
        totals.room_bytes += (table.bytes + table.copied_bytes) * u64::from(table.replication_num);
    }
    totals
}

/// Neither the id of the restore nor its stamp: they differ between the plan that is shown and the
/// one that is executed.
fn digest(request: &RestoreRequest, sources: &[Source], steps: &[PlannedStep]) -> Digest {
    let mut parts: Vec<String> = sources
        .iter()
        .map(|source| source.manifest.digest().to_string())
        .collect();
    parts.push(json(&request.labels));
    parts.push(json(&request.scope));
    parts.push(request.rename_suffix.to_string());
    parts.push(json(&request.into_database));
    parts.push(json(&request.swap));
    parts.extend(steps.iter().map(json));
    Digest::of(parts.iter().map(String::as_bytes))
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("names, numbers and lists of them always serialize")
}
