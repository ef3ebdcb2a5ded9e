//! The rules of `shared/src/lib.rs` and of the workspace, as a scan of the sources.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a text");
            found.push((
                path.display().to_string(),
                without_tests_and_comments(&text),
            ));
        }
    }
}

/// Tests may use anything, and comments may speak of anything.
fn without_tests_and_comments(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// `name` is a file or a file with its folder below `shared/src`.
fn layer(name: &str) -> Vec<(String, String)> {
    let base = root().join("shared/src");
    let mut found = Vec::new();
    let file = base.join(format!("{name}.rs"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    found.push((
        file.display().to_string(),
        without_tests_and_comments(&text),
    ));
    if base.join(name).is_dir() {
        sources(&base.join(name), &mut found);
    }
    found.retain(|(path, _)| !path.contains("tests") && !path.contains("/model"));
    found
}

const VOCABULARY: [&str; 8] = [
    "ident", "label", "time", "job", "digest", "error", "version", "secret",
];
const PURE: [&str; 7] = [
    "facts",
    "manifest",
    "flow",
    "state_size",
    "ddl",
    "plan",
    "sql",
];
const EXECUTORS: [&str; 7] = [
    "starrocks",
    "read",
    "ops",
    "track",
    "foreign",
    "aws",
    "context",
];
const EDGES: [&str; 5] = ["audit", "config", "lambda", "metrics", "telemetry"];

#[test]
fn pure_layers_have_no_clock_no_io_no_environment_and_no_async() {
    for name in VOCABULARY.into_iter().chain(PURE) {
        for (path, code) in layer(name) {
            for word in [
                "async fn",
                ".await",
                "std::env",
                "std::fs",
                "std::net",
                "SystemTime",
                "Timestamp::now",
                "Instant::now",
                "tokio::",
                "mysql_async",
                "tracing::",
            ] {
                assert!(!code.contains(word), "{path} uses {word}");
            }
        }
    }
}

#[test]
fn arrows_only_go_down() {
    let upward: [(&[&str], Vec<&str>); 3] = [
        (&VOCABULARY, [&PURE[..], &EXECUTORS, &EDGES].concat()),
        (&PURE, [&EXECUTORS[..], &EDGES].concat()),
        (&["starrocks", "read"], vec!["ops", "context", "lambda"]),
    ];
    for (layers, above) in upward {
        for name in layers {
            for (path, code) in layer(name) {
                for other in &above {
                    let import = format!("crate::{other}::");
                    let listed = format!("    {other}::");
                    let uses = code.split("\nuse crate::{").nth(1).unwrap_or_default();
                    let uses = uses.split("\n};").next().unwrap_or_default();
                    let is_used = code.contains(&import)
                        || uses.lines().any(|line| line.starts_with(&listed));
                    assert!(!is_used, "{path} uses {other}, which is above it");
                }
            }
        }
    }
}

#[test]
fn the_driver_has_one_user() {
    let mut all = Vec::new();
    sources(&root().join("shared/src"), &mut all);
    sources(&root().join("functions"), &mut all);
    for (path, code) in all {
        let own = path.contains("shared/src/starrocks");
        assert!(
            own || !code.contains("mysql_async"),
            "{path} uses the driver"
        );
    }
}

fn manifest(package: &str) -> String {
    let path = root().join(package).join("Cargo.toml");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

const FUNCTIONS: [&str; 6] = [
    "precheck",
    "start-backup",
    "poll-status",
    "record-history",
    "restore",
    "audit-orphans",
];

#[test]
fn no_function_depends_on_another() {
    for function in FUNCTIONS {
        let manifest = manifest(&format!("functions/{function}"));
        for other in FUNCTIONS.into_iter().filter(|other| *other != function) {
            let line = format!("\n{other}.workspace");
            assert!(!manifest.contains(&line), "{function} depends on {other}");
        }
        assert!(
            !manifest.contains("starrocks-emulator"),
            "{function} knows the emulator"
        );
        let main = root().join(format!("functions/{function}/src/main.rs"));
        let main = std::fs::read_to_string(main).expect("a main.rs");
        assert!(
            main.lines().count() <= 10,
            "{function}: main.rs is more than a bootstrap"
        );
    }
}

/// So that a wrong rule cannot be shared by both sides of a test.
#[test]
fn the_emulator_depends_on_nothing_of_ours() {
    let manifest = manifest("tests/emulator");
    for own in FUNCTIONS.into_iter().chain(["shared", "cli"]) {
        assert!(
            !manifest.contains(&format!("\n{own}.workspace")),
            "the emulator depends on {own}"
        );
    }
    let mut code = Vec::new();
    sources(&root().join("tests/emulator/src"), &mut code);
    for (path, code) in code {
        assert!(!code.contains("shared::"), "{path} uses shared");
    }
}
