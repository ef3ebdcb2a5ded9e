//! `restore`: the plan is shown first, and the plan that was shown is the one that is executed.

use serde_json::{Value, json};
use shared::{
    audit::Action,
    error::{Error, ErrorName},
    ident::GroupName,
    label::SnapshotLabel,
    plan::backup::Selection,
};

use super::Session;
use crate::{
    Done,
    args::{Output, Restore, RestoreAction, RestoreById, RestoreOptions, RestoreTarget, Swap},
    asl::resources,
    execution::{self, Subject},
    render,
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
        let RestoreOptions {
            target,
            dry_run,
            yes,
        } = options;
        if dry_run {
            return self.plan_restore(target).await;
        }
        let mut input = self.input(&target).await?;
        let plan = self.planned(&input, &target.tables).await?;
        self.terminal.say(&plan_text(&plan));
        self.ask(yes, "Restore this?", "the plan above").await?;
        input["expect_plan"] = plan["digest"].clone();
        let done = self.execute(Subject::Restore, input).await?;
        self.answer(&done["summary"], &end_text(&done["summary"]))
    }

    pub(super) async fn plan_restore(&mut self, target: RestoreTarget) -> Done {
        let input = self.input(&target).await?;
        let plan = self.planned(&input, &target.tables).await?;
        self.answer(&plan, &plan_text(&plan))
    }

    /// The plan of a restore that is not begun.
    async fn planned(&self, input: &Value, tables: &[String]) -> Result<Value, Error> {
        let mut input = input.clone();
        input["dry_run"] = json!(true);
        let mut planned = self
            .execute(Subject::Restore, input)
            .await
            .map_err(|error| about_names(error, tables))?;
        Ok(planned["summary"]["plan"].take())
    }

    async fn input(&self, target: &RestoreTarget) -> Result<Value, Error> {
        let mut tables = target.tables.clone();
        let mut group = target.group.clone();
        if let Some(label) = &target.target_label
            && let Some(name) = group.take()
        {
            if !tables.is_empty() {
                return Err(Error::invalid_input(
                    "--group and --table both say which tables of the label",
                )
                .hint("leave one of them out"));
            }
            tables = self.tables_of_group(label, &name).await?;
        }
        Ok(json!({
            "target_label": target.target_label,
            "group": group,
            "as_of": target.as_of,
            "tables": tables,
            "partitions": target.partitions,
            "rename_suffix": target.rename_suffix,
            "into_database": target.into_database,
            "swap": match target.swap { Swap::Auto => "auto", Swap::Manual => "manual" },
            "row_counts": !target.no_row_counts,
            "checksum": target.checksum,
        }))
    }

    /// As the Python tool does it: a group beside a label names the tables to restore. An empty list
    /// stands for all of them.
    async fn tables_of_group(&self, label: &str, name: &str) -> Result<Vec<String>, Error> {
        let label: SnapshotLabel = label.parse()?;
        let name: GroupName = name.parse()?;
        let mut client = self.connect_to_ops().await?;
        let record = self.ops(&mut client).known_backup(&label).await?;
        let mut group = self.ops(&mut client).group(&name).await?;
        client.close().await;
        let selection = record
            .database
            .as_ref()
            .and_then(|database| group.remove(database));
        match selection {
            Some(Selection::Everything) => Ok(Vec::new()),
            Some(Selection::Names(names)) => Ok(names.into_iter().map(String::from).collect()),
            None => Err(Error::new(
                ErrorName::NotFound,
                format!("group '{name}' has no table in the database of label {label}"),
            )
            .hint("starrocks-br group list shows what the groups hold")),
        }
    }

    async fn go_on(&mut self, action: &str, by_id: RestoreById) -> Done {
        let subject = Subject::RestoreOf(
            &by_id.id,
            match action {
                "undo" => Action::Undo,
                "promote" => Action::Promote,
                _ => Action::Resume,
            },
        );
        if action != "resume" {
            let shown = self
                .execute(subject, json!({ action: by_id.id, "dry_run": true }))
                .await?;
            for line in shown["summary"]["plan"]["summary"]["goes_aside"]
                .as_array()
                .into_iter()
                .flatten()
            {
                self.terminal.say(&word(line));
            }
            let question = match action {
                "undo" => format!("Put back what lived before restore {}?", by_id.id),
                _ => format!("Make restore {} live?", by_id.id),
            };
            self.ask(by_id.yes, &question, "starrocks-br status")
                .await?;
        }
        let done = self.execute(subject, json!({ action: by_id.id })).await?;
        self.answer(&done["summary"], &end_text(&done["summary"]))
    }

    async fn execute(&self, subject: Subject<'_>, input: Value) -> Result<Value, Error> {
        let machine = resources::restore().map_err(|error| Error::internal(error.to_string()))?;
        execution::run(&self.context, &machine, subject, input, self.pace).await
    }

    fn answer(&mut self, value: &Value, text: &str) -> Done {
        match self.output {
            Output::Json => self.terminal.print(&render::pretty(value)),
            Output::Text => self.terminal.print(text),
        }
        Ok(())
    }
}

/// The database of a table is that of the label, and people are used to naming both.
fn about_names(error: Error, tables: &[String]) -> Error {
    match tables.iter().find(|table| table.contains('.')) {
        Some(table) if error.name == ErrorName::NotFound => error.hint(format!(
            "--table takes a table's name alone, without its database: not '{table}'"
        )),
        _ => error,
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
    let rows: Vec<[String; 7]> = summary["tables"]
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
                word(&table["reason"]),
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
            "WHY",
        ],
        &rows,
    );
    if let Some(more @ 1..) = summary["tables_not_shown"].as_u64() {
        text.push_str(&format!("\n... and {} more", render::count(more, "table")));
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
        "\n{}, {}: {} to download, {} of disk needed meanwhile, replicas included; plan {}",
        render::count(totals["tables"].as_u64().unwrap_or(0), "table"),
        render::count(totals["partitions"].as_u64().unwrap_or(0), "partition"),
        render::bytes(totals["bytes"].as_u64().unwrap_or(0)),
        render::bytes(totals["room_bytes"].as_u64().unwrap_or(0)),
        word(&plan["digest"]),
    ));
    text
}

fn fate(live: &Value) -> String {
    match live["fate"].as_str() {
        Some("aside") => format!("is kept as {} ({})", word(&live["under"]), figures(live)),
        Some("spliced") => format!(
            "stays; {} partitions are kept in {} ({})",
            word(&live["partitions"]),
            word(&live["under"]),
            figures(live)
        ),
        _ => "does not exist".to_owned(),
    }
}

fn figures(live: &Value) -> String {
    let loaded = match live["last_load"].as_str() {
        Some(time) => format!("last load {time} UTC"),
        None => "never loaded".to_owned(),
    };
    format!("about {} rows, {loaded}", word(&live["rows"]))
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
