//! Writing a manifest, and reading it back whole or not at all.

use std::{
    collections::{BTreeMap, HashSet},
    hash::Hash,
    sync::Arc,
};

use super::{Ops, until_visible};
use crate::{
    digest::Digest,
    error::{Error, ErrorName},
    facts::ObjectKind,
    ident::{PlanId, TableId, TableName},
    label::SnapshotLabel,
    manifest::{BackupRecord, Manifest, ManifestObject, ManifestPartition, ManifestTable},
    sql::ops::manifest::{self, BarePartitionRow, ObjectRow},
};

impl Ops<'_> {
    /// Writes all rows and waits until all can be read. A repeat writes the same rows again: their
    /// key is made of what they are about.
    pub async fn write_manifest(&mut self, written: &Manifest) -> Result<(), Error> {
        for statement in manifest::insert_tables(self.database, written) {
            self.client.run(&statement).await?;
        }
        for statement in manifest::insert_partitions(self.database, written) {
            self.client.run(&statement).await?;
        }
        let objects = (written.tables.len() + written.objects.len()) as u64;
        let partitions = written.partitions_total();
        until_visible!(format!("the manifest of label {}", written.label), {
            let plan = &written.plan_id;
            let tables = self
                .count(&manifest::count_tables(self.database, plan))
                .await?;
            let rows = self
                .count(&manifest::count_partitions(self.database, plan))
                .await?;
            tables == objects && rows == partitions
        })
    }

    /// Takes the rows of a plan away: before it is written again with other partitions, or when
    /// nothing was submitted under it.
    pub async fn delete_manifest(
        &mut self,
        label: &SnapshotLabel,
        plan: &PlanId,
    ) -> Result<(), Error> {
        self.client
            .run(&manifest::delete_partitions(self.database, label, plan))
            .await?;
        self.client
            .run(&manifest::delete_tables(self.database, label, plan))
            .await?;
        until_visible!(format!("the deletion of plan {plan}"), {
            let tables = self
                .count(&manifest::count_tables(self.database, plan))
                .await?;
            let rows = self
                .count(&manifest::count_partitions(self.database, plan))
                .await?;
            tables + rows == 0
        })
    }

    async fn count(&mut self, query: &crate::sql::Query<manifest::CountRow>) -> Result<u64, Error> {
        Ok(self
            .client
            .fetch(query)
            .await?
            .first()
            .map_or(0, |row| row.0))
    }

    /// The manifest of a record of ours. Rejected if it is not, to the last partition, what was
    /// written: a restore from half a manifest would look like a success.
    pub async fn manifest(&mut self, record: &BackupRecord) -> Result<Manifest, Error> {
        let head = Head::of(record)?;
        let objects = self
            .client
            .fetch(&manifest::tables(self.database, head.plan))
            .await?;
        let query = manifest::partitions(self.database, head.plan);
        let rows = self.client.fold(&query, Rows::default, Rows::add).await?;
        let read = rows.read;
        let mut manifest = assemble(record, &head, objects, rows.tables)?;
        if read != head.partitions_total || manifest.digest() != head.digest {
            return Err(Error::new(
                ErrorName::VerificationFailed,
                format!(
                    "the manifest of label '{}' is not what was written: {} of {} partitions, digest \
                     {} instead of {}",
                    record.label,
                    read,
                    head.partitions_total,
                    manifest.digest(),
                    head.digest
                ),
            )
            .hint("rows of backup_tables or backup_partitions were changed by hand, or a replica of \
                   the ops tables is behind; run the command again, then compare with a backup of ops"));
        }
        // Before its end, what is counted of a label is not proven.
        if record.status.is_restorable() {
            let counts = self.row_counts(&manifest).await?;
            counts.fill(&mut manifest, counts.counted(), None);
        }
        Ok(manifest)
    }

    /// The names that the Python tool recorded of a label.
    pub async fn bare_partitions(
        &mut self,
        label: &SnapshotLabel,
    ) -> Result<Vec<BarePartitionRow>, Error> {
        Ok(self
            .client
            .fetch(&manifest::bare_partitions(self.database, label))
            .await?)
    }
}

