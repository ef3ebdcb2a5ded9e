//! The complete list of what a label stands for. Restoring a label reads one manifest and nothing
//! else: no chain is walked, and every partition is in exactly one snapshot.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    digest::{Digest, DigestWriter, Fingerprint, SchemaHash},
    facts::ObjectKind,
    ident::{
        ClusterId, DatabaseName, ExecutionId, GroupName, PartitionName, PlanId, TableId, TableName,
    },
    label::{BackupKind, SnapshotLabel},
    time::{SnapshotTimestamp, UtcTime},
};

/// In a manifest, the partition of an unpartitioned table: its real name changes with the table's.
pub const UNPARTITIONED_KEY: &str = "*";

#[derive(Debug, Clone)]
pub struct Manifest {
    pub label: SnapshotLabel,
    pub database: DatabaseName,
    pub plan_id: PlanId,
    pub kind: BackupKind,
    /// Sorted by name.
    pub tables: Vec<ManifestTable>,
    /// Views, materialized views and functions, as DDL.
    pub objects: Vec<ManifestObject>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ManifestTable {
    pub table: TableName,
    pub table_id: TableId,
    pub schema_hash: SchemaHash,
    /// SHOW CREATE TABLE without its partitions.
    pub ddl: String,
    pub unpartitioned: bool,
    /// Sorted by name. Empty for a table that had no partition.
    pub partitions: Vec<ManifestPartition>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ManifestPartition {
    /// [`UNPARTITIONED_KEY`] for an unpartitioned table.
    pub name: PartitionName,
    /// `None`: found in the snapshot only; counts as changed next time.
    pub fingerprint: Option<Fingerprint>,
    /// The label whose snapshot physically holds this content.
    pub stored_in: Arc<SnapshotLabel>,
    pub system: bool,
    /// As in [`crate::facts::PartitionFacts`].
    pub value: Arc<str>,
    pub buckets: u32,
    pub replication_num: u16,
    /// Counted by us while the fingerprint stood still; never the engine's estimate.
    pub row_count: Option<u64>,
    /// The engine's estimate in bytes.
    pub data_size: u64,
}

/// An object of a label that is not in a snapshot: kept as DDL, or skipped with a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestObject {
    pub name: TableName,
    pub kind: ObjectKind,
    pub ddl: String,
    pub skipped_reason: Option<String>,
}

impl Manifest {
    /// Some of its tables, and no objects: to look at these again.
    #[must_use]
    pub fn only(&self, tables: &BTreeSet<&TableName>) -> Manifest {
        let wanted = |table: &&ManifestTable| tables.contains(&table.table);
        Manifest {
            label: self.label.clone(),
            database: self.database.clone(),
            plan_id: self.plan_id.clone(),
            kind: self.kind,
            tables: self.tables.iter().filter(wanted).cloned().collect(),
            objects: Vec::new(),
        }
    }

    pub fn partitions_total(&self) -> u64 {
        self.tables
            .iter()
            .map(|table| table.partitions.len() as u64)
            .sum()
    }

    pub fn partitions_stored(&self) -> u64 {
        let stored = |partition: &&ManifestPartition| *partition.stored_in == self.label;
        self.tables
            .iter()
            .map(|table| table.partitions.iter().filter(stored).count() as u64)
            .sum()
    }

    pub fn bytes_stored(&self) -> u64 {
        self.tables
            .iter()
            .flat_map(|table| &table.partitions)
            .filter(|partition| *partition.stored_in == self.label)
            .map(|partition| partition.data_size)
            .sum()
    }

    /// `None` where the rows of any partition are not known. A system partition has none.
    pub fn rows_total(&self) -> Option<u64> {
        let partitions = self.tables.iter().flat_map(|table| &table.partitions);
        partitions
            .filter(|partition| !partition.system)
            .map(|partition| partition.row_count)
            .sum()
    }

    /// Over everything that a reader relies on: a manifest that was read back with another digest,
    /// or another number of partitions, is rejected. Counts and sizes are left out: they are filled in
    /// and corrected later.
    pub fn digest(&self) -> Digest {
        let mut digest = DigestWriter::default();
        digest.text(self.label.as_str());
        digest.text(self.database.as_str());
        digest.text(self.kind.as_str());
        for table in &self.tables {
            digest.part(table.digest().as_bytes());
        }
        let mut objects: Vec<&ManifestObject> = self.objects.iter().collect();
        objects.sort_by_key(|object| (object.kind, &object.name));
        for object in objects {
            digest.text(object.kind.as_str());
            digest.text(object.name.as_str());
            digest.text(&object.ddl);
            digest.text(object.skipped_reason.as_deref().unwrap_or_default());
        }
        digest.finish()
    }
}

impl ManifestTable {
    pub fn digest(&self) -> Digest {
        let mut digest = DigestWriter::default();
        digest.text(self.table.as_str());
        digest.part(&self.table_id.0.to_le_bytes());
        digest.part(self.schema_hash.as_bytes());
        digest.text(&self.ddl);
        digest.part(&[u8::from(self.unpartitioned)]);
        for partition in &self.partitions {
            digest.text(partition.name.as_str());
            let fingerprint = partition.fingerprint.as_ref();
            digest.part(fingerprint.map_or(&[], |print| print.as_bytes()));
            digest.text(partition.stored_in.as_str());
            digest.text(&partition.value);
            digest.part(&[u8::from(partition.system)]);
            digest.part(&partition.buckets.to_le_bytes());
            digest.part(&partition.replication_num.to_le_bytes());
        }
        digest.finish()
    }
}

/// Whether a label equals one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// All content is of the moment of the pin.
    Exact,
    /// A referenced partition changed between the first reading and the pin.
    Torn,
}

