//! `init`.

use serde_json::json;
use shared::{
    error::{Error, ErrorName},
    ident::DatabaseName,
    read,
    sql::{
        admin::{Privilege, grant},
        ops::schema,
        show::Account,
    },
};

use super::Session;
use crate::{Done, args::Output, render};

/// Until the ops tables are there, nothing else says what they need.
fn with_statements(mut error: Error, ops: &DatabaseName, account: &Account) -> Error {
    let statements = [
        schema::create_database(ops),
        grant(Privilege::CreateTable(ops), account),
        grant(Privilege::OpsTables(ops), account),
    ];
    let statements = statements.map(|statement| statement.to_string());
    error.hints = vec![format!("an administrator runs: {}", statements.join("; "))];
    error
}

impl Session<'_> {
    pub(super) async fn init(&mut self, expected_partitions: u64) -> Done {
        let mut client = self.connect().await?;
        let repository = self.context.settings().repository()?.clone();
        if read::read_repository(&mut client, &repository)
            .await?
            .is_none()
        {
            return Err(Error::new(
                ErrorName::NotFound,
                format!("there is no repository '{repository}'"),
            )
            .hint(format!(
                "create it in StarRocks, with your bucket and region: CREATE REPOSITORY `{repository}` \
                 WITH BROKER ON LOCATION \"s3a://BUCKET/PATH\" PROPERTIES (\"aws.s3.region\" = \
                 \"REGION\", \"aws.s3.use_instance_profile\" = \"true\")"
            )));
        }
        if let Some(conflict) = self.ops(&mut client).conflict_with_init().await? {
            return Err(conflict);
        }
        let cluster = read::read_cluster(&mut client).await?;
        let live = cluster.live_backends().unwrap_or(1);
        let live = u16::try_from(live).unwrap_or(u16::MAX);
        let done = self.ops(&mut client).init(live, expected_partitions).await;
        let mut report = match done {
            Err(error) if error.name == ErrorName::AccessDenied => {
                let account = read::account(&mut client).await?;
                return Err(with_statements(
                    error,
                    self.context.settings().ops_database(),
                    &account,
                ));
            }
            done => done?,
        };
        let inventory = self.context.settings().inventory().to_vec();
        self.ops(&mut client).add_to_inventory(&inventory).await?;
        if !inventory.is_empty() {
            report
                .actions
                .push(format!("wrote {} rows of table_inventory", inventory.len()));
        }
        let groups = self.ops(&mut client).inventory().await?;
        client.close().await;
        match self.output {
            Output::Json => self
                .terminal
                .print(&render::pretty(&json!({ "actions": report.actions }))),
            Output::Text if report.actions.is_empty() => {
                self.terminal
                    .print("everything is there already: nothing to do");
            }
            Output::Text => self.terminal.print(&report.actions.join("\n")),
        }
        if groups.is_empty() {
            self.terminal.say(
                "next: put tables into a group: starrocks-br group add nightly DATABASE.TABLE ...",
            );
        }
        Ok(())
    }
}