/// Partitions by table, as they come: what is repeated in a million rows is kept once.
#[derive(Default)]
struct Rows {
    read: u64,
    tables: BTreeMap<TableName, Vec<ManifestPartition>>,
    labels: HashSet<Arc<SnapshotLabel>>,
    values: HashSet<Arc<str>>,
}

impl Rows {
    fn add(&mut self, row: manifest::PartitionRow) {
        let mut partition = row.partition;
        partition.stored_in = once(&mut self.labels, partition.stored_in);
        partition.value = once(&mut self.values, partition.value);
        self.tables.entry(row.table).or_default().push(partition);
        self.read += 1;
    }
}

/// The one copy of a value that is seen again and again.
fn once<T: ?Sized + Eq + Hash>(known: &mut HashSet<Arc<T>>, value: Arc<T>) -> Arc<T> {
    match known.get(&value) {
        Some(known) => Arc::clone(known),
        None => {
            known.insert(Arc::clone(&value));
            value
        }
    }
}

/// What a manifest is held against.
struct Head<'a> {
    plan: &'a PlanId,
    digest: Digest,
    partitions_total: u64,
}

impl Head<'_> {
    fn of(record: &BackupRecord) -> Result<Head<'_>, Error> {
        match (&record.plan_id, record.plan_digest, record.partitions_total) {
            (Some(plan), Some(digest), Some(partitions_total)) => {
                Ok(Head { plan, digest, partitions_total })
            }
            _ => Err(Error::new(
                ErrorName::NotFound,
                format!("label '{}' has no manifest", record.label),
            )
            .hint("it was made by another tool: a full of it can be restored as its snapshot holds it, but \
                   nothing can be planned against it or compared with it")),
        }
    }
}

fn assemble(
    record: &BackupRecord,
    head: &Head<'_>,
    objects: Vec<ObjectRow>,
    mut partitions: BTreeMap<TableName, Vec<ManifestPartition>>,
) -> Result<Manifest, Error> {
    let broken = |what: String| {
        Error::new(
            ErrorName::VerificationFailed,
            format!(
                "the manifest of label '{}' cannot be read: {what}",
                record.label
            ),
        )
    };
    let database = record
        .database
        .clone()
        .ok_or_else(|| broken("its history row names no database".into()))?;
    let mut manifest = Manifest {
        label: record.label.clone(),
        database,
        plan_id: head.plan.clone(),
        kind: record.kind,
        tables: Vec::new(),
        objects: Vec::new(),
    };
    for object in objects {
        let kind = object.kind.parse::<ObjectKind>().map_err(&broken)?;
        if kind != ObjectKind::Table || object.table_id.is_none() {
            manifest.objects.push(ManifestObject {
                name: object.name,
                kind,
                ddl: object.ddl,
                skipped_reason: object.skipped_reason,
            });
            continue;
        }
        let missing = |column: &str| broken(format!("table {} has no {column}", object.name));
        let hash = object
            .schema_hash
            .as_deref()
            .ok_or_else(|| missing("schema_hash"))?;
        let mut own = partitions.remove(&object.name).unwrap_or_default();
        own.sort_by(|one, other| one.name.cmp(&other.name));
        manifest.tables.push(ManifestTable {
            table_id: TableId(object.table_id.ok_or_else(|| missing("table_id"))?),
            schema_hash: hash.parse().map_err(|error| broken(format!("{error}")))?,
            unpartitioned: object
                .unpartitioned
                .ok_or_else(|| missing("unpartitioned"))?,
            ddl: object.ddl,
            table: object.name,
            partitions: own,
        });
    }
    manifest
        .tables
        .sort_by(|one, other| one.table.cmp(&other.table));
    match partitions.keys().next() {
        Some(table) => Err(broken(format!(
            "partitions of table {table}, which is not in it"
        ))),
        None => Ok(manifest),
    }
}
