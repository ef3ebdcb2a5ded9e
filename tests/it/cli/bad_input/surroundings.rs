//! What is wrong around a command: its configuration, the way into the cluster, the ops tables.

use std::path::Path;

use shared::error::ErrorName;

use super::{case, check};
use crate::cli::support::{Shell, shop};

fn config(folder: &Path, text: &str) -> String {
    let path = folder.join("c.yaml");
    std::fs::write(&path, text).unwrap();
    format!("list --config {}", path.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_that_is_missing_or_misspelt() {
    use ErrorName::InvalidConfig;
    let cluster = shop().await;
    let folder = tempfile::tempdir().unwrap();
    let shell = Shell::at(&cluster);
    for (text, says, hints) in [
        (
            "hots: fe1\n",
            &["'hots'", "did you mean 'host'?"][..],
            &["table_inventory"][..],
        ),
        (
            "tls:\n  ca_crt: x\n",
            &["'tls.ca_crt'", "'tls.ca_cert'"],
            &["tls.ca_cert"],
        ),
        (
            "password: x\n",
            &["a password does not belong"],
            &["STARROCKS_PASSWORD"],
        ),
        (
            "tls:\n  ca_cert: x\n",
            &["'tls.enabled'"],
            &["STARROCKS_TLS_ENABLED"],
        ),
        (
            "stall_minutes: 0\n",
            &["stall_minutes is 0"],
            &["1 to 10080"],
        ),
        ("time_zone: Mars\n", &["Mars"], &["Europe/Berlin"]),
        ("host: [\n", &["not YAML"], &["--config"]),
        ("port: many\n", &["port"], &["9030"]),
    ] {
        let line = config(folder.path(), text);
        check(&cluster, &shell, &[case(&line, InvalidConfig, says, hints)]).await;
    }
    let missing = "list --config /nowhere/c.yaml";
    let said = &["/nowhere/c.yaml", "cannot be read"];
    check(
        &cluster,
        &shell,
        &[case(missing, InvalidConfig, said, &["--config"])],
    )
    .await;
    for (shell, line, says, hints) in [
        (
            Shell::empty(),
            "list",
            &["'host'"][..],
            &["STARROCKS_HOST"][..],
        ),
        (
            Shell::empty().with("STARROCKS_HOST", "fe"),
            "list",
            &["'user'"],
            &["STARROCKS_USER"],
        ),
        (
            shell.clone().with("STARROCKS_REPOSITORY", ""),
            "backup full --group nightly",
            &["'repository'"],
            &["STARROCKS_REPOSITORY"],
        ),
        (
            shell.clone().with("STARROCKS_REPOSITRY", "x"),
            "list",
            &["STARROCKS_REPOSITRY", "did you mean STARROCKS_REPOSITORY?"],
            &["unset it"],
        ),
        (
            shell
                .clone()
                .with("STARROCKS_PASSWORD", "")
                .with("STARROCKS_PASSWORD_FILE", "/nowhere"),
            "list",
            &["STARROCKS_PASSWORD_FILE", "/nowhere"],
            &["may read"],
        ),
    ] {
        check(&cluster, &shell, &[case(line, InvalidConfig, says, hints)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_lets_nobody_in() {
    use ErrorName::*;
    let cluster = shop().await;
    let shell = Shell::at(&cluster);
    for line in ["list", "backup full --group nightly", "doctor", "init"] {
        let wrong = shell.clone().with("STARROCKS_PASSWORD", "wrong");
        let says = &["Access denied", "root"];
        let case_of = case(line, AccessDenied, says, &["STARROCKS_PASSWORD"]);
        check(&cluster, &wrong, &[case_of]).await;
        let nobody = shell.clone().with("STARROCKS_HOST", "127.0.0.1:1");
        let says = &["127.0.0.1:1", "cannot be reached", "refused"];
        check(
            &cluster,
            &nobody,
            &[case(line, Unreachable, says, &["`host`"])],
        )
        .await;
    }
    let nowhere = shell.with("STARROCKS_HOST", "no-such-host.invalid");
    let says = &["no-such-host.invalid"];
    check(
        &cluster,
        &nowhere,
        &[case("list", Unreachable, says, &["`host`"])],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ops_tables_that_are_not_there_or_old() {
    use ErrorName::PrecheckFailed;
    let lines = [
        "list",
        "status",
        "show l",
        "diff l l",
        "cancel sales",
        "group list",
        "group add g sales.orders",
        "plan backup --group nightly",
        "backup full --group nightly",
        "restore --target-label l --yes",
        "restore promote l --yes",
    ];
    let cluster = shop().await;
    let shell = Shell::at(&cluster);
    cluster
        .sql("ALTER TABLE ops.backup_history DROP COLUMN held")
        .await;
    for (says, statement) in [
        (&["backup_history.held"][..], "DROP DATABASE ops FORCE"),
        (&["does not exist"], "SELECT 1"),
    ] {
        for line in lines {
            let case_of = case(line, PrecheckFailed, says, &["starrocks-br init"]);
            check(&cluster, &shell, &[case_of]).await;
        }
        cluster.sql(statement).await;
    }
}
