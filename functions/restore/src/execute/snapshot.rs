//! RESTORE: submitted once, followed to its end.

use std::collections::BTreeMap;

use shared::{
    error::{Error, ErrorName},
    facts::TableState,
    ident::{DatabaseName, TableId, TableName},
    plan::restore::{
        Step,
        resume::{Begun, JobSeen, NameSeen, RestoreLook, restore_look},
        source::table_of,
    },
    sql::{ops::steps::StepState, show},
    starrocks::{Client, FailureKind},
};

use super::Progress;
use crate::work::{Work, failed};

type Tables = BTreeMap<TableName, (TableId, TableState)>;

impl Work<'_> {
    pub(super) async fn restore_snapshot(
        &mut self,
        client: &mut Client,
        index: usize,
    ) -> Result<Progress, Error> {
        let planned = self.steps[index].planned.clone();
        let Step::RestoreSnapshot {
            database,
            label,
            snapshot,
            ..
        } = &planned.step
        else {
            return Err(Error::internal("another step than RESTORE was given"));
        };
        let timestamp = self
            .sources
            .iter()
            .find(|source| source.manifest.label == *label)
            .and_then(|source| source.snapshots.get(snapshot))
            .map(|found| found.timestamp.clone())
            .ok_or_else(|| failed(&planned, format!("snapshot {snapshot} is gone")))?;
        let makes: Vec<TableName> = self
            .context()
            .restored_tables(&planned.step)?
            .into_iter()
            .filter(|table| table.creates)
            .map(|table| table.name)
            .collect();
        let jobs = client.fetch(&show::restore(database)).await?;
        let job = jobs.into_iter().next().map(|job| JobSeen {
            id: job.job_id,
            matches: job.label == snapshot.as_str() && job.timestamp == timestamp.as_str(),
            phase: job.state.phase(),
            words: match &job.work.task_errors {
                Some(errors) => format!("{} {errors}", job.work.status),
                None => job.work.status.clone(),
            },
        });
        let tables = self.tables(client, database).await?;
        let begun = match self.begun(index) {
            true => Begun::After(self.steps[index].detail.previous_job),
            false => Begun::Never,
        };
        match restore_look(begun, job.as_ref(), &seen(&makes, &tables)) {
            RestoreLook::Wait => Ok(Progress::Running),
            RestoreLook::Done => {
                self.remember(index, &makes, &tables)?;
                Ok(Progress::Done)
            }
            RestoreLook::Send => {
                self.submit(client, index, database, job.map(|job| job.id))
                    .await
            }
            RestoreLook::Cancelled(words) => {
                // Said once: whoever resumes the restore after this sends the statement again. What
                // the job made is gone: a table that stands there then is somebody else's.
                self.steps[index].detail.previous_job = job.map(|job| job.id);
                self.steps[index].row.attempt = 0;
                self.save(client, index, StepState::Failed).await?;
                let message =
                    format!("RESTORE of snapshot {snapshot} into {database} was cancelled");
                Err(failed(&planned, message).engine(words))
            }
            RestoreLook::Refuse(reason) => Err(failed(&planned, reason)),
        }
    }

    async fn submit(
        &mut self,
        client: &mut Client,
        index: usize,
        database: &DatabaseName,
        previous: Option<i64>,
    ) -> Result<Progress, Error> {
        let bytes = self.bytes_of(index)?;
        let detail = &mut self.steps[index].detail;
        detail.previous_job = previous;
        detail.bytes = Some(bytes);
        detail.seen = None;
        self.begin(client, index).await?;
        self.verify_lease(client, database).await?;
        let planned = self.steps[index].planned.clone();
        for sent in self.statements(index)? {
            if let Err(error) = self
                .run(client, &sent.database, &sent.way, &sent.statement)
                .await
            {
                let Some(words) = error.engine_words() else {
                    return Err(error.into());
                };
                self.take_back(client, index).await?;
                return Err(match error.kind() {
                    FailureKind::JobRunning => Error::new(
                        ErrorName::JobConflict,
                        format!("another job runs in database {database}"),
                    )
                    .engine(words),
                    _ => failed(&planned, "RESTORE was refused").engine(words),
                });
            }
        }
        Ok(Progress::Running)
    }

    /// What a RESTORE downloads, as the backup estimated it.
    fn bytes_of(&self, index: usize) -> Result<u64, Error> {
        let step = &self.steps[index].planned.step;
        let Step::RestoreSnapshot { snapshot, .. } = step else {
            return Ok(0);
        };
        let mut bytes = 0;
        for restored in self.context().restored_tables(step)? {
            let (_, table) = table_of(&self.sources, &restored.reference)?;
            let wanted = self.request.wanted_from(table, snapshot);
            bytes += wanted.map(|partition| partition.data_size).sum::<u64>();
        }
        Ok(bytes)
    }

    fn remember(
        &mut self,
        index: usize,
        makes: &[TableName],
        tables: &Tables,
    ) -> Result<(), Error> {
        for name in makes {
            let Some((id, _)) = tables.get(name) else {
                let planned = &self.steps[index].planned;
                return Err(failed(
                    planned,
                    format!("'{name}' was restored and is gone"),
                ));
            };
            self.steps[index].detail.made.insert(name.clone(), *id);
        }
        Ok(())
    }
}

fn seen(names: &[TableName], tables: &Tables) -> Vec<NameSeen> {
    names
        .iter()
        .map(|name| NameSeen {
            name: name.clone(),
            table: tables.get(name).cloned(),
        })
        .collect()
}
