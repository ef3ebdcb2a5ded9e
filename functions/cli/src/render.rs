//! Text tables and JSON; errors with what to do next.

use serde_json::{Value, json};
use shared::error::Error;

use crate::{args::Output, terminal::Terminal};

pub(crate) fn error(terminal: &mut Terminal, output: Output, error: &Error) {
    match output {
        Output::Json => terminal.print(&pretty(&json!(error))),
        Output::Text => {
            terminal.say(&format!("{}: {}", error.name, error.message));
            if let Some(engine) = &error.engine {
                terminal.say(&format!("  StarRocks says: {engine}"));
            }
            for hint in &error.hints {
                terminal.say(&format!("  hint: {hint}"));
            }
        }
    }
}

pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

/// Rows under headings, in columns as wide as their widest cell, without lines.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells
            .chain([headings[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let line = |cells: [&str; N]| {
        let padded: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(column, cell)| format!("{cell:<width$}", width = width(column)))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(headings)];
    lines.extend(
        rows.iter()
            .map(|row| line(row.each_ref().map(String::as_str))),
    );
    lines.join("\n")
}

/// 1536 → `1.5 KB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut value = bytes;
    let mut rest = 0;
    while value >= 1024 && unit + 1 < UNITS.len() {
        rest = value % 1024;
        value /= 1024;
        unit += 1;
    }
    match unit {
        0 => format!("{value} B"),
        _ => format!("{value}.{} {}", rest * 10 / 1024, UNITS[unit]),
    }
}

/// `1 table`, `2 tables`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

pub(crate) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (size, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KB"),
            (5 << 40, "5.0 TB"),
            (u64::MAX, "16777215.9 TB"),
        ] {
            assert_eq!(bytes(size), expected);
        }
    }

    #[test]
    fn tables_are_aligned() {
        let rows = [
            ["a".to_owned(), "1".to_owned()],
            ["long".to_owned(), "22".to_owned()],
        ];
        assert_eq!(table(["NAME", "N"], &rows), "NAME  N\na     1\nlong  22");
    }
}
