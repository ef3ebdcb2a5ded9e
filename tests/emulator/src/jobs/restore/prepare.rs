//! The first step of RESTORE: checks everything against what is here now, and makes the tables and
//! partitions that are missing.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Overwritten, RestoreJob, Target, TargetTablet, signature};
use crate::{
    catalog::{
        Catalog, Partition, PartitionValue, Partitioning, Partitions, Table, TableKind, TableState,
    },
    engine::Engine,
    jobs::{Status, Step},
    reply::SqlError,
    repository::{
        content::digest_text,
        hash_order,
        info::{PartitionInfo, SnapshotMeta, TableInfo},
    },
};

/// What is to be made, before any of it is made.
#[derive(Default)]
struct Plan {
    tables: Vec<Table>,
    /// Table id and the partition to add to it.
    partitions: Vec<(i64, Partition)>,
    overwritten: Vec<Overwritten>,
    targets: Vec<Target>,
}

/// A table of the snapshot on its way.
struct Source<'a> {
    /// Its name in the snapshot.
    name: &'a str,
    /// Its name here.
    target: &'a str,
    remote: &'a Table,
    info: &'a TableInfo,
    partitions: HashMap<&'a str, &'a PartitionInfo>,
}

impl RestoreJob {
    pub(super) fn prepare(&mut self, engine: &mut Engine, now: Timestamp) -> Result<Step, Status> {
        let Some(database) = engine.catalog.database_by_id(self.database_id) else {
            let message = format!("database {} does not exist", self.database_id);
            return Err(Status::not_found(message));
        };
        let database = database.name.clone();
        self.id = engine.catalog.next_id();
        let Some(meta) = self.meta.take() else {
            return Err(Status::common("Failed to read backup meta from file"));
        };
        let step = self.prepare_with(engine, &database, &meta, now);
        self.meta = Some(meta);
        step
    }

    fn prepare_with(
        &mut self,
        engine: &mut Engine,
        database: &str,
        meta: &SnapshotMeta,
        now: Timestamp,
    ) -> Result<Step, Status> {
        let names: Vec<String> = self
            .info
            .table_order(self.tables_held)
            .into_iter()
            .map(str::to_owned)
            .collect();
        self.lock_tables(engine, database, &names)?;
        let mut plan = Plan::default();
        for name in &names {
            if self.plan_table(engine, database, name, meta, &mut plan)? == Step::Thrown {
                return Ok(Step::Thrown);
            }
        }
        self.make(engine, database, plan)?;
        if let Some(database) = engine.catalog.databases.get_mut(database) {
            database.functions.extend(meta.functions.clone());
        }
        refuse_full_disks(engine)?;
        self.send_snapshots(engine, now);
        Ok(Step::Done)
    }

    /// Existing tables go into State RESTORE, all or up to the first that cannot.
    fn lock_tables(
        &self,
        engine: &mut Engine,
        database: &str,
        names: &[String],
    ) -> Result<(), Status> {
        for name in names {
            let target = self.target_name(name);
            let Some(table) = engine.catalog.find_table_mut(database, target) else {
                continue;
            };
            match &table.kind {
                TableKind::View { .. } => continue,
                TableKind::External { engine } => {
                    let kind = engine.to_uppercase();
                    return Err(Status::error(
                        "UNSUPPORTED",
                        format!("Table: {target} can not support backup restore, type: {{}}{kind}"),
                    ));
                }
                TableKind::Olap | TableKind::MaterializedView { .. } => {}
            }
            if table.state != TableState::Normal {
                return Err(Status::common(format!(
                    "Table {target}'s state is not NORMAL: {}",
                    state_text(table.state)
                )));
            }
            if !table.temp_partitions.is_empty() {
                return Err(Status::common(
                    "Do not support restoring table with temp partitions",
                ));
            }
            table.state = TableState::Restore;
        }
        Ok(())
    }