impl Cut {
    pub fn as_str(self) -> &'static str {
        match self {
            Cut::Exact => "exact",
            Cut::Torn => "torn",
        }
    }
}

impl FromStr for Cut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "exact" => Ok(Cut::Exact),
            "torn" => Ok(Cut::Torn),
            other => Err(format!("unknown cut '{other}'")),
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The row of a label in `backup_history`.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupRecord {
    pub label: SnapshotLabel,
    pub kind: BackupKind,
    pub status: BackupStatus,
    pub repository: String,
    pub error_message: Option<String>,
    /// All below is `None` in a row that the Python tool wrote.
    pub execution_id: Option<ExecutionId>,
    pub group: Option<GroupName>,
    pub database: Option<DatabaseName>,
    pub cluster_id: Option<ClusterId>,
    pub baseline: Option<SnapshotLabel>,
    pub plan_id: Option<PlanId>,
    pub plan_digest: Option<Digest>,
    /// `None` with a FINISHED status: nothing had changed, so no snapshot was made.
    pub snapshot_timestamp: Option<SnapshotTimestamp>,
    pub cut: Option<Cut>,
    pub planned_at: Option<UtcTime>,
    pub pinned_at: Option<UtcTime>,
    pub partitions_total: Option<u64>,
    pub partitions_stored: Option<u64>,
    pub bytes_stored: Option<u64>,
    pub rows_total: Option<u64>,
    pub engine_version: Option<String>,
    /// `None`: made by hand, kept until somebody deletes it.
    pub retention_class: Option<RetentionClass>,
    pub expires_at: Option<UtcTime>,
    /// As stored: UTC in our rows, the cluster's zone in the Python tool's.
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
}

/// The column `retention_class` of `backup_history`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionClass {
    Monthly,
    Weekly,
    Daily,
}

impl RetentionClass {
    pub fn as_str(self) -> &'static str {
        match self {
            RetentionClass::Monthly => "monthly",
            RetentionClass::Weekly => "weekly",
            RetentionClass::Daily => "daily",
        }
    }
}

impl std::str::FromStr for RetentionClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            RetentionClass::Monthly,
            RetentionClass::Weekly,
            RetentionClass::Daily,
        ]
        .into_iter()
        .find(|class| class.as_str() == text)
        .ok_or_else(|| format!("unknown retention class '{text}'"))
    }
}

/// The column `status` of `backup_history`. FINISHED, CANCELLED, TIMEOUT, ERROR and LOST are also
/// written by the Python tool; RUNNING, PARTIAL and FAILED only by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BackupStatus {
    /// Planned; its end is not recorded yet.
    Running,
    Finished,
    /// Complete, but something of the group is not in it.
    Partial,
    Failed,
    Cancelled,
    Timeout,
    Error,
    Lost,
    /// A word that neither tool writes; `error_message` says which.
    Unknown,
}

impl BackupStatus {
    pub const ALL: [BackupStatus; 8] = [
        BackupStatus::Running,
        BackupStatus::Finished,
        BackupStatus::Partial,
        BackupStatus::Failed,
        BackupStatus::Cancelled,
        BackupStatus::Timeout,
        BackupStatus::Error,
        BackupStatus::Lost,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            BackupStatus::Running => "RUNNING",
            BackupStatus::Finished => "FINISHED",
            BackupStatus::Partial => "PARTIAL",
            BackupStatus::Failed => "FAILED",
            BackupStatus::Cancelled => "CANCELLED",
            BackupStatus::Timeout => "TIMEOUT",
            BackupStatus::Error => "ERROR",
            BackupStatus::Lost => "LOST",
            BackupStatus::Unknown => "UNKNOWN",
        }
    }

    /// Whether a restore can be asked for.
    pub fn is_restorable(self) -> bool {
        matches!(self, BackupStatus::Finished | BackupStatus::Partial)
    }
}

impl FromStr for BackupStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        BackupStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("unknown backup status '{text}'"))
    }
}
