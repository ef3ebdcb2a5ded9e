//! SHOW PARTITIONS, and the sizes and values that other statements print too.

use jiff::{
    Span,
    civil::{DateTime, date},
};

use super::{cell, create::list_text, result, show_columns};
use crate::{
    catalog::{Distribution, Partition, PartitionValue, Partitioning, Table, TableKind},
    ddl::partitions::range_text,
    engine::Engine,
    parse::ddl::ObjectName,
    profile::Profile,
    reply::{Cell, Column, ResultSet, SqlError, SqlResult},
    session::Session,
};

/// When a partition cools down that never does, in UTC: the end of the year 9999 in UTC+8. No
/// timestamp reaches that far, so zones are added by hand.
const NEVER: DateTime = date(9999, 12, 31).at(15, 59, 59, 0);

impl Engine {
    pub(super) fn show_partitions(
        &self,
        session: &Session,
        name: &ObjectName,
        temporary: bool,
    ) -> SqlResult<ResultSet> {
        let (database, name) = self.resolve_in_database(session, name)?;
        let table = self.catalog.table(&database, &name)?;
        if !self.can_see_table(session, &database, &name) {
            self.require_something(session, self.object(&database, &name))?;
        }
        if !table.has_partitions() {
            let kinds = if self.profile.is_3_3() {
                "OLAP"
            } else {
                "OLAP/Paimon"
            };
            return Err(SqlError::analyzing(format!(
                "Table[{name}] does not exists or is not {kinds} table"
            )));
        }
        Ok(self.partition_rows(session, table, temporary))
    }

    /// One row a partition; the hidden partition of automatic tables is left out.
    pub(super) fn partition_rows(
        &self,
        session: &Session,
        table: &Table,
        temporary: bool,
    ) -> ResultSet {
        let partitions = if temporary {
            &table.temp_partitions
        } else {
            &table.partitions
        };
        let zone = self.show_time_zone(session);
        let offset = zone.to_offset(self.clock.now()).seconds();
        let never = NEVER.saturating_add(Span::new().seconds(offset));
        let never = never.strftime("%Y-%m-%d %H:%M:%S").to_string();
        let rows = partitions
            .iter_ordered()
            .filter(|partition| partition.value != PartitionValue::Shadow)
            .map(|partition| self.partition_row(session, table, partition, &never))
            .collect();
        result(self.partition_columns(table), rows)
    }

    fn partition_columns(&self, table: &Table) -> Vec<Column> {
        let value = match table.partitioning {
            Partitioning::List { .. } => "List",
            _ => "Range",
        };
        let mut names = vec![
            "PartitionId",
            "PartitionName",
            "VisibleVersion",
            "VisibleVersionTime",
            "VisibleVersionHash",
            "State",
            "PartitionKey",
            value,
            "DistributionKey",
            "Buckets",
            "ReplicationNum",
            "StorageMedium",
            "CooldownTime",
            "LastConsistencyCheckTime",
            "DataSize",
        ];
        if !self.profile.is_3_3() {
            names.push("StorageSize");
        }
        names.extend([
            "IsInMemory",
            "RowCount",
            "DataVersion",
            "VersionEpoch",
            "VersionTxnType",
        ]);
        if !self.profile.is_3_3() {
            names.push("TabletBalanced");
        }
        show_columns(&names)
    }

