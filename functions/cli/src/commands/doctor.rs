//! `doctor`: every check, one line each, with what to do.

use serde_json::{Value, json};
use shared::error::{Error, ErrorName};

use super::Session;
use crate::{Done, args::Output, handlers::Handlers, render};

impl Session<'_> {
    pub(super) async fn doctor(&mut self, orphans: bool, probe: bool) -> Done {
        let handlers = Handlers::new(self.context.clone());
        let report = handlers
            .call("Precheck", json!({ "operation": "report", "probe": probe }))
            .await?;
        let audit = match orphans {
            true => Some(handlers.call("AuditOrphans", json!({})).await?),
            false => None,
        };
        match self.output {
            Output::Json => {
                let value = json!({ "checks": report["findings"], "audit": audit });
                self.terminal.print(&render::pretty(&value));
            }
            Output::Text => {
                for finding in report["findings"].as_array().into_iter().flatten() {
                    self.terminal.print(&line(finding));
                }
                if let Some(audit) = &audit {
                    self.terminal.print(&audit_text(audit));
                }
            }
        }
        let failed = report["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|finding| verdict(finding) == "failed")
            .count()
            + usize::from(audit.is_some_and(|audit| audit["loses_data"] == json!(true)));
        match failed {
            0 => Ok(()),
            _ => Err(Error::new(
                ErrorName::PrecheckFailed,
                match failed {
                    1 => "1 check failed".to_owned(),
                    _ => format!("{failed} checks failed"),
                },
            )
            .hint("the line below each FAILED says what to do")),
        }
    }
}

fn audit_text(audit: &Value) -> String {
    let findings = audit["findings"].as_array().cloned().unwrap_or_default();
    let mut lines: Vec<String> = findings
        .iter()
        .map(|finding| {
            let mark = match finding["loses_data"].as_bool() {
                Some(true) => "FAILED",
                _ => "note  ",
            };
            let message = finding["message"].as_str().unwrap_or_default();
            match finding["hint"].as_str() {
                Some(hint) => format!("{mark} snapshot {message}\n         {hint}"),
                None => format!("{mark} snapshot {message}"),
            }
        })
        .collect();
    if lines.is_empty() {
        lines.push(format!(
            "ok     snapshots: {} in repository {}, all recorded",
            audit["snapshots"],
            audit["repository"].as_str().unwrap_or_default()
        ));
    }
    lines.extend(activity_text(&audit["activity"]));
    lines.join("\n")
}

/// One line: what is worth more is in `--output json`.
fn activity_text(activity: &Value) -> Option<String> {
    let counts = |key: &str| -> Vec<String> {
        let counts = activity[key].as_object().into_iter().flatten();
        counts
            .map(|(status, count)| format!("{count} {}", status.to_lowercase().replace('_', " ")))
            .collect()
    };
    let said = |what: &str, counts: Vec<String>| match counts.is_empty() {
        true => format!("no {what}"),
        false => format!("{what} {}", counts.join(", ")),
    };
    Some(format!(
        "ok     activity: in {} days {}; {}; promoted {}, undone {}, cancelled {}",
        activity["days"].as_u64()?,
        said("backups", counts("backups")),
        said("restores", counts("restores")),
        activity["promotes"],
        activity["undos"],
        activity["cancels"],
    ))
}

fn verdict(finding: &Value) -> &str {
    finding["verdict"]["verdict"]
        .as_str()
        .or(finding["verdict"].as_str())
        .unwrap_or("failed")
}

fn line(finding: &Value) -> String {
    let word = |key: &str| finding[key].as_str().unwrap_or_default();
    let mark = match verdict(finding) {
        "passed" => "ok    ",
        "advice" => "note  ",
        _ => "FAILED",
    };
    let subject = match word("subject") {
        "" => String::new(),
        subject => format!(" {subject}"),
    };
    let mut line = format!("{mark} {}{subject}: {}", word("check"), word("message"));
    if let Some(hint) = finding["hint"].as_str() {
        line.push_str(&format!("\n         {hint}"));
    }
    line
}
