//! What `doctor` reads besides what every job needs: every table of every group, clocks and configuration.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    config::Settings,
    error::Error,
    facts::cluster::ClusterFacts,
    flow::OnUnsupported,
    ident::{DatabaseName, ExecutionId, QualifiedTable, TableName},
    ops::Ops,
    plan::{
        Finding,
        backup::{Selection, Unsupported, unsupported},
        precheck::{
            BackupNeeds, DatabaseNeeds, OpsTables, PrecheckReport, check_backup, doctor as planner,
        },
        privileges,
    },
    read::{self, DatabaseReading},
    sql::show,
    starrocks::{Client, FailureKind},
    time::UtcTime,
};

use super::Gathered;

impl Gathered {
    /// For `doctor`: every table of every group is read too.
    pub(crate) async fn report(
        &self,
        settings: &Settings,
        client: &mut Client,
    ) -> Result<PrecheckReport, Error> {
        let (readings, ops_tables) = match self.ops {
            OpsTables::Ready => self.read_groups(settings, client).await?,
            OpsTables::Missing | OpsTables::Incomplete(_) => (BTreeMap::new(), None),
        };
        let named = match self.ops {
            OpsTables::Ready => named_tables(settings, client).await?,
            OpsTables::Missing | OpsTables::Incomplete(_) => BTreeMap::new(),
        };
        let (now, clock) = clock(client).await?;
        let mut to_know = vec![clock];
        to_know.extend(materialized_views(client).await?);
        to_know.extend(about_tables(
            &self.cluster,
            ops_tables.as_ref(),
            &readings,
            now,
        ));
        let mut databases = BTreeMap::new();
        let mut of_groups: BTreeMap<DatabaseName, BTreeSet<TableName>> = BTreeMap::new();
        for (name, reading) in &readings {
            let mut needs = DatabaseNeeds {
                exists: self.existing.contains(name),
                ..DatabaseNeeds::default()
            };
            if let Some(reading) = reading {
                let of_group = reading.facts.tables.keys().chain(reading.unreadable.keys());
                of_groups.insert(name.clone(), of_group.cloned().collect());
                let tables = reading.facts.tables.iter();
                needs.unsupported.extend(tables.filter_map(|(name, table)| {
                    // Whether LIST tables can be backed up is found out by BACKUP itself.
                    Some((name, unsupported::reason(table, true)?))
                }));
                let named = named.get(name).into_iter().flatten();
                needs.unsupported.extend(
                    named
                        .filter(|table| !is_there(reading, table))
                        .map(|table| (table, Unsupported::Missing)),
                );
                let unreadable = reading.unreadable.iter();
                needs
                    .unreadable
                    .extend(unreadable.map(|(name, words)| (name, words.as_str())));
            }
            databases.insert(name.clone(), needs);
        }
        let needs = BackupNeeds {
            on_unsupported: OnUnsupported::Fail,
            databases,
        };
        let mut report = check_backup(&self.surroundings(), &needs);
        report.findings.extend(self.check_ops());
        let tables = of_groups
            .iter()
            .map(|(name, tables)| (name.clone(), Some(tables.clone())))
            .collect();
        let privileges = privileges::check_backup(&self.held, &self.account, &tables);
        report.findings.extend(privileges);
        // Nobody restores now.
        let restore = self.may_restore(of_groups.keys(), true).into_iter();
        report.findings.extend(restore.map(Finding::into_advice));
        report.findings.extend(to_know);
        Ok(report)
    }

    /// With the ops tables, in the same reading.
    async fn read_groups(
        &self,
        settings: &Settings,
        client: &mut Client,
    ) -> Result<
        (
            BTreeMap<DatabaseName, Option<DatabaseReading>>,
            Option<DatabaseReading>,
        ),
        Error,
    > {
        let ops = settings.ops_database();
        let groups = Ops::new(client, ops).all_groups().await?;
        let mut present: BTreeMap<DatabaseName, Selection> = groups
            .iter()
            .filter(|(name, _)| self.existing.contains(name))
            .map(|(name, selection)| (name.clone(), selection.clone()))
            .collect();
        let is_in_group = present.contains_key(ops);
        if !is_in_group {
            present.insert(ops.clone(), Selection::Everything);
        }
        // Stands for what cannot be known without OPERATE; nothing is compared with it here.
        let nobody: ExecutionId = "doctor".parse().expect("a word is an id");
        let mut readings = read::read_databases(client, &present, &nobody).await?;
        let ops_tables = match is_in_group {
            true => None,
            false => readings.remove(ops),
        };
        let of_groups = groups
            .into_keys()
            .map(|name| (name.clone(), readings.remove(&name)));
        Ok((of_groups.collect(), ops_tables))
    }
}

/// What is worth knowing of tables that can all be backed up.
fn about_tables(
    cluster: &ClusterFacts,
    ops_tables: Option<&DatabaseReading>,
    readings: &BTreeMap<DatabaseName, Option<DatabaseReading>>,
    now: UtcTime,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(reading) = ops_tables {
        let database = &reading.facts.database;
        let tables = reading.facts.tables.iter();
        let tables = tables.map(|(name, table)| (QualifiedTable::new(database, name), table));
        findings.extend(planner::ops_replicas(cluster, tables));
    }
    for (database, reading) in readings {
        let tables = reading.iter().flat_map(|reading| &reading.facts.tables);
        findings.extend(tables.filter_map(|(name, table)| {
            planner::policies(&QualifiedTable::new(database, name), table, now)
        }));
    }
    findings
}

/// Tables that groups name one by one, also where another group takes the whole database.
async fn named_tables(
    settings: &Settings,
    client: &mut Client,
) -> Result<BTreeMap<DatabaseName, BTreeSet<TableName>>, Error> {
    let rows = Ops::new(client, settings.ops_database())
        .inventory()
        .await?;
    let mut named: BTreeMap<DatabaseName, BTreeSet<TableName>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.table != "*") {
        let tables = named.entry(row.database.parse()?).or_default();
        tables.insert(row.table.parse()?);
    }
    Ok(named)
}

/// Where not everything can be listed, a table that is not seen may still be there.
fn is_there(reading: &DatabaseReading, table: &TableName) -> bool {
    reading
        .facts
        .listing
        .as_ref()
        .is_none_or(|listing| listing.contains(table))
}

async fn clock(client: &mut Client) -> Result<(UtcTime, Finding), Error> {
    let before = now();
    let leader = read::utc_now(client).await?;
    let half = now().duration_since(before) / 2;
    let here = UtcTime::from_timestamp(before.checked_add(half).unwrap_or(before));
    Ok((leader, planner::clock(here, leader)))
}

/// `None` where the configuration cannot be seen, which is said elsewhere, or has no such item.
async fn materialized_views(client: &mut Client) -> Result<Option<Finding>, Error> {
    const NAME: &str = "enable_backup_materialized_view";
    let entries = match client.fetch(&show::frontend_config(NAME)).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == FailureKind::AccessDenied => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let entry = entries.into_iter().find(|entry| entry.name == NAME);
    Ok(entry.map(|entry| planner::materialized_views(&entry.value)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with the leader's for a person to read; nothing is decided by it"
)]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
