//! A password reaches nothing but the server.

use std::{
    io::Write,
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::json;
use shared::{context::Context, error::ErrorName};
use starrocks_emulator::Profile;
use tests::{
    cluster::{Cluster, PASSWORD, SECRET_KEY},
    flow,
    shop::shop,
};

/// A log that can be looked through.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn is_clean(what: &str, text: &str) {
    for secret in [PASSWORD, SECRET_KEY] {
        assert!(!text.contains(secret), "{what} shows {secret}");
    }
}

fn files_are_clean(folder: &Path) -> usize {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the bucket") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            seen += files_are_clean(&path);
        } else {
            let content = std::fs::read(&path).expect("an object");
            is_clean(
                &path.display().to_string(),
                &String::from_utf8_lossy(&content),
            );
            seen += 1;
        }
    }
    seen
}

/// On one thread, so that the log of every handler is seen.
#[tokio::test]
async fn the_canary_is_found_nowhere() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let cluster = shop(Profile::V3_5).await;
    let settings = cluster.settings();
    is_clean(
        "the settings",
        &format!("{settings:?} {:?}", Context::new(settings.clone())),
    );
    let full = flow::full(&cluster, "nightly").await;
    is_clean("an output", &full.to_string());
    let restored = flow::restore(&cluster, json!({ "target_label": "sales_20260301_full" })).await;
    is_clean("an output", &restored.output().to_string());
    is_clean(
        "the report of doctor",
        &flow::probed_report(&cluster).await.to_string(),
    );
    is_clean(
        "an audit",
        &flow::audit(&cluster).await.output().to_string(),
    );
    assert!(files_are_clean(&cluster.bucket()) > 3);
    // The engine's words about the repository stand in what fails.
    std::fs::remove_dir_all(cluster.bucket().join("starrocks")).expect("it was there");
    let failed = flow::backup(&cluster, json!({ "group": "nightly", "kind": "full" })).await;
    is_clean("what failed", &format!("{:?}", failed.result));
    for table in [
        "backup_history",
        "backup_tables",
        "backup_partitions",
        "run_status",
        "restore_history",
        "restore_steps",
        "table_inventory",
    ] {
        let rows = cluster.rows(&format!("SELECT * FROM ops.{table}")).await;
        assert!(!rows.is_empty(), "{table}");
        is_clean(table, &format!("{rows:?}"));
    }
    // The administrator's own statement is the one that has to say it.
    let journal = cluster.emulator.faults().journal().into_iter();
    for entry in journal.filter(|entry| !entry.sql.starts_with("CREATE REPOSITORY")) {
        is_clean("a statement", &entry.sql);
    }
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("backup"), "something was logged");
    is_clean("the log", &log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_without_showing_it() {
    let cluster = Cluster::start(Profile::V3_5).await;
    let wrong = format!("{PASSWORD}-wrong");
    let settings = cluster.settings_with(&[("STARROCKS_PASSWORD", &wrong)]);
    let error = Context::new(settings)
        .connect()
        .await
        .expect_err("it is wrong");
    assert_eq!(error.name, ErrorName::AccessDenied, "{error}");
    assert!(!error.hints.is_empty(), "{error}");
    is_clean("an error", &format!("{error} {error:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_host_is_named() {
    let cluster = Cluster::start(Profile::V3_5).await;
    let settings = cluster.settings_with(&[("STARROCKS_HOST", "127.0.0.1:1")]);
    let error = Context::new(settings)
        .connect()
        .await
        .expect_err("nobody is there");
    assert_eq!(error.name, ErrorName::Unreachable, "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}