    fn plan_table(
        &self,
        engine: &mut Engine,
        database: &str,
        name: &str,
        meta: &SnapshotMeta,
        plan: &mut Plan,
    ) -> Result<Step, Status> {
        let (Some(remote), Some(info)) = (meta.table(name), self.info.backup_objects.get(name))
        else {
            return Err(Status::common("Failed to read backup meta from file"));
        };
        let source = Source {
            name,
            target: self.target_name(name),
            remote,
            info,
            partitions: info
                .partitions
                .0
                .iter()
                .map(|(name, info)| (name.as_str(), info))
                .collect(),
        };
        let local = engine.catalog.find_table(database, source.target).cloned();
        match (&remote.kind, local) {
            (TableKind::View { .. }, Some(local)) if !is_view(&local) => Err(Status::error(
                "BAD_REPLACE",
                format!("Table: {} has existed and it is not a View", source.target),
            )),
            (TableKind::View { .. }, _) => {
                let mut view = remote.clone();
                view.id = engine.catalog.next_id();
                source.target.clone_into(&mut view.name);
                plan.tables.push(view);
                Ok(Step::Done)
            }
            (_, Some(local)) if is_view(&local) => Err(Status::common(format!(
                "Only support restore OLAP table: {}",
                source.target
            ))),
            // A materialized view that works is left alone, without a word.
            (_, Some(local)) if is_active_view(&local) => Ok(Step::Done),
            (_, Some(local)) => self.plan_existing(engine, database, &source, &local, plan),
            (_, None) => self.plan_new(engine, &source, plan),
        }
    }

    /// Over an existing table: partitions of both are overwritten in place, those only in the snapshot
    /// are added where partitions are ranges, those only here stay.
    fn plan_existing(
        &self,
        engine: &mut Engine,
        database: &str,
        source: &Source<'_>,
        local: &Table,
        plan: &mut Plan,
    ) -> Result<Step, Status> {
        // Done first, whatever comes of the checks; the counter may move backwards.
        if source.info.auto_increment.is_some()
            && let Some(table) = engine.catalog.find_table_mut(database, source.target)
            && table.auto_increment.is_some()
        {
            table.auto_increment = source.info.auto_increment;
        }
        signature::compare(source.target, local, source.remote).map_err(Status::common)?;
        for name in self.partition_order(source) {
            let step = match local.partitions.get(name) {
                Some(existing) => self.overwrite(engine, source, local, existing, plan)?,
                None => self.add(engine, source, local, name, plan)?,
            };
            if step == Step::Thrown {
                return Ok(step);
            }
        }
        Ok(Step::Done)
    }

    fn overwrite(
        &self,
        engine: &mut Engine,
        source: &Source<'_>,
        local: &Table,
        existing: &Partition,
        plan: &mut Plan,
    ) -> Result<Step, Status> {
        let name = existing.name.as_str();
        let (remote, info) = source.partition(name)?;
        let target = source.target;
        // Values of LIST partitions are not compared.
        let is_range = matches!(existing.value, PartitionValue::Range { .. });
        if is_range && existing.value != remote.value {
            return Err(Status::common(format!(
                "Partition {name} in table {target} has different range with partition in repository"
            )));
        }
        if existing.replication_num != self.replication_num {
            return Err(Status::common(format!(
                "Partition {name} in table {target} has different replication num '{}' with partition \
                 in repository, which is {}",
                existing.replication_num, self.replication_num
            )));
        }
        // Bucket numbers of RANDOM tables are in no signature: the frontend only asserts them.
        if existing.tablets.len() != remote.tablets.len() {
            return Ok(Step::Thrown);
        }
        let (_, version, _) = info.physical();
        plan.overwritten.push(Overwritten {
            table_id: local.id,
            physical_id: existing.physical_id,
            version,
        });
        plan.targets.push(Target {
            table_id: local.id,
            physical_id: existing.physical_id,
            is_overwritten: true,
            tablets: self.tablets(engine, source, info, &existing.tablets),
        });
        Ok(Step::Done)
    }

