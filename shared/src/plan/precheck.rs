//! Facts about the cluster into findings: what passed, what is worth knowing, what is in the way.
//!
//! A check is in the way only if the job could not succeed. A follower that is down or one dead
//! backend is no reason to go without a backup: that is the moment when it is needed most.

use std::collections::BTreeMap;

use crate::{
    error::{Error, ErrorName},
    facts::cluster::{ClusterFacts, RepositoryFacts},
    flow::OnUnsupported,
    ident::{DatabaseName, RepositoryName, TableName},
    plan::{Finding, Verdict, backup::Unsupported, finding},
    sql::{
        admin::{Privilege, grant},
        show::Account,
    },
};

mod cluster;
pub mod doctor;
mod room;
#[cfg(test)]
mod tests;

pub use room::{restore_room, usable_bytes};

/// What is checked before a backup and before a restore alike.
#[derive(Debug)]
pub struct Surroundings<'a> {
    pub cluster: &'a ClusterFacts,
    /// All that are written to or read from. `None`: SHOW REPOSITORIES does not have it.
    pub repositories: &'a BTreeMap<RepositoryName, Option<RepositoryFacts>>,
    /// Of the fullest disk of every backend.
    pub min_free_disk_percent: u8,
    pub privileges: Vec<PrivilegeProbe>,
    pub jobs: Vec<RunningJob>,
    pub foreign: Vec<ForeignClaim>,
    pub ops: OpsTables,
    /// Whom the GRANTs are to that are printed.
    pub account: &'a Account,
}

/// A privilege on the system, and what trying showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivilegeProbe {
    pub privilege: Privilege<'static>,
    /// `REPOSITORY on SYSTEM`
    pub name: &'static str,
    /// `None`: nothing could be tried.
    pub granted: Option<bool>,
}

/// A job of the engine in one of the databases, under a label that this execution did not choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningJob {
    pub database: DatabaseName,
    /// `backup` or `restore`.
    pub kind: &'static str,
    pub label: String,
    pub state: String,
}

/// An ACTIVE row of the Python tool: it names no database, so it may be any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignClaim {
    pub scope: String,
    pub label: String,
    /// The database in which SHOW BACKUP shows it at work.
    pub running_in: Option<DatabaseName>,
    /// The statement that clears the row.
    pub clear: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpsTables {
    Ready,
    Missing,
    /// Tables or columns that are not there.
    Incomplete(Vec<String>),
}

/// What a backup needs beyond its surroundings.
#[derive(Debug)]
pub struct BackupNeeds<'a> {
    pub on_unsupported: OnUnsupported,
    /// Every database of the group.
    pub databases: BTreeMap<DatabaseName, DatabaseNeeds<'a>>,
}

#[derive(Debug, Default)]
pub struct DatabaseNeeds<'a> {
    pub exists: bool,
    pub unsupported: Vec<(&'a TableName, Unsupported)>,
    /// Tables that are there and cannot be read, with the engine's words.
    pub unreadable: Vec<(&'a TableName, &'a str)>,
    /// The smallest replication number among its partitions.
    pub least_replicas: Option<u16>,
}

/// Every check, in the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct PrecheckReport {
    pub findings: Vec<Finding>,
}

impl PrecheckReport {
    pub fn to_error(&self, subject: &str) -> Option<Error> {
        finding::to_error(subject, &self.findings)
    }

    pub fn passed(&self) -> bool {
        !self.findings.iter().any(Finding::is_failure)
    }

    pub fn advice(&self) -> impl Iterator<Item = &Finding> {
        let advice = |finding: &&Finding| finding.verdict == Verdict::Advice;
        self.findings.iter().filter(advice)
    }
}

