use super::*;
use crate::{parse::token::tokenize, profile::Profile};

fn parse_as(profile: Profile, sql: &str) -> SqlResult<Option<Backup>> {
    let tokens = tokenize(sql)?;
    parse(&mut Cursor::new(sql, &tokens).with_profile(profile))
}

fn backup_of(profile: Profile, sql: &str) -> BackupStatement {
    match parse_as(profile, sql) {
        Ok(Some(Backup::Backup(statement))) => statement,
        other => panic!("{sql}: {other:?}"),
    }
}

fn restore_of(profile: Profile, sql: &str) -> RestoreStatement {
    match parse_as(profile, sql) {
        Ok(Some(Backup::Restore(statement))) => statement,
        other => panic!("{sql}: {other:?}"),
    }
}

/// Every text was recorded from a real frontend.
#[test]
fn syntax_errors_are_the_real_ones() {
    use Profile::{V3_3, V3_5, V4_1};
    let cases = [
        (
            V4_1,
            r#"CREATE REPOSITORY `r_s3kw` WITH S3 ON LOCATION "s3://backups/r3""#,
            "Getting syntax error at line 1, column 32. Detail message: Unexpected input 'S3', the most similar input is {'BROKER'}.",
        ),
        (
            V4_1,
            "BACKUP SNAPSHOT b1.l1 TO rb ON ()",
            "Getting syntax error at line 1, column 32. Detail message: Unexpected input ')', the most similar input is {a legal identifier}.",
        ),
        (
            V3_3,
            "BACKUP SNAPSHOT b1.l1 TO rb ON (rng AS x)",
            "Getting syntax error at line 1, column 36. Detail message: Unexpected input 'AS', the most similar input is {',', ')'}.",
        ),
        (
            V3_5,
            "BACKUP SNAPSHOT b1.l1 TO rb ON (rng AS x)",
            "Getting syntax error. Detail message: Specifying alias for backup object is forbidden in BACKUP stmt.",
        ),
        (
            V4_1,
            "BACKUP SNAPSHOT a.b1.l1 TO rb ON (rng)",
            "Getting syntax error from line 1, column 16 to line 1, column 21. Detail message: Invalid table name format 'a.b1.l1'.",
        ),
        (
            V3_3,
            "BACKUP DATABASE b1 SNAPSHOT b1.l1 TO rb ON (TABLE rng)",
            "Getting syntax error at line 1, column 7. Detail message: Unexpected input 'DATABASE', the most similar input is {'SNAPSHOT'}.",
        ),
        (
            V4_1,
            "BACKUP DATABASE b1 SNAPSHOT b1.l1 TO rb ON (TABLE rng)",
            "Getting syntax error. Detail message: Specifying dbName before snapshot name is forbidden if the DbName is specified explicitly in BACKUP/RESTORE.",
        ),
        (
            V4_1,
            "CANCEL BACKUP",
            "Getting syntax error. Detail message: No selected database for cancel BACKUP/RESTORE.",
        ),
        (
            V3_3,
            "RESTORE SNAPSHOT full1 FROM rr DATABASE nope ON (TABLE rng)",
            "Getting syntax error at line 1, column 31. Detail message: Unexpected input 'DATABASE', the most similar input is {<EOF>, ';'}.",
        ),
        (
            V4_1,
            "DROP SNAPSHOT inc1 ON rr",
            "Getting syntax error at line 1, column 5. Detail message: No viable statement for input 'DROP SNAPSHOT'.",
        ),
        (
            V3_3,
            "BACKUP SNAPSHOT w4 TO rx ON (TABLE rng)",
            "Getting syntax error at line 1, column 29. Detail message: Unexpected input 'TABLE', the most similar input is {a legal identifier}.",
        ),
        (
            V3_3,
            "BACKUP SNAPSHOT v1.full TO rv ON (un)",
            "Getting syntax error at line 1, column 18. Detail message: Unexpected input '.', the most similar input is {'TO'}.",
        ),
        (
            V3_3,
            "BACKUP SNAPSHOT e1.l1 TO re ON (rng PARTITION ())",
            "Getting syntax error at line 1, column 47. Detail message: No viable statement for input 'PARTITION ()'.",
        ),
        (
            V3_5,
            "BACKUP DATABASE da SNAPSHOT full TO rd ON (TABLE rng PARTITION (p1))",
            "Getting syntax error at line 1, column 28. Detail message: Unexpected input 'full', the most similar input is {a legal identifier}.",
        ),
        (
            V4_1,
            "SHOW REPOSITORIES LIKE 'rx'",
            "Getting syntax error at line 1, column 18. Detail message: Unexpected input 'LIKE', the most similar input is {<EOF>, ';'}.",
        ),
        (
            V3_5,
            "SHOW BACKUP FROM x1 LIMIT 1",
            "Getting syntax error at line 1, column 20. Detail message: Unexpected input 'LIMIT', the most similar input is {<EOF>, ';'}.",
        ),
        (
            V3_5,
            "SHOW SNAPSHOT ON rx WHERE SNAPSHOT = 'l0' ORDER BY Timestamp",
            "Getting syntax error at line 1, column 42. Detail message: Unexpected input 'ORDER', the most similar input is {<EOF>, ';'}.",
        ),
        (
            V4_1,
            "SHOW SNAPSHOT ON rb WHERE TIMESTAMP = '2025-01-01-00-00-00-000'",
            "Getting analyzing error. Detail message: Where clause should looks like: SNAPSHOT = 'your_snapshot_name' [AND TIMESTAMP = '2018-04-18-19-19-10'].",
        ),
    ];
    for (profile, sql, message) in cases {
        let error = parse_as(profile, sql).expect_err(sql);
        assert_eq!(
            (error.code, error.message.as_str()),
            (1064, message),
            "{sql}"
        );
    }
}

