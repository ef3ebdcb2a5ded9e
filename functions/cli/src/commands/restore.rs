//! `restore`: the plan is shown first, and the plan that was shown is the one that is executed.

use serde_json::{Value, json};
use shared::error::Error;

use super::Session;
use crate::{
    Done,
    args::{Output, Restore, RestoreAction, RestoreById, RestoreOptions, Swap},
    asl::resources,
    execution, render,
};

impl Session<'_> {
    pub(super) async fn restore(&mut self, restore: Restore) -> Done {
        match restore.action {
            None => self.restore_label(restore.options).await,
            Some(RestoreAction::Promote(by_id)) => self.go_on("promote", by_id).await,
            Some(RestoreAction::Undo(by_id)) => self.go_on("undo", by_id).await,
            Some(RestoreAction::Resume(by_id)) => self.go_on("resume", by_id).await,
        }
    }

    async fn restore_label(&mut self, options: RestoreOptions) -> Done {
        let mut input = self.input(&options).await?;
        input["dry_run"] = json!(true);
        let planned = self.execute(input.clone()).await?;
        let plan = &planned["summary"]["plan"];
        if options.dry_run {
            return self.answer(plan, &plan_text(plan));
        }
        self.terminal.say(&plan_text(plan));
        self.ask(options.yes, "Restore this?")?;
        input["dry_run"] = json!(false);
        input["expect_plan"] = plan["digest"].clone();
        let done = self.execute(input).await?;
        self.answer(&done["summary"], &end_text(&done["summary"]))
    }

    async fn input(&self, options: &RestoreOptions) -> Result<Value, Error> {
        let mut tables = options.tables.clone();
        let mut group = options.group.clone();
        if options.target_label.is_some()
            && let Some(name) = group.take()
        {
            tables.extend(self.tables_of_group(&name).await?);
        }
        Ok(json!({
            "target_label": options.target_label,
            "group": group,
            "as_of": options.as_of,
            "tables": tables,
            "partitions": options.partitions,
            "rename_suffix": options.rename_suffix,
            "into_database": options.into_database,
            "swap": match options.swap { Swap::Auto => "auto", Swap::Manual => "manual" },
            "row_counts": !options.no_row_counts,
            "checksum": options.checksum,
        }))
    }

    /// As the Python tool does it: a group beside a label names the tables to restore.
    async fn tables_of_group(&self, name: &str) -> Result<Vec<String>, Error> {
        let mut client = self.connect_to_ops().await?;
        let group = self.ops(&mut client).group(&name.parse()?).await?;
        client.close().await;
        Ok(group
            .into_values()
            .flat_map(|selection| match selection {
                shared::plan::backup::Selection::Everything => Vec::new(),
                shared::plan::backup::Selection::Names(names) => {
                    names.into_iter().map(String::from).collect()
                }
            })
            .collect())
    }

    async fn go_on(&mut self, action: &str, by_id: RestoreById) -> Done {
        if action != "resume" {
            let question = match action {
                "undo" => format!("Put back what lived before restore {}?", by_id.id),
                _ => format!("Make restore {} live?", by_id.id),
            };
            self.ask(by_id.yes, &question)?;
        }
        let done = self.execute(json!({ action: by_id.id })).await?;
        self.answer(&done["summary"], &end_text(&done["summary"]))
    }

    async fn execute(&self, input: Value) -> Result<Value, Error> {
        let machine = resources::restore().map_err(|error| Error::internal(error.to_string()))?;
        execution::run(&self.context, &machine, input, self.pace).await
    }

    fn ask(&mut self, yes: bool, question: &str) -> Done {
        if yes {
            return Ok(());
        }
        if !self.terminal.is_interactive() {
            return Err(Error::invalid_input("nobody is there to confirm this")
                .hint("add --yes, after looking at the plan with --dry-run"));
        }
        match self.terminal.confirm(question) {
            true => Ok(()),
            false => Err(Error::invalid_input("not confirmed: nothing was changed")
                .hint("answer y or yes to go on")),
        }
    }

    fn answer(&mut self, value: &Value, text: &str) -> Done {
        match self.output {
            Output::Json => self.terminal.print(&render::pretty(value)),
            Output::Text => self.terminal.print(text),
        }
        Ok(())
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn plan_text(plan: &Value) -> String {
    let summary = &plan["summary"];
    let rows: Vec<[String; 6]> = summary["tables"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|table| {
            [
                format!(
                    "{}.{}",
                    word(&table["database"]),
                    word(&table["table"]["table"])
                ),
                word(&table["table"]["label"]),
                word(&table["strategy"]),
                word(&table["partitions"]),
                render::bytes(table["bytes"].as_u64().unwrap_or(0)),
                fate(&table["live"]),
            ]
        })
        .collect();
    let mut text = render::table(
        [
            "TABLE",
            "FROM LABEL",
            "HOW",
            "PARTITIONS",
            "BYTES",
            "THE LIVE TABLE",
        ],
        &rows,
    );
    if let Some(more @ 1..) = summary["tables_not_shown"].as_u64() {
        text.push_str(&format!("\n... and {more} tables more"));
    }
    for notice in summary["notices"].as_array().into_iter().flatten() {
        text.push_str(&format!(
            "\nnote: {} {}",
            word(&notice["subject"]),
            word(&notice["text"])
        ));
    }
    let totals = &summary["totals"];
    text.push_str(&format!(
        "\n{} tables, {} partitions, {} to download, {} needed while it runs; plan {}",
        word(&totals["tables"]),
        word(&totals["partitions"]),
        render::bytes(totals["bytes"].as_u64().unwrap_or(0)),
        render::bytes(totals["room_bytes"].as_u64().unwrap_or(0)),
        word(&plan["digest"]),
    ));
    text
}

fn fate(live: &Value) -> String {
    match live["fate"].as_str() {
        Some("aside") => format!("is kept as {}", word(&live["under"])),
        Some("spliced") => format!(
            "stays; what is replaced is kept in {}",
            word(&live["kept_under"])
        ),
        _ => "does not exist".to_owned(),
    }
}

fn end_text(summary: &Value) -> String {
    let mut text = format!(
        "restore {} is {}; rows verified: {}",
        word(&summary["restore_id"]),
        word(&summary["state"]),
        word(&summary["rows_verified"])
    );
    for note in summary["notes"].as_array().into_iter().flatten() {
        text.push_str(&format!("\nnote: {}", word(note)));
    }
    if let Value::Object(next) = &summary["next_input"] {
        for (action, id) in next {
            text.push_str(&format!(
                "\nnext: starrocks-br restore {action} {}",
                word(id)
            ));
        }
    }
    text
}