    fn add(
        &self,
        engine: &mut Engine,
        source: &Source<'_>,
        local: &Table,
        name: &str,
        plan: &mut Plan,
    ) -> Result<Step, Status> {
        let (remote, info) = source.partition(name)?;
        let target = source.target;
        // The hidden partition of an automatic table lies in no range that anything could conflict with.
        let is_shadow_of_ranges = remote.value == PartitionValue::Shadow
            && matches!(local.partitioning, Partitioning::Expression { .. });
        match &remote.value {
            PartitionValue::Range { lower, upper } => {
                if local.partitions.overlapping(lower, upper).is_some() {
                    return Err(Status::common(format!(
                        "Partition {name} in table {target} has conflict range with existing ranges"
                    )));
                }
            }
            _ if is_shadow_of_ranges => {}
            _ => {
                return Err(Status::common(format!(
                    "No partition exist in single partitioned table {target}"
                )));
            }
        }
        if self.replication_num == 0 {
            return Ok(Step::Thrown);
        }
        if self.replication_num as usize > engine.live_backends() {
            return Err(Status::common(format!(
                "Restored partition {name}of {target}is null"
            )));
        }
        let partition = self.new_partition(&mut engine.catalog, remote);
        plan.targets.push(Target {
            table_id: local.id,
            physical_id: partition.physical_id,
            is_overwritten: false,
            tablets: self.tablets(engine, source, info, &partition.tablets),
        });
        plan.partitions.push((local.id, partition));
        Ok(Step::Done)
    }

    /// A table that is not here: everything of it gets new ids; versions, their times and epochs, and
    /// the properties, stay.
    fn plan_new(
        &self,
        engine: &mut Engine,
        source: &Source<'_>,
        plan: &mut Plan,
    ) -> Result<Step, Status> {
        if self.replication_num == 0 {
            return Ok(Step::Thrown);
        }
        if self.replication_num as usize > engine.live_backends() {
            return Err(Status::common(format!(
                "failed to find {} different hosts to create table: {}",
                self.replication_num, source.name
            )));
        }
        let mut table = Table {
            partitions: Partitions::default(),
            ..source.remote.clone()
        };
        table.id = engine.catalog.next_id();
        for index in &mut table.indexes {
            index.id = engine.catalog.next_id();
        }
        if !engine.config.is_on("enable_colocate_restore") {
            table.properties.remove("colocate_with");
        }
        table.properties.insert(
            "replication_num".to_owned(),
            self.replication_num.to_string(),
        );
        table.state = TableState::Restore;
        for remote in &source.remote.partitions {
            let Some(info) = source.partitions.get(remote.name.as_str()) else {
                continue;
            };
            let partition = self.new_partition(&mut engine.catalog, remote);
            plan.targets.push(Target {
                table_id: table.id,
                physical_id: partition.physical_id,
                is_overwritten: false,
                tablets: self.tablets(engine, source, info, &partition.tablets),
            });
            table.partitions.push(partition);
        }
        table.rename(source.target);
        plan.tables.push(table);
        Ok(Step::Done)
    }

    fn new_partition(&self, catalog: &mut Catalog, remote: &Partition) -> Partition {
        Partition {
            id: catalog.next_id(),
            physical_id: catalog.next_id(),
            replication_num: self.replication_num,
            next_version: remote.visible_version + 1,
            tablets: remote.tablets.iter().map(|_| catalog.next_id()).collect(),
            ..remote.clone()
        }
    }

