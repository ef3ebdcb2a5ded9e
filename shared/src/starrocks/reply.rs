//! What the driver delivers, as this crate's own types.

use std::sync::Arc;

use mysql_async::{Column, Row as DriverRow, Value};

use crate::sql::{Row, RowError, row::Columns};

/// The end of a statement that answered no rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows loaded by INSERT, or matched by UPDATE and DELETE.
    pub affected_rows: u64,
    /// Rows that an INSERT left out.
    pub warnings: u16,
    /// Of loads only.
    pub load: Option<LoadInfo>,
}

/// The info text of a load: `{'label':'insert_x', 'status':'VISIBLE', 'txnId':'123'}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadInfo {
    pub label: String,
    /// VISIBLE, or COMMITTED: the rows cannot be read yet.
    pub status: String,
    pub transaction_id: String,
    pub error: Option<String>,
}

impl LoadInfo {
    /// The engine writes a length before the text, which a client that did not ask for session
    /// tracking takes for a part of it.
    pub(super) fn parse(info: &str) -> Option<LoadInfo> {
        let (_, text) = info.split_once('{')?;
        let (text, _) = text.rsplit_once('}')?;
        let field = |name: &str| {
            let (_, rest) = text.split_once(&format!("'{name}':'"))?;
            let end = rest.find("', '").or_else(|| rest.rfind('\''))?;
            Some(rest[..end].to_owned())
        };
        Some(LoadInfo {
            label: field("label")?,
            status: field("status")?,
            transaction_id: field("txnId")?,
            error: field("err"),
        })
    }
}

pub(super) fn columns(columns: &[Column]) -> Arc<Columns> {
    Columns::new(columns.iter().map(|column| column.name_str().into_owned()))
}

/// The text protocol knows bytes and NULL only.
pub(super) fn row(columns: &Arc<Columns>, row: DriverRow) -> Result<Row, RowError> {
    let values = row.unwrap().into_iter().map(|value| match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(bytes),
        other => Some(other.as_sql(true).into_bytes()),
    });
    Row::from_bytes(columns, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_tell_label_status_and_transaction() {
        let visible =
            LoadInfo::parse("X{'label':'insert_1', 'status':'VISIBLE', 'txnId':'6'}").unwrap();
        assert_eq!(
            (visible.label.as_str(), visible.status.as_str()),
            ("insert_1", "VISIBLE")
        );
        assert_eq!(
            (visible.transaction_id.as_str(), visible.error),
            ("6", None)
        );
        let committed = LoadInfo::parse(
            "{'label':'l', 'status':'COMMITTED', 'txnId':'7', 'err':'Publish timeout 'x''}",
        )
        .unwrap();
        assert_eq!(committed.error.as_deref(), Some("Publish timeout 'x'"));
        assert_eq!(LoadInfo::parse(""), None);
        assert_eq!(LoadInfo::parse("{}"), None);
    }
}
