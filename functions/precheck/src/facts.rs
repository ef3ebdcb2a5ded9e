//! The facts that the checks are about.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    config::Settings,
    error::Error,
    facts::{
        TableEngine,
        cluster::{ClusterFacts, RepositoryFacts},
    },
    flow::OnUnsupported,
    ident::{ClusterId, DatabaseName, RepositoryName, TableId, TableName},
    job::Phase,
    ops::{Ops, inventory::Group, schema::SchemaState},
    plan::{
        Finding,
        backup::{Selection, unsupported},
        precheck::{
            BackupNeeds, DatabaseNeeds, ForeignClaim, OpsTables, PrecheckReport, PrivilegeProbe,
            RunningJob, Surroundings, check_backup, check_database, check_restore, combine,
        },
        privileges::{self, Held},
    },
    read,
    sql::{
        admin::Privilege,
        show::{self, Account},
    },
    starrocks::{Client, FailureKind},
};

mod doctor;

/// Everything around a job, read once.
pub(crate) struct Gathered {
    cluster: ClusterFacts,
    repositories: BTreeMap<RepositoryName, Option<RepositoryFacts>>,
    min_free_disk_percent: u8,
    privileges: Vec<PrivilegeProbe>,
    jobs: Vec<RunningJob>,
    foreign: Vec<ForeignClaim>,
    ops: OpsTables,
    existing: BTreeSet<DatabaseName>,
    held: Held,
    account: Account,
    ops_database: DatabaseName,
}

impl Gathered {
    pub(crate) fn cluster_id(&self) -> Result<&ClusterId, Error> {
        self.cluster.known_id()
    }

    /// `databases`: those in which nothing else may run.
    pub(crate) async fn read(
        settings: &Settings,
        client: &mut Client,
        databases: &[DatabaseName],
    ) -> Result<Gathered, Error> {
        let configured = [settings.repository()?.clone()].into();
        Gathered::read_with(settings, client, &configured, databases).await
    }

    /// With other repositories than the one that backups go to.
    pub(crate) async fn read_with(
        settings: &Settings,
        client: &mut Client,
        needed: &BTreeSet<RepositoryName>,
        databases: &[DatabaseName],
    ) -> Result<Gathered, Error> {
        let ops_database = settings.ops_database();
        let cluster = read::read_cluster(client).await?;
        let mut repositories = BTreeMap::new();
        for name in needed {
            let facts = read::read_repository(client, name).await?;
            repositories.insert(name.clone(), facts);
        }
        let ops = match Ops::new(client, ops_database).schema_state().await? {
            SchemaState::Current => OpsTables::Ready,
            SchemaState::Missing => OpsTables::Missing,
            SchemaState::Outdated { missing } => OpsTables::Incomplete(missing),
        };
        let (backups, may_see_jobs) = match client.fetch(&show::backups()).await {
            Ok(jobs) => (jobs, true),
            Err(error) if error.kind() == FailureKind::AccessDenied => (Vec::new(), false),
            Err(error) => return Err(error.into()),
        };
        let running = |state: Phase| state == Phase::Running;
        let mut jobs = Vec::new();
        let mut foreign = Vec::new();
        if ops == OpsTables::Ready {
            // A label of ours is adopted, whoever started it.
            let mut ours = BTreeSet::new();
            for database in databases {
                let claims = Ops::new(client, ops_database).open_claims(database).await?;
                ours.extend(claims.into_iter().map(|claim| claim.label.to_string()));
            }
            for row in Ops::new(client, ops_database).foreign_active().await? {
                let job = backups
                    .iter()
                    .find(|job| job.label == row.label && running(job.state.phase()));
                foreign.push(ForeignClaim {
                    running_in: job.and_then(|job| job.database.parse().ok()),
                    clear: Ops::new(client, ops_database).clearing_statement(&row),
                    scope: row.scope,
                    label: row.label,
                });
            }
            for job in backups.iter().filter(|job| running(job.state.phase())) {
                let database = databases.iter().find(|name| name.as_str() == job.database);
                if let Some(database) = database
                    && !ours.contains(&job.label)
                {
                    jobs.push(RunningJob {
                        database: database.clone(),
                        kind: "backup",
                        label: job.label.clone(),
                        state: job.state.as_str().to_owned(),
                    });
                }
            }
        }
        if ops == OpsTables::Ready {
            jobs.extend(running_restores(settings, client, databases).await?);
        }
        let existing = client
            .fetch(&show::databases())
            .await?
            .into_iter()
            .map(|row| row.0)
            .collect();
        let account = read::account(client).await?;
        let held = read::read_grants(client).await?;
        let privileges = vec![
            PrivilegeProbe {
                privilege: Privilege::Repository,
                name: "REPOSITORY on SYSTEM",
                granted: Some(may_see_jobs),
            },
            PrivilegeProbe {
                privilege: Privilege::Operate,
                name: "OPERATE on SYSTEM",
                granted: Some(cluster.frontends.is_some()),
            },
        ];
        Ok(Gathered {
            cluster,
            repositories,
            min_free_disk_percent: settings.min_free_disk_percent(),
            privileges,
            jobs,
            foreign,
            ops,
            existing,
            held,
            account,
            ops_database: ops_database.clone(),
        })
    }

    /// `None` where backends cannot be seen.
    pub(crate) fn min_free_disk_percent(&self) -> Option<u8> {
        self.cluster.fullest_disk().map(|(percent, _)| percent)
    }

