//! Each check with its verdict, for a backup and for a restore.

use super::*;

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
            |case| case.privileges.push(privilege(Some(false))),
            "running jobs: SHOW BACKUP is not allowed, so what runs is not known",
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
