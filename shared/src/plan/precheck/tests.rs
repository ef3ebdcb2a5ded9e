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
        let repository = "repo".parse().unwrap();
        let table = "t".parse().unwrap();
        let account = "'br'@'%'".parse().unwrap();
        let around = Surroundings {
            cluster: &self.cluster,
            repository: &repository,
            repository_facts: self.repository.as_ref(),
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

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    Passes,
    Advises,
    Fails(ErrorName),
}

fn verdict(report: &PrecheckReport) -> Expect {
    match report.to_error("cannot") {
        Some(error) => {
            assert!(!report.passed() && !error.hints.is_empty(), "{error}");
            Expect::Fails(error.name)
        }
        None if report.advice().next().is_some() => Expect::Advises,
        None => Expect::Passes,
    }
}

#[test]
fn every_check_has_its_verdict() {
    use Expect::*;
    type Spoil = fn(&mut Case);
    fn backends(case: &mut Case) -> &mut Vec<BackendFacts> {
        case.cluster.backends.as_mut().unwrap()
    }
    fn frontends(case: &mut Case) -> &mut Vec<FrontendFacts> {
        case.cluster.frontends.as_mut().unwrap()
    }
    fn repository(case: &mut Case) -> &mut RepositoryFacts {
        case.repository.as_mut().unwrap()
    }
    // What is spoilt; words of the finding; the verdict for a backup and for a restore.
    let cases: Vec<(Spoil, &str, Expect, Expect)> = vec![
        (|_| {}, "can be listed", Passes, Passes),
        (
            |case| case.cluster.run_mode = Some("shared_data".into()),
            "shared_nothing clusters only",
            Fails(ErrorName::UnsupportedCluster),
            Fails(ErrorName::UnsupportedCluster),
        ),
        (
            |case| case.cluster.run_mode = None,
            "run mode: it cannot be read",
            Advises,
            Advises,
        ),
        (
            |case| case.cluster.engine_version = "3.2.9-x".into(),
            "3.2.9-x is older than 3.3",
            Fails(ErrorName::UnsupportedCluster),
            Fails(ErrorName::UnsupportedCluster),
        ),
        (
            |case| case.cluster.engine_version = "5.0.0".into(),
            "newer than 4.1",
            Advises,
            Advises,
        ),
        (
            |case| case.cluster.engine_version = "main".into(),
            "'main'",
            Advises,
            Advises,
        ),
        (
            |case| case.cluster.cluster_id = None,
            "which cluster this is",
            Fails(ErrorName::AccessDenied),
            Passes,
        ),
        (
            |case| case.cluster.frontends = None,
            "SHOW FRONTENDS is not allowed",
            Advises,
            Advises,
        ),
        // One follower down, one backend down: no reason to go without a backup.
        (
            |case| frontends(case)[1].alive = false,
            "1 of 2 are down: fe2",
            Advises,
            Advises,
        ),
        (
            |case| frontends(case)[0].alive = false,
            "none is a living leader",
            Fails(ErrorName::Unreachable),
            Fails(ErrorName::Unreachable),
        ),
        (
            |case| case.cluster.backends = None,
            "SHOW BACKENDS is not allowed",
            Advises,
            Advises,
        ),
        (
            |case| backends(case)[0].alive = false,
            "1 of 3 are down: be1",
            Advises,
            Advises,
        ),
        (
            |case| {
                backends(case)[0].alive = false;
                case.replicas = 1;
            },
            "partitions with 1 replicas may have no living one",
            Advises,
            Advises,
        ),
        (
            |case| {
                backends(case)[0].alive = false;
                case.cluster.engine_version = "3.5.7".into();
            },
            "may choose a replica on them",
            Advises,
            Advises,
        ),
        (
            |case| {
                backends(case)
                    .iter_mut()
                    .for_each(|backend| backend.alive = false)
            },
            "none of 3 is alive",
            Fails(ErrorName::PrecheckFailed),
            // Nor is there any room.
            Fails(ErrorName::PrecheckFailed),
        ),
        (
            |case| backends(case)[0].decommissioned = true,
            "being decommissioned",
            Advises,
            Advises,
        ),
        (
            |case| {
                backends(case)[0].disks = vec![DiskFacts {
                    path: "/data1".into(),
                    available: GB,
                    total: GB,
                    online: false,
                }]
            },
            "disks be1:/data1: offline",
            Advises,
            Advises,
        ),
        (
            |case| {
                backends(case)[1].disks = [140, 900]
                    .map(|available| DiskFacts {
                        path: format!("/data{available}"),
                        available: available * GB,
                        total: 1_000 * GB,
                        online: true,
                    })
                    .into();
            },
            "free space: 14 % on the fullest disk (be2); 15 % are asked for",
            Fails(ErrorName::InsufficientStorage),
            Fails(ErrorName::InsufficientStorage),
        ),
        (
            |case| backends(case)[1].available = 150 * GB,
            "free space: 15 % on the fullest disk (be2)",
            Passes,
            Passes,
        ),
        (
            |case| case.repository = None,
            "repository repo: it does not exist",
            Fails(ErrorName::RepositoryUnavailable),
            Fails(ErrorName::RepositoryUnavailable),
        ),
        (
            |case| repository(case).unreachable = Some("connect timed out".into()),
            "connect timed out",
            Fails(ErrorName::RepositoryUnavailable),
            Fails(ErrorName::RepositoryUnavailable),
        ),
        (
            |case| repository(case).read_only = true,
            "read only",
            Fails(ErrorName::RepositoryUnavailable),
            Passes,
        ),
        (
            |case| case.privileges.push(privilege(Some(false))),
            "privilege REPOSITORY on SYSTEM: missing",
            Fails(ErrorName::AccessDenied),
            Fails(ErrorName::AccessDenied),
        ),
        (
            |case| case.privileges.push(privilege(None)),
            "could not be tried",
            Advises,
            Advises,
        ),
        (
            |case| case.ops = OpsTables::Missing,
            "ops tables: they do not exist",
            Fails(ErrorName::PrecheckFailed),
            Fails(ErrorName::PrecheckFailed),
        ),
        (
            |case| case.ops = OpsTables::Incomplete(vec!["run_status.phase".into()]),
            "missing: run_status.phase",
            Fails(ErrorName::PrecheckFailed),
            Fails(ErrorName::PrecheckFailed),
        ),
        (
            |case| {
                case.jobs.push(RunningJob {
                    database: "sales".parse().unwrap(),
                    kind: "backup",
                    label: "other".into(),
                    state: "UPLOADING".into(),
                })
            },
            "backup other is UPLOADING",
            Fails(ErrorName::JobConflict),
            Fails(ErrorName::JobConflict),
        ),
        (
            |case| {
                case.foreign.push(ForeignClaim {
                    scope: "backup".into(),
                    label: "theirs".into(),
                    running_in: None,
                    clear: "UPDATE ops.run_status ...".into(),
                })
            },
            "StarRocks shows no such job",
            Fails(ErrorName::JobConflict),
            Fails(ErrorName::JobConflict),
        ),
        (
            |case| case.exists = false,
            "database sales: there is no such database",
            Fails(ErrorName::NotFound),
            Passes,
        ),
        (
            |case| case.unsupported = Some(Unsupported::TemporaryPartitions),
            "table sales.t: StarRocks backs up no table with temporary partitions",
            Fails(ErrorName::PrecheckFailed),
            Passes,
        ),
        (
            |case| {
                case.unsupported = Some(Unsupported::TemporaryPartitions);
                case.on_unsupported = OnUnsupported::Skip;
            },
            "table sales.t: left out",
            Advises,
            Passes,
        ),
        (
            |case| case.unreadable = Some("Access denied"),
            "table sales.t: it cannot be read: Access denied",
            Fails(ErrorName::AccessDenied),
            Passes,
        ),
        // 3 x (600 GB free - 15 % of 1,000 GB).
        (
            |case| case.restore_bytes = 1_000 * GB,
            "1.3 TB more",
            Passes,
            Passes,
        ),
        (
            |case| case.restore_bytes = 1_100 * GB,
            "1.1 TB are needed",
            Passes,
            Advises,
        ),
        (
            |case| case.restore_bytes = 1_351 * GB,
            "room: 1.3 TB are needed",
            Passes,
            Fails(ErrorName::InsufficientStorage),
        ),
    ];
    for (spoil, words, backup, restore) in cases {
        let mut case = well();
        spoil(&mut case);
        let reports = case.reports();
        assert_eq!(
            reports.each_ref().map(verdict),
            [backup, restore],
            "{words}"
        );
        let found = reports.iter().flat_map(|report| &report.findings);
        let texts: Vec<String> = found.map(Finding::to_string).collect();
        assert!(
            texts.iter().any(|text| text.contains(words)),
            "{words} in {texts:#?}"
        );
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
