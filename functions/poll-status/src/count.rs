//! Counting rows while StarRocks works, for a moment in each look.

use std::time::Duration;

use shared::{
    error::Error,
    ident::DatabaseName,
    manifest::Manifest,
    ops::Ops,
    plan::row_counts::{Batch, RowCounts},
    sql::copy::count_each,
    starrocks::{Client, ClientError, FailureKind},
};
use tokio::time::Instant;

/// What all counting of one look may take, but for its last statement.
const LOOK: Duration = Duration::from_secs(20);
/// What one statement may take. A partition that cannot be counted within it stays uncounted.
const STATEMENT: Duration = Duration::from_secs(60);
/// Partitions of the first statement of a look; twice as many after each that was quick, so that
/// 5,000 small ones take a handful of statements and large ones many short ones.
const FIRST_BATCH: usize = 125;
const LARGEST_BATCH: usize = 1_000;
const QUICK: Duration = Duration::from_secs(3);

/// Until when one job's rows are counted in this look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    until: Instant,
}

impl Share {
    /// Each job has the same part of the time, in turn.
    pub(crate) fn of_a_look(jobs: usize) -> impl Iterator<Item = Share> {
        let began = Instant::now();
        let jobs = u32::try_from(jobs).unwrap_or(u32::MAX);
        (1..=jobs).map(move |number| Share {
            until: began + LOOK / jobs * number,
        })
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// Goes on where the last look stopped. `true`: nothing is left, or nothing more can be kept.
pub(crate) async fn count(
    client: &mut Client,
    ops: &DatabaseName,
    planned: &Manifest,
    share: &Share,
) -> Result<bool, Error> {
    let mut counts = Ops::new(client, ops).row_counts(planned).await?;
    let before = counts.counted();
    if counts.next_batch(planned, 1).is_empty() {
        return Ok(true);
    }
    let usual = client.limit_queries(STATEMENT).await?;
    let ended = batches(client, planned, share, &mut counts).await;
    client.limit_queries(usual).await?;
    // What was counted before a failure is as good as the rest.
    let kept = counts.counted() == before
        || Ops::new(client, ops)
            .keep_row_counts(planned, &counts)
            .await?;
    ended?;
    Ok(!kept || counts.next_batch(planned, 1).is_empty())
}

async fn batches(
    client: &mut Client,
    planned: &Manifest,
    share: &Share,
    counts: &mut RowCounts,
) -> Result<(), Error> {
    let mut most = FIRST_BATCH;
    while !share.is_over() {
        let batch = counts.next_batch(planned, most);
        if batch.is_empty() {
            break;
        }
        let began = Instant::now();
        match rows_of(client, &batch).await {
            Ok(rows) => {
                counts.add(rows);
                if began.elapsed() < QUICK {
                    most = (most * 2).min(LARGEST_BATCH);
                }
            }
            Err(error) if !is_about_the_batch(&error) => return Err(error.into()),
            // Dropped meanwhile, or it takes too long: the others can be counted all the same.
            Err(error) if batch.len() == 1 => {
                tracing::info!(partition = ?batch, error = %error, "not counted");
                counts.add([None]);
            }
            Err(_) => most = batch.len() / 2,
        }
    }
    Ok(())
}

async fn rows_of(client: &mut Client, batch: &Batch) -> Result<Vec<Option<u64>>, ClientError> {
    let named = batch.iter().map(|(table, partition)| (table, partition));
    let query = count_each(named).expect("a batch names a partition");
    let mut rows = vec![None; batch.len()];
    for row in client.fetch_once(&query).await? {
        if let Some(place) = rows.get_mut(row.index) {
            *place = Some(row.row_count);
        }
    }
    Ok(rows)
}

/// A failure that fewer partitions might not meet. A proxy gives up what takes long by cutting the
/// connection; where the cluster itself is away, the next statement finds it unreachable.
fn is_about_the_batch(error: &ClientError) -> bool {
    matches!(
        error.kind(),
        FailureKind::UnknownTable
            | FailureKind::UnknownPartition
            | FailureKind::RestoreState
            | FailureKind::Timeout
            | FailureKind::ConnectionLost
            | FailureKind::Other
    )
}
