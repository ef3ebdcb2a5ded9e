//! One call on one stored restore: its request, its manifests, its steps, and the databases it holds.

use std::collections::BTreeMap;

use shared::{
    audit::{Action, Subject},
    config::Settings,
    error::{Error, ErrorName},
    facts::TableState,
    flow::RestoreRun,
    ident::{DatabaseName, InvocationId, TableId, TableName},
    ops::{Ops, run_status::Lease},
    plan::restore::{
        Context, PlannedStep, RestoreRequest, Slot, Source, Step, TableRef, Way,
        resume::is_late_statement,
    },
    sql::{
        Statement,
        ops::steps::{RestoreRow, StepState, StepUpdate},
        show,
    },
    starrocks::{Client, ClientError, Done},
    version::EngineLine,
};

use crate::{sources, stored::Stored, target};

pub(crate) struct Work<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) run: &'a RestoreRun,
    pub(crate) restore: RestoreRow,
    pub(crate) request: RestoreRequest,
    pub(crate) sources: Vec<Source>,
    pub(crate) steps: Vec<Stored>,
    pub(crate) line: EngineLine,
    leases: BTreeMap<DatabaseName, Lease>,
}

impl<'a> Work<'a> {
    /// Reads a stored restore and takes its databases.
    pub(crate) async fn load(
        settings: &'a Settings,
        client: &mut Client,
        run: &'a RestoreRun,
        invocation: &InvocationId,
    ) -> Result<Work<'a>, Error> {
        let mut work = Work::read(settings, client, run).await?;
        work.take_databases(client, invocation).await?;
        work.refuse_beside_late_statements(client).await?;
        Ok(work)
    }

    /// Reads a stored restore, to look at it only.
    pub(crate) async fn read(
        settings: &'a Settings,
        client: &mut Client,
        run: &'a RestoreRun,
    ) -> Result<Work<'a>, Error> {
        let mut ops = Ops::new(client, settings.ops_database());
        let restore = ops.known_restore(&run.restore_id).await?;
        let scope = restore.scope.clone().unwrap_or_default();
        let request: RestoreRequest = serde_json::from_str(&scope).map_err(|error| {
            Error::new(
                ErrorName::NotFound,
                format!(
                    "restore '{}' has no request that this program made: {error}",
                    restore.id
                ),
            )
            .hint("it was made by another tool: it can be listed, but not continued")
        })?;
        let steps = ops
            .restore_steps(&run.restore_id)
            .await?
            .into_iter()
            .map(Stored::of)
            .collect::<Result<Vec<_>, _>>()?;
        let sources = match sources::read(settings, client, &request.labels).await {
            Ok(sources) => sources,
            Err(error) => {
                sources::without_snapshots(settings, client, &restore, &request, &steps, error)
                    .await?
            }
        };
        let line = target::engine_line(client).await?;
        Ok(Work {
            settings,
            run,
            restore,
            request,
            sources,
            steps,
            line,
            leases: BTreeMap::new(),
        })
    }

    pub(crate) fn ops<'c>(&'c self, client: &'c mut Client) -> Ops<'c> {
        Ops::new(client, self.settings.ops_database())
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            request: &self.request,
            sources: &self.sources,
        }
    }

    async fn take_databases(
        &mut self,
        client: &mut Client,
        invocation: &InvocationId,
    ) -> Result<(), Error> {
        let databases: Vec<DatabaseName> = self
            .sources
            .iter()
            .map(|source| self.request.target(&source.manifest.database).clone())
            .collect();
        for database in databases {
            if !self.leases.contains_key(&database) {
                let lease = self
                    .ops(client)
                    .acquire_lease(&database, &self.run.execution_id, invocation)
                    .await?;
                self.leases.insert(database, lease);
            }
        }
        Ok(())
    }

    /// A call that was killed may have left a statement that the frontend has not executed yet.
    async fn refuse_beside_late_statements(&self, client: &mut Client) -> Result<(), Error> {
        for process in client.fetch(&show::processes()).await? {
            let late = self.leases.keys().find(|database| {
                is_late_statement(&process.statement, &process.database, database)
            });
            let Some(database) = late else { continue };
            // No more of the statement than its kind: others' may hold what nobody should read.
            let words: Vec<&str> = process.statement.split_whitespace().take(2).collect();
            return Err(Error::new(
                ErrorName::JobConflict,
                format!(
                    "connection {} of user '{}' executes {} in database {database}",
                    process.connection_id,
                    process.user,
                    words.join(" ")
                ),
            )
            .hint(
                "it may be what an earlier call of this restore sent: the restore goes on when \
                 SHOW PROCESSLIST shows it no more",
            ));
        }
        Ok(())
    }

    /// To be called right before anything that cannot be taken back.
    pub(crate) async fn verify_lease(
        &self,
        client: &mut Client,
        database: &DatabaseName,
    ) -> Result<(), Error> {
        let lease = self.leases.get(database).ok_or_else(|| {
            Error::internal(format!(
                "a step works in database {database}, which is not held"
            ))
        })?;
        self.ops(client).verify_lease(lease).await
    }

    pub(crate) fn audit<'s>(
        &'s self,
        action: Action,
        databases: &'s [DatabaseName],
        object: &'s str,
    ) -> Subject<'s> {
        Subject {
            action,
            execution: self.run.execution_id.as_str(),
            label: self.restore.label.as_str(),
            restore: self.run.restore_id.as_str(),
            databases,
            object,
        }
    }

    /// Sends what changes something in a database: the one way to do so. What deletes is on the log
    /// before it is sent.
    pub(crate) async fn run(
        &self,
        client: &mut Client,
        database: &DatabaseName,
        way: &Way,
        statement: &Statement,
    ) -> Result<Done, ClientError> {
        let sent = async {
            match way {
                Way::InDatabase => client.run_in(database, statement).await,
                Way::Plain | Way::Task(_) => client.run(statement).await,
            }
        };
        match statement.deletes() {
            true => {
                let databases = std::slice::from_ref(database);
                let subject = self.audit(Action::Delete, databases, statement.text());
                subject.around(sent).await
            }
            false => sent.await,
        }
    }

    /// The databases that this call holds.
    pub(crate) fn databases(&self) -> Vec<DatabaseName> {
        self.leases.keys().cloned().collect()
    }

    /// The database that a step's table is restored into.
    pub(crate) fn database_of(&self, table: &TableRef) -> Result<DatabaseName, Error> {
        let source = self
            .sources
            .iter()
            .find(|source| source.manifest.label == table.label)
            .ok_or_else(|| {
                Error::internal(format!("label {} is not part of this restore", table.label))
            })?;
        Ok(self.request.target(&source.manifest.database).clone())
    }

    pub(crate) fn name_of(&self, table: &TableRef, slot: Slot) -> Result<TableName, Error> {
        Ok(self.request.name(&table.table, slot)?)
    }

    /// The table that this restore made under a name: recorded by the step that made it.
    pub(crate) fn made(&self, database: &DatabaseName, name: &TableName) -> Option<TableId> {
        self.steps
            .iter()
            .filter(|stored| self.works_in(stored, database))
            .find_map(|stored| stored.detail.made.get(name).copied())
    }

    fn works_in(&self, stored: &Stored, database: &DatabaseName) -> bool {
        match &stored.planned.step {
            Step::RestoreSnapshot { database: own, .. } => own == database,
            Step::CreateTable { table, .. } => {
                self.database_of(table).is_ok_and(|own| own == *database)
            }
            _ => false,
        }
    }

    /// Every table of a database with its id and state, unfiltered by privileges.
    pub(crate) async fn tables(
        &self,
        client: &mut Client,
        database: &DatabaseName,
    ) -> Result<BTreeMap<TableName, (TableId, TableState)>, Error> {
        target::tables(client, database).await
    }

    /// Writes a step's progress, in the engine and here.
    pub(crate) async fn save(
        &mut self,
        client: &mut Client,
        index: usize,
        state: StepState,
    ) -> Result<(), Error> {
        let stored = &self.steps[index];
        let update = StepUpdate {
            state: Some(state),
            attempt: Some(stored.row.attempt),
            live_table_id: stored.row.live_table_id,
            staged_table_id: stored.detail.made.values().next().copied(),
            detail: Some(stored.detail.to_text()?),
        };
        let number = stored.row.number;
        self.ops(client)
            .update_step(&self.run.restore_id, number, &update)
            .await?;
        self.steps[index].row.state = state;
        Ok(())
    }

    pub(crate) async fn restore_is_running(
        &self,
        client: &mut Client,
        database: &DatabaseName,
    ) -> Result<bool, Error> {
        let jobs = client.fetch(&show::restore(database)).await?;
        Ok(jobs
            .iter()
            .any(|job| job.state.phase() == shared::job::Phase::Running))
    }
}

/// A step that the engine refused, or that somebody else has made impossible.
pub(crate) fn failed(step: &PlannedStep, reason: impl Into<String>) -> Error {
    Error::new(
        ErrorName::RestoreFailed,
        format!(
            "step {} ({}) of the restore: {}",
            step.number,
            step.step.kind(),
            reason.into()
        ),
    )
}