    /// The engine's words for why a repository cannot be used, or our own.
    pub(crate) fn repository_error(&self) -> Option<String> {
        self.repositories
            .iter()
            .find_map(|(name, facts)| match facts {
                None => Some(format!("there is no repository '{name}'")),
                Some(facts) => facts.unreachable.clone(),
            })
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            cluster: &self.cluster,
            repositories: &self.repositories,
            min_free_disk_percent: self.min_free_disk_percent,
            privileges: self.privileges.clone(),
            jobs: self.jobs.clone(),
            foreign: self.foreign.clone(),
            ops: self.ops.clone(),
            account: &self.account,
        }
    }

    /// Before a backup. What of its tables only partitions tell is found by `start-backup`, once: a
    /// second reading of all partitions would cost as much as the first. Names and engines are known now.
    pub(crate) async fn check_backup(
        &self,
        settings: &Settings,
        client: &mut Client,
        group: &Group,
        on_unsupported: OnUnsupported,
    ) -> Result<PrecheckReport, Error> {
        let existing = group.keys().filter(|name| self.existing.contains(*name));
        let listings = read::read_listings(client, &existing.collect()).await?;
        // What restores of ours left is in no backup of a whole database.
        let leftovers = Ops::new(client, settings.ops_database())
            .leftovers()
            .await?;
        let mut of_all = self.check_surroundings();
        of_all.extend(self.check_ops());
        let mut of_databases = BTreeMap::new();
        for (database, selection) in group {
            let Some(listing) = listings.get(database) else {
                let missing = DatabaseNeeds::default();
                of_all.extend(check_database(
                    on_unsupported,
                    database,
                    &missing,
                    &self.account,
                ));
                continue;
            };
            let needs = DatabaseNeeds {
                exists: true,
                unsupported: unsupported::by_listing(listing, selection),
                ..DatabaseNeeds::default()
            };
            let mut findings = check_database(on_unsupported, database, &needs, &self.account);
            let is_left = |id: TableId, name: &TableName| {
                *selection == Selection::Everything && leftovers.contains(id, name)
            };
            let of_group = listing.tables.iter().filter(|(name, (id, engine))| {
                *engine == TableEngine::Olap && selection.contains(name) && !is_left(*id, name)
            });
            let of_group = of_group.map(|(name, _)| name.clone()).collect();
            let tables = listing.complete.then_some(of_group);
            let tables = [(database.clone(), tables)].into();
            findings.extend(privileges::check_backup(&self.held, &self.account, &tables));
            of_databases.insert(database.clone(), findings);
        }
        let report = combine(of_all, of_databases);
        // What costs this backup something; the state of the cluster is for `doctor`.
        let of_content = |finding: &&Finding| ["table", "privilege"].contains(&finding.check);
        for advice in report.advice().filter(of_content) {
            tracing::warn!(finding = %advice, hint = advice.hint, "this will be missing");
        }
        Ok(report)
    }

    /// What stands in the way whatever is asked for, but for the ops tables themselves.
    pub(crate) fn check_surroundings(&self) -> Vec<Finding> {
        let needs = BackupNeeds {
            on_unsupported: OnUnsupported::Fail,
            databases: BTreeMap::new(),
        };
        let findings = check_backup(&self.surroundings(), &needs).findings;
        let asked_for = |finding: &Finding| ["groups", "ops tables"].contains(&finding.check);
        findings
            .into_iter()
            .filter(|finding| !asked_for(finding))
            .collect()
    }

    fn check_ops(&self) -> Vec<Finding> {
        match self.ops {
            OpsTables::Ready => {
                privileges::check_ops(&self.held, &self.account, &self.ops_database)
            }
            // They come with init, which says what it needs.
            OpsTables::Missing | OpsTables::Incomplete(_) => Vec::new(),
        }
    }

    /// `targets`: where tables will stand.
    pub(crate) fn check_restore(
        &self,
        targets: &BTreeSet<DatabaseName>,
        reads_rows: bool,
    ) -> PrecheckReport {
        let mut report = check_restore(&self.surroundings());
        report.findings.extend(self.check_ops());
        report
            .findings
            .extend(self.may_restore(targets, reads_rows));
        report
    }

    fn may_restore<'a>(
        &self,
        targets: impl IntoIterator<Item = &'a DatabaseName>,
        reads_rows: bool,
    ) -> Vec<Finding> {
        let databases = targets
            .into_iter()
            .map(|name| (name.clone(), self.existing.contains(name)))
            .collect();
        let needs = privileges::RestoreNeeds {
            databases: &databases,
            reads_rows,
        };
        privileges::check_restore(&self.held, &self.account, &needs)
    }
}

/// RESTORE jobs of others in these databases. One of ours holds the lease, which is waited for.
async fn running_restores(
    settings: &Settings,
    client: &mut Client,
    databases: &[DatabaseName],
) -> Result<Vec<RunningJob>, Error> {
    let mut running = Vec::new();
    for database in databases {
        let held = Ops::new(client, settings.ops_database())
            .newest_lease(database)
            .await?
            .is_some_and(|lease| lease.seconds_left > 0);
        if held {
            continue;
        }
        let jobs = match client.fetch(&show::restore(database)).await {
            Ok(jobs) => jobs,
            // Said as a missing privilege, or as a missing database.
            Err(error)
                if matches!(
                    error.kind(),
                    FailureKind::AccessDenied | FailureKind::UnknownDatabase
                ) =>
            {
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let at_work = jobs
            .into_iter()
            .filter(|job| job.state.phase() == Phase::Running);
        running.extend(at_work.map(|job| RunningJob {
            database: database.clone(),
            kind: "restore",
            label: job.label,
            state: job.state.as_str().to_owned(),
        }));
    }
    Ok(running)
}