    fn partition_row(
        &self,
        session: &Session,
        table: &Table,
        partition: &Partition,
        never: &str,
    ) -> Vec<Cell> {
        let size = self.rows.size(partition.physical_id);
        let mut row = vec![
            cell(partition.physical_id.to_string()),
            cell(&partition.name),
            cell(partition.visible_version.to_string()),
            cell(self.show_time(session, partition.visible_version_time)),
            cell("0"),
            cell("NORMAL"),
            cell(table.partitioning.columns().join(", ")),
            cell(value_text(self.profile, table, &partition.value)),
            cell(distribution_key(&table.distribution)),
            cell(partition.buckets.to_string()),
            cell(partition.replication_num.to_string()),
            cell(self.storage_medium()),
            cell(never),
            None,
            cell(byte_size(size.bytes)),
        ];
        if !self.profile.is_3_3() {
            row.push(cell(byte_size(size.bytes)));
        }
        row.extend([
            cell("false"),
            cell(size.rows.to_string()),
            cell(partition.data_version.to_string()),
            cell(partition.version_epoch.to_string()),
            cell("TXN_NORMAL"),
        ]);
        if !self.profile.is_3_3() {
            row.push(cell("true"));
        }
        row
    }

    /// The stand-in backend of the recordings said SSD of its disk.
    pub(crate) fn storage_medium(&self) -> &'static str {
        if self.stand_in_backend { "SSD" } else { "HDD" }
    }

    pub(super) fn show_tablets(
        &self,
        session: &Session,
        name: &ObjectName,
    ) -> SqlResult<ResultSet> {
        let (database, name) = self.resolve_in_database(session, name)?;
        let table = self.catalog.table(&database, &name)?;
        if table.kind != TableKind::Olap {
            return Err(SqlError::analyzing(format!(
                "Table {name} is not a OLAP table"
            )));
        }
        let backends: Vec<i64> = self.nodes.backends.iter().map(|node| node.id).collect();
        let mut rows = Vec::new();
        for partition in &table.partitions {
            for (at, tablet) in partition.tablets.iter().enumerate() {
                let backend = backends[at % backends.len().max(1)];
                rows.push(vec![
                    cell(tablet.to_string()),
                    cell((tablet * 10).to_string()),
                    cell(backend.to_string()),
                    cell(partition.visible_version.to_string()),
                    cell(table.state_name()),
                ]);
            }
        }
        Ok(result(
            show_columns(&["TabletId", "ReplicaId", "BackendId", "Version", "State"]),
            rows,
        ))
    }
}

/// The Range or List cell: ranges with their types; lists as JSON from 3.5 on, where NULL is printed
/// as the string "NULL".
pub(crate) fn value_text(profile: Profile, table: &Table, value: &PartitionValue) -> String {
    match value {
        PartitionValue::Range { .. } => range_text(table, value),
        PartitionValue::List(_) if profile.is_3_3() => list_text(value),
        PartitionValue::List(tuples) => {
            let tuples: Vec<String> = tuples
                .iter()
                .map(|tuple| {
                    let values: Vec<String> = tuple
                        .iter()
                        .map(|value| json_text(value.as_deref().unwrap_or("NULL")))
                        .collect();
                    format!("[{}]", values.join(","))
                })
                .collect();
            format!("[{}]", tuples.join(","))
        }
        PartitionValue::Unpartitioned | PartitionValue::Shadow => String::new(),
    }
}

/// A JSON string as the frontend's library writes it: what could end a script is escaped.
fn json_text(text: &str) -> String {
    let mut json = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\'' | '<' | '>' | '&' | '=' => {
                json.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

pub(crate) fn distribution_key(distribution: &Distribution) -> String {
    match distribution {
        Distribution::Hash { columns, .. } => columns.join(", "),
        Distribution::Random { .. } => "ALL KEY".into(),
    }
}

/// `0B`, `1.2KB`.
pub(crate) fn byte_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text = format!("{:.1}", (value * 10.0).floor() / 10.0);
    format!("{}{}", text.trim_end_matches(".0"), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_digit() {
        let rows = [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1KB"),
            (1300, "1.2KB"),
            (5 * 1024 * 1024, "5MB"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(byte_size(bytes), expected);
        }
    }

    #[test]
    fn quotes_in_list_values_are_escaped() {
        assert_eq!(json_text("it's"), r#""it\u0027s""#);
        assert_eq!(json_text("a\"b"), r#""a\"b""#);
    }
}
