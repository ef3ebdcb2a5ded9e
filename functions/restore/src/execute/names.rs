//! Names that change hands. Judged by table ids, because SWAP sent twice would undo itself.

use shared::{
    error::Error,
    facts::TableState,
    ident::{DatabaseName, QualifiedTable, TableId, TableName},
    plan::{
        promote::{NameState, rename_state, swap_state},
        restore::{Slot, Step, TableRef},
    },
    read,
    sql::admin::{Privilege, grant, probe},
    starrocks::{Client, FailureKind},
};

use super::Progress;
use crate::work::{Work, failed};

impl Work<'_> {
    pub(super) async fn swap(
        &mut self,
        client: &mut Client,
        index: usize,
    ) -> Result<Progress, Error> {
        let planned = self.steps[index].planned.clone();
        let Step::Swap {
            table,
            with,
            live_id,
            with_id,
        } = &planned.step
        else {
            return Err(Error::internal("another step than SWAP was given"));
        };
        let database = self.database_of(table)?;
        let live = self.name_of(table, Slot::Live)?;
        let other = self.name_of(table, *with)?;
        let other_id = self.id_or_made(&database, &other, *with_id, index)?;
        let tables = self.tables(client, &database).await?;
        let id = |name: &TableName| tables.get(name).map(|(id, _)| *id);
        match swap_state(*live_id, other_id, id(&live), id(&other)) {
            NameState::Done => self.check_access(client, index, table).await,
            NameState::Refuse(reason) => Err(failed(&planned, format!("'{live}': {reason}"))),
            NameState::NotDone => {
                for name in [&live, &other] {
                    self.check_normal(
                        client,
                        &database,
                        name,
                        tables.get(name).map(|(_, s)| s),
                        index,
                    )
                    .await?;
                }
                self.change_names(client, index, table, *live_id).await
            }
        }
    }

    pub(super) async fn rename(
        &mut self,
        client: &mut Client,
        index: usize,
    ) -> Result<Progress, Error> {
        let planned = self.steps[index].planned.clone();
        let Step::Rename {
            table,
            from,
            to,
            id,
        } = &planned.step
        else {
            return Err(Error::internal("another step than RENAME was given"));
        };
        let database = self.database_of(table)?;
        let from_name = self.name_of(table, *from)?;
        let to_name = self.name_of(table, *to)?;
        let renamed = self.id_or_made(&database, &from_name, *id, index)?;
        let tables = self.tables(client, &database).await?;
        let found = |name: &TableName| tables.get(name).map(|(id, _)| *id);
        match rename_state(renamed, found(&from_name), found(&to_name)) {
            NameState::Done => self.check_access(client, index, table).await,
            NameState::Refuse(reason) => Err(failed(&planned, format!("'{from_name}': {reason}"))),
            NameState::NotDone => {
                let state = tables.get(&from_name).map(|(_, state)| state);
                self.check_normal(client, &database, &from_name, state, index)
                    .await?;
                self.change_names(client, index, table, renamed).await
            }
        }
    }

    async fn change_names(
        &mut self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        live: TableId,
    ) -> Result<Progress, Error> {
        self.steps[index].row.live_table_id = Some(live);
        self.begin(client, index).await?;
        for sent in self.statements(index)? {
            self.send_one(client, index, &sent).await?;
        }
        tracing::info!(
            restore.id = %self.run.restore_id,
            table = %table.table,
            step.kind = self.steps[index].planned.step.kind(),
            "live name changed"
        );
        self.check_access(client, index, table).await
    }

    /// Grants on single tables stay with the id, this user's too: whether it can read what now has the
    /// name is said, because the next backup needs it.
    async fn check_access(
        &mut self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
    ) -> Result<Progress, Error> {
        let takes_the_name = match &self.steps[index].planned.step {
            Step::Swap { .. } => true,
            Step::Rename { to, .. } => *to == Slot::Live,
            _ => false,
        };
        if !takes_the_name {
            return Ok(Progress::Done);
        }
        let database = self.database_of(table)?;
        let live = QualifiedTable::new(&database, &self.name_of(table, Slot::Live)?);
        match client.run(&probe(&live)).await {
            Ok(_) => {}
            Err(error) if error.kind() == FailureKind::AccessDenied => {
                let account = read::account(client).await?;
                let grant = grant(Privilege::BackUpTables(&database), &account);
                self.steps[index].detail.note(format!(
                    "this user may not read {live} any more ({}), so it cannot be backed up: {grant}",
                    error.engine_words().unwrap_or_default()
                ));
            }
            Err(error) => match error.engine_words() {
                Some(words) => self.steps[index].detail.note(format!(
                    "{live} could not be read after it got its name: {words}"
                )),
                None => return Err(error.into()),
            },
        }
        Ok(Progress::Done)
    }

    fn id_or_made(
        &self,
        database: &DatabaseName,
        name: &TableName,
        id: Option<TableId>,
        index: usize,
    ) -> Result<TableId, Error> {
        id.or_else(|| self.made(database, name)).ok_or_else(|| {
            failed(
                &self.steps[index].planned,
                format!("which table this restore made as '{name}' is not on record"),
            )
        })
    }

    /// A table in State RESTORE that is swapped away stays in that state for ever.
    async fn check_normal(
        &self,
        client: &mut Client,
        database: &DatabaseName,
        name: &TableName,
        state: Option<&TableState>,
        index: usize,
    ) -> Result<(), Error> {
        let planned = &self.steps[index].planned;
        if let Some(state) = state
            && *state != TableState::Normal
        {
            return Err(
                failed(planned, format!("'{name}' is in state {}", state.as_str()))
                    .hint("wait until the job on it has ended, then promote again"),
            );
        }
        if self.restore_is_running(client, database).await? {
            return Err(failed(
                planned,
                format!("a RESTORE is running in database {database}"),
            )
            .hint("wait until it has ended, then promote again"));
        }
        Ok(())
    }
}
