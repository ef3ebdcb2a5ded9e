//! `backup`.

use serde_json::{Value, json};
use shared::error::Error;

use super::Session;
use crate::{
    Done,
    args::{Backup, BackupOptions, OnOverdue, OnUnsupported, Output},
    asl::resources,
    execution::{self, Subject},
    render,
};

impl Session<'_> {
    pub(super) async fn backup(&mut self, kind: Backup) -> Done {
        let (kind, options, baseline) = match kind {
            Backup::Full(options) => ("full", options, None),
            Backup::Auto(options) => ("auto", options, None),
            Backup::Incremental {
                options,
                baseline_backup,
            } => ("incremental", options, baseline_backup),
        };
        let input = input(kind, &options, baseline.as_deref());
        let machine = resources::backup().map_err(|error| Error::internal(error.to_string()))?;
        let output =
            execution::run(&self.context, &machine, Subject::Backup, input, self.pace).await?;
        match self.output {
            Output::Json => self.terminal.print(&render::pretty(&output["summary"])),
            Output::Text => self.terminal.print(&text(&output["summary"])),
        }
        Ok(())
    }
}

/// The input of an execution, as `precheck` reads it.
pub(super) fn input(kind: &str, options: &BackupOptions, baseline: Option<&str>) -> Value {
    json!({
        "group": options.group,
        "kind": kind,
        "name": options.name,
        "baseline": baseline,
        "on_unsupported": match options.on_unsupported {
            OnUnsupported::Fail => "fail",
            OnUnsupported::Skip => "skip",
        },
        "row_counts": !options.no_row_counts,
        "on_overdue": match options.on_overdue {
            OnOverdue::Continue => "continue",
            OnOverdue::Cancel => "cancel",
        },
    })
}

fn article(kind: &Value) -> &'static str {
    match kind.as_str() {
        Some("full") => "a full",
        _ => "an incremental",
    }
}

fn text(summary: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    if let Some(reason) = summary["reason"].as_str() {
        return format!("nothing was backed up: {reason}");
    }
    let number = |value: &Value| render::or_dash(value.as_u64());
    let rows: Vec<[String; 6]> = summary["databases"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| {
            let bytes = row["bytes_stored"]
                .as_str()
                .and_then(|bytes| bytes.parse().ok());
            [
                word(&row["database"]),
                word(&row["label"]),
                word(&row["status"]),
                word(&row["cut"]),
                format!(
                    "{} of {}",
                    number(&row["partitions_stored"]),
                    number(&row["partitions_total"])
                ),
                bytes.map_or_else(|| "-".to_owned(), render::bytes),
            ]
        })
        .collect();
    let table = render::table(
        [
            "DATABASE",
            "LABEL",
            "STATUS",
            "CUT",
            "PARTITIONS STORED",
            "BYTES",
        ],
        &rows,
    );
    let unchanged = rows.iter().all(|row| row[4].starts_with("0 of"));
    let table = match unchanged && !rows.is_empty() {
        true => format!("{table}\nnothing changed since the baseline: no snapshot was made"),
        false => table,
    };
    match summary["chosen"].as_str() {
        Some(reason) => format!("{table}\n{} was due: {reason}", article(&summary["kind"])),
        None => table,
    }
}
