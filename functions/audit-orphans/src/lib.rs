//! Holds the repository against the recorded backups: complete snapshots that nobody recorded, recorded
//! ones that are gone, fragments. And lists what was done lately. Reports only; nothing is ever deleted
//! here.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    config::Settings,
    context::Context,
    error::{Error, ErrorName},
    job::Phase,
    metrics::{self, Metric},
    ops::Ops,
    plan::{
        activity::{Records, activity},
        orphans::{Listings, Orphan, find_orphans},
    },
    read,
    sql::show,
    starrocks::Client,
};

/// The repository is that of the configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// Findings to answer one by one, those that lose data first. Without it all of them: more than a
    /// state machine can carry.
    limit: Option<usize>,
    /// Raise `VerificationFailed` where a recorded backup cannot be restored any more.
    #[serde(default)]
    fail_on_loss: bool,
    /// Of what was done, how far back. A week and a day, so that nothing falls between two audits.
    #[serde(default = "eight")]
    days: u16,
}

fn eight() -> u16 {
    8
}

/// What all findings may have as JSON where the answer is limited: a state carries 32 KB.
const LIMITED_BYTES: usize = 18_000;

/// Answers `{"repository", "snapshots", "loses_data", "findings": [{"label", "class", "recorded",
/// "dependents", "loses_data", "message", "hint"}], "findings_not_shown", "activity"}`.
pub async fn handle(context: &Context, event: Value) -> Result<Value, Error> {
    let request: Request = shared::context::parse(event)?;
    let mut client = context.connect().await?;
    let answer = audit(context.settings(), &mut client, &request).await;
    client.close().await;
    answer
}

async fn audit(
    settings: &Settings,
    client: &mut Client,
    request: &Request,
) -> Result<Value, Error> {
    let ops = settings.ops_database();
    let repository = settings.repository()?;
    let state = Ops::new(client, ops).schema_state().await?;
    if let Some(error) = state.to_error(ops) {
        return Err(error);
    }
    // What runs first and what is recorded last: a backup that ends meanwhile is seen in one of them.
    let mut running: BTreeSet<String> = client
        .fetch(&show::backups())
        .await?
        .into_iter()
        .filter(|job| job.state.phase() == Phase::Running)
        .map(|job| job.label)
        .collect();
    for database in client.fetch(&show::databases()).await? {
        let claims = Ops::new(client, ops).open_claims(&database.0).await?;
        running.extend(claims.into_iter().map(|claim| claim.label.to_string()));
    }
    let snapshots = client.fetch(&show::snapshots(repository)).await?;
    let records = Ops::new(client, ops).backups().await?;
    let activity = activity(
        &Records {
            backups: &records,
            restores: &Ops::new(client, ops).restores().await?,
            given_up: &Ops::new(client, ops).given_up().await?,
        },
        read::utc_now(client).await?,
        request.days,
    );
    tracing::info!(
        days = activity.days,
        backups = ?activity.backups,
        restores = ?activity.restores,
        promotes = activity.promotes,
        undos = activity.undos,
        cancels = activity.cancels,
        "what was done lately"
    );
    let mut orphans = find_orphans(&Listings {
        repository,
        running: &running,
        snapshots: &snapshots,
        records: &records,
    });
    for orphan in orphans.iter().filter(|orphan| orphan.loses_data()) {
        tracing::error!(label = orphan.label, finding = %orphan, "a recorded backup cannot be restored");
    }
    let lost_backups = orphans.iter().filter(|orphan| orphan.loses_data()).count();
    #[expect(clippy::cast_precision_loss, reason = "labels are few")]
    metrics::emit(None, &[(Metric::LostBackups, lost_backups as f64)]);
    let loses_data = lost_backups > 0;
    if request.fail_on_loss && loses_data {
        return Err(lost(&orphans));
    }
    // Stable: within each half the order stays.
    orphans.sort_by_key(|orphan| !orphan.loses_data());
    let shown = match request.limit {
        Some(limit) => limited(&orphans, limit),
        None => orphans.iter().map(finding).collect(),
    };
    Ok(json!({
        "repository": repository,
        "snapshots": snapshots.len(),
        "loses_data": loses_data,
        "findings_not_shown": orphans.len() - shown.len(),
        "findings": shown,
        "activity": activity,
    }))
}

fn limited(orphans: &[Orphan], limit: usize) -> Vec<Value> {
    let mut bytes = 0;
    let findings = orphans.iter().take(limit).map(finding);
    findings
        .take_while(|finding| {
            bytes += finding.to_string().len();
            bytes <= LIMITED_BYTES
        })
        .collect()
}

/// Names what is lost, as far as an error message carries it.
fn lost(orphans: &[Orphan]) -> Error {
    const NAMED: usize = 20;
    let lost: Vec<&Orphan> = orphans
        .iter()
        .filter(|orphan| orphan.loses_data())
        .collect();
    let words: Vec<String> = lost.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match lost.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Error::new(
        ErrorName::VerificationFailed,
        format!(
            "recorded backups cannot be restored: {}{more}",
            words.join("; ")
        ),
    )
    .hint("starrocks-br doctor --orphans lists all of them, each with what to do")
}

fn finding(orphan: &Orphan) -> Value {
    let mut value = json!(orphan);
    // The class is an object because some carry more; its name alone is what a reader looks for.
    if let Some(class) = value["class"]["class"].as_str().map(str::to_owned) {
        value["class"] = json!(class);
    }
    value["loses_data"] = json!(orphan.loses_data());
    value["message"] = json!(orphan.to_string());
    value["hint"] = json!(orphan.hint());
    value
}
