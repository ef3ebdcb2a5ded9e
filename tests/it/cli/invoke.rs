//! One function called by hand, and what needs no cluster: completions and the version.

use super::support::{Shell, shop};

/// What they answer is tested where the functions are; here, that the program takes each as it is.
#[tokio::test(flavor = "multi_thread")]
async fn every_event_can_be_given_to_its_function() {
    let cluster = shop().await;
    let shell = Shell::at(&cluster);
    let events = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
    let mut given = 0;
    for folder in std::fs::read_dir(events).unwrap() {
        let folder = folder.unwrap().path();
        let function = folder.file_name().unwrap().to_string_lossy().into_owned();
        // Those are for the state machines: tests/aws starts them.
        if function == "executions" {
            continue;
        }
        for event in std::fs::read_dir(&folder).unwrap() {
            let event = event.unwrap().path();
            let done = shell
                .run(&format!("invoke {function} --event {}", event.display()))
                .await;
            let code = done.code.unwrap();
            // Neither input, nor configuration, nor a bug: what this cluster lacks.
            assert!(
                ![2, 70].contains(&code),
                "{}: {code} {done:#?}",
                event.display()
            );
            given += 1;
        }
    }
    assert!(given >= 20, "{given}");
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_can_be_called_and_shells_complete() {
    let cluster = shop().await;
    let shell = Shell::at(&cluster);
    let events = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
    let report = shell
        .run(&format!(
            "invoke precheck --event {events}/precheck/report.json"
        ))
        .await;
    assert!(report.succeeded().json()["findings"].is_array());
    let audit =
        format!("invoke audit-orphans --event {events}/audit-orphans/audit.json --output json");
    assert_eq!(
        shell.run(&audit).await.succeeded().json()["loses_data"],
        false
    );
    let plan = shell
        .run(&format!(
            "invoke start-backup --event {events}/start-backup/plan.json"
        ))
        .await;
    assert!(plan.succeeded().json()["tables"].is_array());
    for name in ["bash", "zsh", "fish"] {
        let script = Shell::empty()
            .run(&format!("completions {name}"))
            .await
            .succeeded();
        assert!(
            script.out.contains("starrocks-br") && script.out.contains("incremental"),
            "{name}"
        );
        assert_eq!(script.err, "");
    }
    let version = Shell::empty().run("--version").await.succeeded();
    assert_eq!(
        version.out,
        format!("starrocks-br {}\n", env!("CARGO_PKG_VERSION"))
    );
}