    /// Tablets here beside where their files are in the snapshot, matched by index name and place.
    fn tablets(
        &self,
        engine: &mut Engine,
        source: &Source<'_>,
        info: &PartitionInfo,
        base: &[i64],
    ) -> Vec<TargetTablet> {
        let (physical_id, _, indexes) = info.physical();
        let mut tablets = Vec::new();
        for (at, index) in source.remote.indexes.iter().enumerate() {
            let Some(stored) = indexes.get(&index.name) else {
                continue;
            };
            for (bucket, remote_tablet) in stored.tablets_order.iter().enumerate() {
                let id = match base.get(bucket) {
                    Some(id) if at == 0 => *id,
                    _ => engine.catalog.next_id(),
                };
                tablets.push(TargetTablet {
                    id,
                    path: format!(
                        "__db_{}/__tbl_{}/__part_{physical_id}/__idx_{}/__{remote_tablet}",
                        self.info.id, source.info.id, stored.id
                    ),
                    is_base: at == 0,
                });
            }
        }
        tablets
    }

    fn partition_order<'a>(&self, source: &Source<'a>) -> Vec<&'a str> {
        let mut names: Vec<&str> = source.info.partitions.names().collect();
        let held = self.partitions_held.get(source.name).copied();
        let held = held.unwrap_or(names.len());
        hash_order::sort(&mut names, held, |name| name);
        names
    }

    fn make(&mut self, engine: &mut Engine, database: &str, plan: Plan) -> Result<(), Status> {
        for (table_id, partition) in plan.partitions {
            if let Some(table) = engine.catalog.table_by_id_mut(table_id) {
                self.work
                    .new_partitions
                    .push((table_id, partition.name.clone()));
                table.partitions.push(partition);
            }
        }
        for table in plan.tables {
            self.work.new_tables.push(table.id);
            engine.rows.create_table(&table).map_err(unexpected)?;
            engine
                .catalog
                .insert_table(database, table)
                .map_err(unexpected)?;
        }
        self.work.overwritten = plan.overwritten;
        self.work.targets = plan.targets;
        Ok(())
    }
}

impl<'a> Source<'a> {
    fn partition(&self, name: &str) -> Result<(&'a Partition, &'a PartitionInfo), Status> {
        let remote = self.remote.partitions.get(name);
        let info = self.partitions.get(name).copied();
        remote.zip(info).ok_or_else(|| {
            Status::common(format!(
                "Partition {name} of table {} is not in the meta of the snapshot",
                self.name
            ))
        })
    }
}

/// A disk is full for a restore when it is both above the percentage and below the reserve.
fn refuse_full_disks(engine: &Engine) -> Result<(), Status> {
    let percent = engine.config.number("storage_usage_hard_limit_percent");
    let reserve = engine
        .config
        .number("storage_usage_hard_limit_reserve_bytes");
    for backend in engine.nodes.backends.iter().filter(|backend| backend.alive) {
        for disk in &backend.disks {
            let used = i128::from(disk.total.saturating_sub(disk.available));
            let is_full = used * 100 > i128::from(disk.total) * i128::from(percent)
                && i128::from(disk.available) < i128::from(reserve);
            if is_full {
                let hash = path_hash(&disk.path);
                return Err(Status::common(format!(
                    "disk {hash} on backend {} exceed limit usage",
                    backend.id
                )));
            }
        }
    }
    Ok(())
}

/// Disks are told apart by a hash of their path.
fn path_hash(path: &str) -> i64 {
    let digest = digest_text(path.as_bytes());
    i64::from_str_radix(&digest[..15], 16).unwrap_or_default()
}

fn unexpected(error: SqlError) -> Status {
    Status::common(error.message)
}

fn is_view(table: &Table) -> bool {
    matches!(table.kind, TableKind::View { .. })
}

fn is_active_view(table: &Table) -> bool {
    matches!(
        table.kind,
        TableKind::MaterializedView {
            inactive_reason: None,
            ..
        }
    )
}

fn state_text(state: TableState) -> &'static str {
    match state {
        TableState::Normal => "NORMAL",
        TableState::Restore => "RESTORE",
        TableState::SchemaChange => "SCHEMA_CHANGE",
        TableState::Rollup => "ROLLUP",
    }
}
