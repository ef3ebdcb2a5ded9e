mod verdicts;

use super::*;
use crate::facts::cluster::{BackendFacts, DiskFacts, FrontendFacts};

const GB: u64 = 1 << 30;

fn backend(id: i64, alive: bool) -> BackendFacts {
    BackendFacts {
        id,
        host: format!("be{id}"),
        alive,
        decommissioned: false,
        available: 600 * GB,
        total: 1_000 * GB,
        disks: Vec::new(),
    }
}

fn frontend(host: &str, leader: bool, alive: bool) -> FrontendFacts {
    FrontendFacts {
        host: host.into(),
        leader,
        alive,
    }
}

fn cluster() -> ClusterFacts {
    ClusterFacts {
        cluster_id: Some("7".parse().unwrap()),
        engine_version: "4.1.0-abc".into(),
        run_mode: Some("shared_nothing".into()),
        frontends: Some(vec![
            frontend("fe1", true, true),
            frontend("fe2", false, true),
        ]),
        backends: Some((1..=3).map(|id| backend(id, true)).collect()),
    }
}

fn repository_facts() -> RepositoryFacts {
    RepositoryFacts {
        name: "repo".parse().unwrap(),
        location: "s3://bucket".into(),
        read_only: false,
        unreachable: None,
        unseen: false,
    }
}

/// Everything is well; a case spoils one thing.
struct Case {
    cluster: ClusterFacts,
    repository: Option<RepositoryFacts>,
    privileges: Vec<PrivilegeProbe>,
    jobs: Vec<RunningJob>,
    foreign: Vec<ForeignClaim>,
    ops: OpsTables,
    on_unsupported: OnUnsupported,
    exists: bool,
    unsupported: Option<Unsupported>,
    unreadable: Option<&'static str>,
    replicas: u16,
    restore_bytes: u64,
}

fn well() -> Case {
    Case {
        cluster: cluster(),
        repository: Some(repository_facts()),
        privileges: vec![privilege(Some(true))],
        jobs: Vec::new(),
        foreign: Vec::new(),
        ops: OpsTables::Ready,
        on_unsupported: OnUnsupported::Fail,
        exists: true,
        unsupported: None,
        unreadable: None,
        replicas: 3,
        restore_bytes: 10 * GB,
    }
}

fn privilege(granted: Option<bool>) -> PrivilegeProbe {
    PrivilegeProbe {
        privilege: Privilege::Repository,
        name: "REPOSITORY on SYSTEM",
        granted,
    }
}

impl Case {
    fn reports(&self) -> [PrecheckReport; 2] {
        let repositories = [("repo".parse().unwrap(), self.repository.clone())].into();
        let table = "t".parse().unwrap();
        let account = "'br'@'%'".parse().unwrap();
        let around = Surroundings {
            cluster: &self.cluster,
            repositories: &repositories,
            min_free_disk_percent: 15,
            privileges: self.privileges.clone(),
            jobs: self.jobs.clone(),
            foreign: self.foreign.clone(),
            ops: self.ops.clone(),
            account: &account,
        };
        let database = DatabaseNeeds {
            exists: self.exists,
            unsupported: self
                .unsupported
                .iter()
                .map(|reason| (&table, reason.clone()))
                .collect(),
            unreadable: self
                .unreadable
                .iter()
                .map(|words| (&table, *words))
                .collect(),
            least_replicas: Some(self.replicas),
        };
        let needs = BackupNeeds {
            on_unsupported: self.on_unsupported,
            databases: [("sales".parse().unwrap(), database)].into(),
        };
        let mut restore = check_restore(&around);
        restore
            .findings
            .push(restore_room(&self.cluster, self.restore_bytes, 15));
        [check_backup(&around, &needs), restore]
    }
}

#[test]
fn all_failures_are_told_at_once() {
    let mut case = well();
    case.repository = None;
    case.ops = OpsTables::Missing;
    case.unreadable = Some("no");
    let [backup, _] = case.reports();
    let error = backup
        .to_error("group nightly cannot be backed up")
        .unwrap();
    assert_eq!(error.name, ErrorName::PrecheckFailed);
    assert_eq!(error.message.lines().count(), 4, "{error}");
    assert_eq!(error.hints.len(), 3);
}

#[test]
fn room_is_counted_disk_by_disk() {
    let with_free = |percent, disks: Vec<DiskFacts>| {
        let mut cluster = cluster();
        cluster.backends = Some(vec![BackendFacts {
            disks,
            ..backend(1, true)
        }]);
        usable_bytes(&cluster, percent)
    };
    let with = |disks| with_free(0, disks);
    let disk = |available, total, online| DiskFacts {
        path: "/data".into(),
        available: available * GB,
        total: total * GB,
        online,
    };
    assert_eq!(with(vec![]), Some(550 * GB));
    // A small disk keeps 5 %, a large one 100 GB; one that is offline takes nothing.
    assert_eq!(with(vec![disk(50, 100, true)]), Some(45 * GB));
    assert_eq!(with(vec![disk(5_000, 10_000, true)]), Some(4_900 * GB));
    assert_eq!(with(vec![disk(50, 100, false)]), Some(0));
    assert_eq!(
        with(vec![disk(3, 100, true), disk(50, 100, true)]),
        Some(45 * GB)
    );
    // What is configured to stay free, where it is more than that.
    assert_eq!(with_free(15, vec![disk(50, 100, true)]), Some(35 * GB));
    assert_eq!(with_free(15, vec![disk(14, 100, true)]), Some(0));
    assert_eq!(
        with_free(1, vec![disk(5_000, 20_000, true)]),
        Some(4_800 * GB)
    );
    let mut dead = cluster();
    dead.backends = Some(vec![backend(1, false)]);
    assert_eq!(usable_bytes(&dead, 0), Some(0));
}

#[test]
fn one_database_that_cannot_be_backed_up_does_not_take_the_others_with_it() {
    let failed = |name| vec![Finding::failed("table", name, "no", "do this")];
    let well = || vec![Finding::passed("table", "yes")];
    let name = |text: &str| text.parse::<DatabaseName>().unwrap();
    let (input, denied) = (ErrorName::PrecheckFailed, ErrorName::AccessDenied);
    for (of_all, sales, crm, failures) in [
        (well(), well(), well(), 0),
        (well(), failed(denied), well(), 0),
        (well(), failed(denied), failed(input), 2),
        (failed(input), failed(denied), well(), 2),
        (failed(input), well(), well(), 1),
    ] {
        let of_databases = [(name("sales"), sales), (name("crm"), crm)].into();
        let report = combine(of_all, of_databases);
        assert_eq!(report.findings.len(), 3);
        let failed = report
            .findings
            .iter()
            .filter(|finding| finding.is_failure());
        assert_eq!(failed.count(), failures, "{report:?}");
    }
}