#[test]
fn objects_keep_partitions_alias_and_place() {
    let statement = restore_of(
        Profile::V3_3,
        "RESTORE SNAPSHOT s1.full1 FROM rr ON (rng AS x, un AS x, ex PARTITION (p1, `$shadow_automatic_partition`) AS y)",
    );
    let objects = statement.selection.unwrap().objects;
    assert_eq!(objects[2].name, "ex");
    assert_eq!(
        objects[2].partitions.as_ref().unwrap().names,
        ["p1", "$shadow_automatic_partition"]
    );
    assert_eq!(objects[2].alias.as_deref(), Some("y"));
    assert_eq!(
        objects[1].span.to_string(),
        "from line 1, column 48 to line 1, column 54"
    );
    assert_eq!(objects[1].name_span.to_string(), "at line 1, column 48");
}

#[test]
fn databases_come_from_label_or_clause() {
    let legacy = backup_of(Profile::V3_3, "BACKUP SNAPSHOT d.l TO r");
    assert_eq!(legacy.database.as_deref(), Some("d"));
    assert_eq!(legacy.selection, None);
    let modern = restore_of(
        Profile::V3_5,
        "RESTORE SNAPSHOT l FROM r DATABASE a AS b ON (ALL TABLES, VIEW v) PROPERTIES ('timeout'='600')",
    );
    assert_eq!(modern.source.as_deref(), Some("a"));
    assert_eq!(modern.database.as_deref(), Some("b"));
    assert_eq!(modern.properties, [("timeout".into(), "600".into())]);
    let selection = modern.selection.unwrap();
    assert!(selection.all_tables);
    assert_eq!(selection.objects[0].kind, ObjectKind::View);
    assert!(
        parse_as(Profile::V3_5, "RESTORE SNAPSHOT l FROM r ON (t)").is_err(),
        "ON needs a database from 3.4 on"
    );
    assert_eq!(
        restore_of(Profile::V3_3, "RESTORE SNAPSHOT l FROM r ON (t)").database,
        None
    );
}

#[test]
fn fifty_thousand_partitions_parse_quickly() {
    let names: Vec<String> = (0..50_000).map(|n| format!("p{n}")).collect();
    let sql = format!(
        "BACKUP SNAPSHOT d.l TO r ON (t PARTITION ({}))",
        names.join(", ")
    );
    let statement = backup_of(Profile::V4_1, &sql);
    let list = statement.selection.unwrap().objects[0].partitions.clone();
    assert_eq!(list.unwrap().names.len(), 50_000);
}

#[test]
fn other_statements_are_not_ours() {
    for sql in [
        "SELECT 1",
        "SHOW TABLES",
        "CREATE DATABASE d",
        "CANCEL ALTER TABLE COLUMN FROM t",
    ] {
        assert_eq!(parse_as(Profile::V4_1, sql), Ok(None), "{sql}");
    }
}