pub fn check_backup(around: &Surroundings<'_>, needs: &BackupNeeds<'_>) -> PrecheckReport {
    let least_replicas = needs
        .databases
        .values()
        .filter_map(|database| database.least_replicas)
        .min();
    let mut findings = cluster::check(around, least_replicas);
    findings.extend(room::check_free(
        around.cluster,
        around.min_free_disk_percent,
    ));
    findings.push(cluster::identity(around));
    findings.extend(repositories(around, Use::Write));
    findings.extend(common(around));
    findings.extend(group(around, needs));
    PrecheckReport { findings }
}

/// Without the room for what it brings, which its plan knows: see [`restore_room`].
pub fn check_restore(around: &Surroundings<'_>) -> PrecheckReport {
    let mut findings = cluster::check(around, None);
    findings.extend(room::check_free(
        around.cluster,
        around.min_free_disk_percent,
    ));
    findings.extend(repositories(around, Use::Read));
    findings.extend(common(around));
    PrecheckReport { findings }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    Write,
}

fn repositories(around: &Surroundings<'_>, use_as: Use) -> impl Iterator<Item = Finding> {
    let all = around.repositories.iter();
    all.map(move |(name, facts)| repository(around.account, name, facts.as_ref(), use_as))
}

fn repository(
    account: &Account,
    name: &RepositoryName,
    facts: Option<&RepositoryFacts>,
    use_as: Use,
) -> Finding {
    const CHECK: &str = "repository";
    let failed = |message: String, hint: String| {
        Finding::failed(CHECK, ErrorName::RepositoryUnavailable, message, hint).about(name)
    };
    let Some(facts) = facts else {
        return failed(
            "it does not exist".into(),
            format!(
                "create it in StarRocks with your bucket and its properties (CREATE REPOSITORY `{name}` \
                 WITH BROKER ON LOCATION \"s3a://BUCKET/PATH\" PROPERTIES (...)), or name another \
                 one in the configuration; SHOW REPOSITORIES lists them"
            ),
        );
    };
    if let Some(words) = &facts.unreachable {
        return failed(
            format!("StarRocks cannot list {}: {words}", facts.location),
            "check the object store, its credentials and the network of frontends and backends"
                .into(),
        );
    }
    if facts.read_only && use_as == Use::Write {
        return failed(
            "it is read only".into(),
            "back up to a repository that was not created READ ONLY".into(),
        );
    }
    if facts.unseen {
        // The missing privilege is a finding of its own.
        let message = "whether it can be listed is not known: SHOW SNAPSHOT is not allowed";
        let hint = grant(Privilege::Repository, account).to_string();
        return Finding::advice(CHECK, message, hint).about(name);
    }
    Finding::passed(CHECK, format!("{} can be listed", facts.location)).about(name)
}

fn common(around: &Surroundings<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(around.privileges.iter().map(|probe| {
        let hint = grant(probe.privilege, around.account).to_string();
        let finding = match probe.granted {
            Some(true) => Finding::passed("privilege", "granted"),
            Some(false) => Finding::failed("privilege", ErrorName::AccessDenied, "missing", hint),
            None => Finding::advice("privilege", "could not be tried", hint),
        };
        finding.about(probe.name)
    }));
    findings.push(ops_tables(&around.ops));
    let is_unseen = |probe: &PrivilegeProbe| {
        probe.privilege == Privilege::Repository && probe.granted == Some(false)
    };
    if let Some(probe) = around.privileges.iter().find(|probe| is_unseen(probe)) {
        let message = "SHOW BACKUP is not allowed, so what runs is not known";
        let hint = grant(probe.privilege, around.account).to_string();
        findings.push(Finding::advice("running jobs", message, hint));
    } else if around.jobs.is_empty() && around.foreign.is_empty() {
        findings.push(Finding::passed("running jobs", "none is in the way"));
    }
    findings.extend(around.jobs.iter().map(|job| {
        Finding::failed(
            "running jobs",
            ErrorName::JobConflict,
            format!(
                "{} {} is {}, and StarRocks runs one job per database",
                job.kind, job.label, job.state
            ),
            format!(
                "wait for it: SHOW {} FROM `{}`",
                job.kind.to_uppercase(),
                job.database
            ),
        )
        .about(&job.database)
    }));
    findings.extend(around.foreign.iter().map(foreign));
    findings
}

