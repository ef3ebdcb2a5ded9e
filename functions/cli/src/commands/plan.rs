//! `plan`: what a backup or a restore would do. The very functions of a backup are asked, which take,
//! write and send nothing when they are asked this.

use serde_json::{Value, json};
use shared::error::Error;

use super::{Session, backup};
use crate::{
    Done,
    args::{Output, Plan, PlanBackup},
    execution,
    handlers::Handlers,
    progress, render,
};

impl Session<'_> {
    pub(super) async fn plan(&mut self, what: Plan) -> Done {
        match what {
            Plan::Backup(plan) => self.plan_backup(plan).await,
            Plan::Restore(target) => self.plan_restore(target).await,
        }
    }

    async fn plan_backup(&mut self, plan: PlanBackup) -> Done {
        let compared = plan.incremental || plan.baseline_backup.is_some();
        let kind = match (plan.full, compared) {
            (true, _) => "full",
            (_, true) => "incremental",
            _ => "auto",
        };
        let input = backup::input(kind, &plan.options, plan.baseline_backup.as_deref());
        let (run, plans) = self.previews(input).await?;
        match self.output {
            Output::Json => self.terminal.print(&render::pretty(&json!({
                "group": plan.options.group,
                "kind": run["kind"],
                "chosen": run["chosen"],
                "databases": plans,
            }))),
            Output::Text => {
                let due = progress::due(&run).map(|due| format!("due: {due}"));
                let texts: Vec<String> = due.into_iter().chain(plans.iter().map(text)).collect();
                self.terminal.print(&texts.join("\n\n"));
            }
        }
        Ok(())
    }

    /// What the backup would be told, one database after the other.
    async fn previews(&self, input: Value) -> Result<(Value, Vec<Value>), Error> {
        let handlers = Handlers::new(self.context.clone());
        let checked = handlers
            .call(
                "Precheck",
                json!({
                    "operation": "backup",
                    "preview": true,
                    "input": input,
                    "execution": execution::described(),
                }),
            )
            .await?;
        let databases = checked["next"]["databases"].as_array().cloned();
        let mut plans = Vec::new();
        for database in databases.unwrap_or_default() {
            let event = json!({ "operation": "plan", "run": checked["run"], "database": database });
            plans.push(handlers.call("StartBackup", event).await?);
        }
        Ok((checked["run"].clone(), plans))
    }
}

fn text(plan: &Value) -> String {
    let list = |key: &str| plan[key].as_array().cloned().unwrap_or_default();
    let mut lines = vec![match plan["baseline"].as_str() {
        Some(baseline) => format!(
            "database {}: label {}, compared with {baseline}",
            word(&plan["database"]),
            word(&plan["label"])
        ),
        None => format!(
            "database {}: label {}, everything is stored",
            word(&plan["database"]),
            word(&plan["label"])
        ),
    }];
    let rows: Vec<[String; 5]> = list("tables")
        .iter()
        .map(|table| {
            [
                word(&table["table"]),
                word(&table["action"]),
                share(table),
                size(&table["bytes_stored"]),
                word(&table["reason"]),
            ]
        })
        .collect();
    if !rows.is_empty() {
        lines.push(render::table(
            ["TABLE", "WHAT", "PARTITIONS STORED", "BYTES", "WHY"],
            &rows,
        ));
    }
    for object in list("definitions") {
        lines.push(format!(
            "{} {}: its definition is kept, its rows are not",
            word(&object["kind"]),
            word(&object["name"])
        ));
    }
    for decision in list("left_out") {
        lines.push(format!(
            "{}: {}: {}",
            word(&decision["subject"]),
            word(&decision["action"]),
            word(&decision["reason"])
        ));
    }
    for label in list("in_work") {
        lines.push(format!(
            "label {} of an earlier run is in work: a backup brings it to its end first",
            word(&label)
        ));
    }
    lines.push(match plan["partitions_stored"].as_u64() {
        Some(0) => "nothing changed since the baseline: no snapshot would be made".to_owned(),
        _ => format!(
            "{} partitions would be stored: {} of {}",
            share(plan),
            size(&plan["bytes_stored"]),
            size(&plan["bytes_total"])
        ),
    });
    lines.join("\n")
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

/// `2 of 7`.
fn share(value: &Value) -> String {
    format!(
        "{} of {}",
        render::or_dash(value["partitions_stored"].as_u64()),
        render::or_dash(value["partitions_total"].as_u64())
    )
}

fn size(value: &Value) -> String {
    let bytes = value.as_str().and_then(|text| text.parse().ok());
    bytes.map_or_else(|| "-".to_owned(), render::bytes)
}
