//! `partitions_meta` and `be_tablets`. A cluster may have 100,000 partitions and every plan of a
//! backup reads them all, so what rows have in common is computed once.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{cell, number};
use crate::{
    catalog::{Partition, Table},
    clock::Clock,
    engine::Engine,
    profile::Profile,
    reply::Cell,
    session::Session,
    show::{byte_size, column_sql, distribution_key, value_text},
};

impl Engine {
    /// One row a partition: temporary ones and the hidden one of automatic tables too.
    pub(super) fn partitions_meta(&self, session: &Session) -> Vec<Vec<Cell>> {
        let mut times: HashMap<Timestamp, String> = HashMap::new();
        let mut rows = Vec::new();
        for (database, table) in self.visible_tables(session) {
            if !table.has_partitions() {
                continue;
            }
            let keys: Vec<String> = table
                .partitioning
                .columns()
                .iter()
                .filter_map(|name| table.column(name))
                .map(column_sql)
                .collect();
            let common = Common {
                database: &database.name,
                partition_key: keys.join(", "),
                distribution_key: distribution_key(&table.distribution),
            };
            let present = table.partitions.iter().map(|partition| (partition, false));
            let temporary = table
                .temp_partitions
                .iter()
                .map(|partition| (partition, true));
            for (partition, is_temporary) in present.chain(temporary) {
                let time = times
                    .entry(partition.visible_version_time)
                    .or_insert_with_key(|at| Clock::format(*at, &session.time_zone))
                    .clone();
                rows.push(self.partition_meta(table, partition, is_temporary, &common, time));
            }
        }
        rows
    }

    fn partition_meta(
        &self,
        table: &Table,
        partition: &Partition,
        is_temporary: bool,
        common: &Common<'_>,
        time: String,
    ) -> Vec<Cell> {
        let size = self.rows.size(partition.physical_id);
        let bytes = if self.profile == Profile::V4_1 {
            number(size.bytes)
        } else {
            cell(byte_size(size.bytes))
        };
        let mut row = vec![
            cell(common.database),
            cell(&table.name),
            cell(&partition.name),
            number(partition.physical_id),
            cell("0"),
            number(partition.visible_version),
            Some(time),
            number(partition.next_version),
            number(partition.data_version),
            number(partition.version_epoch),
            cell("TXN_NORMAL"),
            cell(&common.partition_key),
            cell(value_text(self.profile, table, &partition.value)),
            cell(&common.distribution_key),
            number(partition.buckets),
            number(partition.replication_num),
            cell(self.storage_medium()),
            None,
            None,
            cell("0"),
            cell(if is_temporary { "1" } else { "0" }),
            bytes,
            number(size.rows),
            cell("0"),
            cell("0"),
            cell("0"),
            cell("0"),
            cell(""),
        ];
        if !self.profile.is_3_3() {
            row.extend([number(size.bytes), cell("1")]);
        }
        if self.profile == Profile::V4_1 {
            row.push(cell("0"));
        }
        row
    }

    /// One row a replica of a tablet. Rows and bytes are spread evenly over the tablets.
    pub(super) fn be_tablets(&self, session: &Session) -> Vec<Vec<Cell>> {
        let backends = &self.nodes.backends;
        let mut rows = Vec::new();
        for (_, table) in self.visible_tables(session) {
            for partition in &table.partitions {
                let size = self.rows.size(partition.physical_id);
                let tablets = partition.tablets.len().max(1) as u64;
                for (at, tablet) in partition.tablets.iter().enumerate() {
                    for replica in 0..partition.replication_num as usize {
                        let Some(backend) = backends.get((at + replica) % backends.len().max(1))
                        else {
                            continue;
                        };
                        let path = backend
                            .disks
                            .first()
                            .map_or(String::new(), |disk| disk.path.clone());
                        rows.push(vec![
                            number(backend.id),
                            number(table.id),
                            number(partition.physical_id),
                            number(tablet),
                            cell("1"),
                            number(partition.visible_version),
                            number(partition.visible_version),
                            cell("1"),
                            number(size.rows / tablets),
                            number(size.bytes / tablets),
                            cell("0"),
                            number(table.created.as_second()),
                            cell("RUNNING"),
                            cell(match table.key_model {
                                crate::catalog::KeyModel::Primary => "PRIMARY_KEYS",
                                crate::catalog::KeyModel::Unique => "UNIQUE_KEYS",
                                crate::catalog::KeyModel::Aggregate => "AGG_KEYS",
                                crate::catalog::KeyModel::Duplicate => "DUP_KEYS",
                            }),
                            cell(path),
                            cell("0"),
                            number(table.indexes.first().map_or(0, |base| base.schema_hash)),
                            cell("0"),
                            cell(self.storage_medium()),
                            cell("1"),
                        ]);
                    }
                }
            }
        }
        rows
    }
}

/// What all partitions of a table share.
struct Common<'a> {
    database: &'a str,
    partition_key: String,
    distribution_key: String,
}