fn foreign(claim: &ForeignClaim) -> Finding {
    let hint = match &claim.running_in {
        Some(database) => format!("wait for it: SHOW BACKUP FROM `{database}`"),
        None => format!(
            "if that tool is not running either, clear its row: {}",
            claim.clear
        ),
    };
    let message = match claim.running_in {
        Some(_) => "another tool has it in work",
        None => "another tool says that it is in work, and StarRocks shows no such job",
    };
    Finding::failed("running jobs", ErrorName::JobConflict, message, hint)
        .about(format!("{} {}", claim.scope, claim.label))
}

fn ops_tables(ops: &OpsTables) -> Finding {
    const CHECK: &str = "ops tables";
    let message = match ops {
        OpsTables::Ready => return Finding::passed(CHECK, "complete"),
        OpsTables::Missing => "they do not exist".to_owned(),
        OpsTables::Incomplete(missing) => format!("missing: {}", missing.join(", ")),
    };
    Finding::failed(
        CHECK,
        ErrorName::PrecheckFailed,
        message,
        "run starrocks-br init",
    )
}

fn group(around: &Surroundings<'_>, needs: &BackupNeeds<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if needs.databases.is_empty() {
        findings.push(Finding::failed(
            "groups",
            ErrorName::NotFound,
            "no group has a table",
            "starrocks-br group add NAME DATABASE.TABLE ...",
        ));
    }
    for (database, needs_of) in &needs.databases {
        let on_unsupported = needs.on_unsupported;
        findings.extend(check_database(
            on_unsupported,
            database,
            needs_of,
            around.account,
        ));
    }
    findings
}

/// What is to be known of one database of a group.
pub fn check_database(
    on_unsupported: OnUnsupported,
    database: &DatabaseName,
    needs: &DatabaseNeeds<'_>,
    account: &Account,
) -> Vec<Finding> {
    const CHECK: &str = "database";
    if !needs.exists {
        let hint = "create it, or take it out of the group: starrocks-br group list";
        let missing = "there is no such database, or not even its name may be seen";
        return vec![Finding::failed(CHECK, ErrorName::NotFound, missing, hint).about(database)];
    }
    let mut findings = Vec::new();
    for (table, reason) in &needs.unsupported {
        let finding = match on_unsupported {
            OnUnsupported::Fail => reason.finding(table),
            OnUnsupported::Skip => Finding::advice(
                "table",
                format!("left out: {reason}"),
                "the backup will be PARTIAL",
            ),
        };
        findings.push(finding.about(format!("{database}.{table}")));
    }
    for (table, words) in &needs.unreadable {
        let message = format!("it cannot be read: {words}");
        let hint = grant(Privilege::BackUpTables(database), account).to_string();
        findings.push(
            Finding::failed("table", ErrorName::AccessDenied, message, hint)
                .about(format!("{database}.{table}")),
        );
    }
    if findings.is_empty() {
        let all = "every table of the groups can be backed up";
        findings.push(Finding::passed(CHECK, all).about(database));
    }
    findings
}

/// What is wrong with one database costs the others nothing: it is in the way only where nothing else
/// would be backed up. Then, and where something is in the way of all, everything is listed.
pub fn combine(
    of_all: Vec<Finding>,
    of_databases: BTreeMap<DatabaseName, Vec<Finding>>,
) -> PrecheckReport {
    let is_well = |findings: &[Finding]| !findings.iter().any(Finding::is_failure);
    let goes_on = is_well(&of_all) && of_databases.values().any(|findings| is_well(findings));
    let own = of_databases.into_values().flatten();
    let own = own.map(|finding| match goes_on {
        true => finding.into_advice(),
        false => finding,
    });
    PrecheckReport {
        findings: of_all.into_iter().chain(own).collect(),
    }
}
