//! The pin: what a backup holds from the moment it leaves PENDING.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{BackupJob, BackupObject};
use crate::{
    catalog::{Partition, Partitions, Table, TableKind},
    engine::Engine,
    jobs::{BackupState, Status},
    profile::Profile,
    repository::{
        Ordered, SnapshotInfo, content,
        info::{IndexInfo, PartitionInfo, SnapshotMeta, TableInfo},
    },
};

#[derive(Debug)]
pub(super) struct Pinned {
    pub meta: SnapshotMeta,
    pub info: SnapshotInfo,
    pub tablets: Vec<PinnedTablet>,
}

#[derive(Debug)]
pub(super) struct PinnedTablet {
    pub id: i64,
    pub backend: i64,
    pub version: i64,
    /// Below `__ss_content`.
    pub path: String,
    pub data: Option<Vec<u8>>,
    pub upload_task: i64,
}

impl BackupJob {
    /// Looks tables and partitions up again, by name, and captures versions, schema and rows of this
    /// moment: loads between the statement and now are in the snapshot, later ones are not.
    pub(super) fn pin(&mut self, engine: &mut Engine, now: Timestamp) -> Result<(), Status> {
        self.id = engine.catalog.next_id();
        self.tasks.clear();
        let Some(database) = engine.catalog.database_by_id(self.database_id) else {
            let message = format!("database {} does not exist", self.database_id);
            return Err(Status::not_found(message));
        };
        let mut tables = Vec::new();
        for object in &self.objects {
            let table = database.tables.get(&object.name).ok_or_else(|| {
                Status::not_found(format!("table {} does not exist", object.name))
            })?;
            if let TableKind::External { engine } = &table.kind {
                let kind = engine.to_uppercase();
                return Err(Status::error(
                    "UNSUPPORTED",
                    format!(
                        "Table: {} can not support backup restore, type: {kind}",
                        object.name
                    ),
                ));
            }
            tables.push(selective_copy(table, object)?);
        }
        let database_name = database.name.clone();
        let mut pin = Pin {
            engine,
            database_id: self.database_id,
            tablets: Vec::new(),
        };
        let mut objects = Vec::new();
        for table in &tables {
            objects.push((table.name.clone(), pin.table(table)?));
        }
        let tablets = pin.tablets;
        for tablet in &tablets {
            self.tasks.unfinished.insert(tablet.id, tablet.backend);
        }
        self.pinned = Some(Pinned {
            meta: SnapshotMeta {
                engine: engine.profile.name().to_owned(),
                tables,
                functions: self.functions.clone(),
            },
            info: SnapshotInfo {
                name: self.label.clone(),
                database: database_name,
                id: self.database_id,
                backup_time: self.created.as_millisecond(),
                meta_version: 92,
                starrocks_meta_version: 4,
                backup_result: "succeed".to_owned(),
                backup_objects: Ordered(objects),
            },
            tablets,
        });
        tracing::debug!(label = self.label, at = %now, "pinned a backup");
        self.state = BackupState::Snapshoting;
        Ok(())
    }
}

/// The table with the partitions that were asked for, and without temporary ones.
fn selective_copy(table: &Table, object: &BackupObject) -> Result<Table, Status> {
    let mut copy = Table {
        partitions: Partitions::default(),
        temp_partitions: Partitions::default(),
        ..table.clone()
    };
    if let TableKind::MaterializedView {
        inactive_reason, ..
    } = &mut copy.kind
    {
        *inactive_reason = Some(format!(
            "Set the materialized view {} inactive in backup because it's in backup and will be \
             activated after restore if possible",
            table.name
        ));
    }
    match &object.partitions {
        None => copy.partitions = table.partitions.clone(),
        Some(names) => {
            for name in names {
                let partition = table.partitions.get(name).ok_or_else(|| {
                    Status::not_found(format!(
                        "partition {name} does not exist  in table{}",
                        table.name
                    ))
                })?;
                // A name listed twice is one partition.
                if !copy.partitions.contains(name) {
                    copy.partitions.push(partition.clone());
                }
            }
        }
    }
    Ok(copy)
}

struct Pin<'a> {
    engine: &'a mut Engine,
    database_id: i64,
    tablets: Vec<PinnedTablet>,
}

impl Pin<'_> {
    /// The replica that makes the snapshot. Before 4.1 it may be one on a backend that is down, and the
    /// job waits for it.
    fn replica(&self, tablet: i64, place: usize, partition: &Partition) -> Result<i64, Status> {
        let mut replicas = self.engine.replicas_of(place, partition.replication_num);
        let chosen = match self.engine.profile {
            Profile::V4_1 => replicas.find(|backend| backend.alive),
            _ => replicas.next(),
        };
        chosen.map(|backend| backend.id).ok_or_else(|| {
            Status::common(format!(
                "failed to choose replica to make snapshot for tablet {tablet}. visible version: {}",
                partition.visible_version
            ))
        })
    }

    fn table(&mut self, table: &Table) -> Result<TableInfo, Status> {
        let mut partitions = Vec::new();
        if table.has_partitions() {
            for partition in &table.partitions {
                partitions.push((partition.name.clone(), self.partition(table, partition)?));
            }
        }
        Ok(TableInfo {
            id: table.id,
            auto_increment: table.auto_increment,
            partitions: Ordered(partitions),
        })
    }

    fn partition(&mut self, table: &Table, partition: &Partition) -> Result<PartitionInfo, Status> {
        let count = partition.tablets.len();
        let mut data = if self.engine.rows.count(partition.physical_id) == 0 {
            vec![None; count]
        } else {
            let dump = self
                .engine
                .rows
                .dump(table, partition.physical_id)
                .map_err(|error| Status::common(error.message))?;
            content::split_rows(&dump, count)
        };
        let mut indexes = BTreeMap::new();
        for (at, index) in table.indexes.iter().enumerate() {
            // Rows are stored once, with the base index; a rollup has tablets of its own.
            let tablets: Vec<i64> = if at == 0 {
                partition.tablets.clone()
            } else {
                (0..count).map(|_| self.engine.catalog.next_id()).collect()
            };
            for (bucket, tablet) in tablets.iter().enumerate() {
                self.tablets.push(PinnedTablet {
                    id: *tablet,
                    backend: self.replica(*tablet, bucket, partition)?,
                    version: partition.visible_version,
                    path: format!(
                        "__db_{}/__tbl_{}/__part_{}/__idx_{}/__{tablet}",
                        self.database_id, table.id, partition.physical_id, index.id
                    ),
                    data: data.get_mut(bucket).and_then(Option::take),
                    upload_task: 0,
                });
            }
            let info = IndexInfo {
                id: index.id,
                schema_hash: index.schema_hash,
                tablets: tablets
                    .iter()
                    .map(|id| (id.to_string(), Vec::new()))
                    .collect(),
                tablets_order: tablets.iter().map(i64::to_string).collect(),
            };
            indexes.insert(index.name.clone(), info);
        }
        Ok(PartitionInfo::new(
            self.engine.profile,
            partition.id,
            partition.physical_id,
            partition.visible_version,
            indexes,
        ))
    }
}
