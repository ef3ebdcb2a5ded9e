//! What is not there: dropped, or merely not visible. Only a listing that privileges do not filter
//! tells the two apart, and without one nothing is taken for dropped.

use std::collections::BTreeSet;

use super::{BackupRequest, Basis, Selection, Unsupported, skipped, subject};
use crate::{
    error::ErrorName,
    facts::{DatabaseFacts, ObjectKind},
    flow::OnUnsupported,
    ident::TableName,
    label::BackupKind,
    manifest::{Manifest, ManifestObject},
    plan::{Decision, Finding},
};

/// A manifest that cannot be planned against.
pub(super) fn check_baseline(facts: &DatabaseFacts, request: &BackupRequest<'_>) -> Vec<Finding> {
    let (known, referenced) = match request.basis {
        Basis::Full { last: None } => return Vec::new(),
        Basis::Full { last: Some(last) } => (last, false),
        Basis::Incremental { baseline } => (baseline, true),
    };
    let failed = |message: String| {
        let hint = "name a FINISHED full backup of the same group and database as baseline";
        Finding::failed("baseline", ErrorName::InvalidInput, message, hint).about(&known.label)
    };
    let mut findings = Vec::new();
    if known.database != facts.database {
        findings.push(failed(format!("it is of database {}", known.database)));
    }
    if referenced && known.kind != BackupKind::Full {
        findings.push(failed("it is not a full backup".to_owned()));
    }
    if known.label == request.label {
        findings.push(failed("the new backup has the same label".to_owned()));
    }
    findings
}

/// Finds what should be there and is not. Returns objects that are recorded as left out.
pub(super) fn check(
    facts: &DatabaseFacts,
    request: &BackupRequest<'_>,
    known: Option<&Manifest>,
    decisions: &mut Vec<Decision>,
    findings: &mut Vec<Finding>,
) -> Vec<ManifestObject> {
    // Functions are in no listing.
    let listed = |kind: ObjectKind| kind != ObjectKind::Function;
    let mut seen: BTreeSet<&TableName> = facts.tables.keys().collect();
    seen.extend(
        facts
            .objects
            .iter()
            .filter(|object| listed(object.kind))
            .map(|object| &object.name),
    );
    let mut before: BTreeSet<&TableName> = BTreeSet::new();
    if let Some(known) = known {
        before.extend(known.tables.iter().map(|table| &table.table));
        // What was left out then is not missed now; the group may still name it.
        let kept = known.objects.iter();
        before.extend(
            kept.filter(|object| listed(object.kind) && object.skipped_reason.is_none())
                .map(|object| &object.name),
        );
    }

    let mut expected: BTreeSet<&TableName> = before.clone();
    match request.selection {
        Selection::Everything => expected.extend(facts.listing.iter().flatten()),
        Selection::Names(names) => expected.extend(names),
    }
    let needed = || {
        format!(
            "the backup user needs OPERATE ON SYSTEM, or SELECT, EXPORT ON ALL TABLES IN DATABASE {}; \
             `starrocks-br doctor` prints the GRANT",
            facts.database
        )
    };
    if *request.selection == Selection::Everything && facts.listing.is_none() {
        let message = "the group is of all its tables, and which those are cannot be known";
        let finding = Finding::failed("database", ErrorName::PrecheckFailed, message, needed());
        findings.push(finding.about(&facts.database));
    }
    let mut left_out = Vec::new();
    for name in expected.difference(&seen) {
        if !request.selection.contains(name) {
            decisions.push(Decision::new(
                subject(name),
                "leave out",
                "the group does not name it any more",
            ));
            continue;
        }
        match &facts.listing {
            None => findings.push(
                failed(
                    "it cannot be seen, and whether it was dropped cannot be proven",
                    needed(),
                )
                .about(name),
            ),
            Some(listing) if listing.contains(*name) => findings.push(
                failed(
                    "it exists and cannot be read",
                    format!(
                        "the backup user needs SELECT, EXPORT ON ALL TABLES IN DATABASE {}; \
                         `starrocks-br doctor` prints the GRANT",
                        facts.database
                    ),
                )
                .about(name),
            ),
            Some(_) if before.contains(name) => decisions.push(Decision::new(
                subject(name),
                "drop",
                "the unfiltered listing of the database does not have it",
            )),
            Some(_) => match request.on_unsupported {
                OnUnsupported::Fail => findings.push(Unsupported::Missing.finding(name)),
                OnUnsupported::Skip => {
                    let reason = Unsupported::Missing.to_string();
                    decisions.push(Decision::new(subject(name), "skip", &*reason));
                    left_out.push(skipped((*name).clone(), String::new(), reason));
                }
            },
        }
    }
    left_out
}

fn failed(message: &str, hint: String) -> Finding {
    Finding::failed("table", ErrorName::PrecheckFailed, message, hint)
}
