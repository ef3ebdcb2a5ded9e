//! `init`.

use serde_json::json;
use shared::{
    error::{Error, ErrorName},
    read,
};

use super::Session;
use crate::{Done, args::Output, render};

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
        let mut report = self
            .ops(&mut client)
            .init(live, expected_partitions)
            .await?;
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
