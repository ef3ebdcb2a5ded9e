//! What goes in as text comes back as text.

use proptest::{
    prelude::{any, prop},
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use shared::{
    ident::QualifiedTable,
    sql::{Sql, show},
    starrocks::FailureKind,
};
use starrocks_emulator::Profile;

use crate::support::{Cluster, Value, read, run_all, within, write};

#[tokio::test]
async fn a_load_tells_its_transaction() {
    within(20, async {
        for profile in Profile::ALL {
            let cluster = Cluster::start(profile);
            let mut client = cluster.client().await;
            run_all(
                &mut client,
                &[
                    "CREATE DATABASE d1",
                    "CREATE TABLE d1.t (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1",
                ],
            )
            .await;
            let insert = write("INSERT INTO d1.t WITH LABEL my_load VALUES (1), (2)");
            let done = client.run(&insert).await.unwrap();
            let load = done.load.expect("an INSERT tells about its load");
            assert_eq!((done.affected_rows, load.label.as_str()), (2, "my_load"));
            assert_eq!(load.status, "VISIBLE");
            let error = client.run(&insert).await.unwrap_err();
            assert_eq!(error.kind(), FailureKind::LoadLabelUsed);
        }
    })
    .await;
}

#[tokio::test]
async fn ddl_without_a_database_runs_in_one() {
    within(20, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = cluster.client().await;
        run_all(&mut client, &["CREATE DATABASE d1"]).await;
        let create = write("CREATE TABLE `t` (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1");
        assert!(client.run(&create).await.is_err());
        client
            .run_in(&"d1".parse().unwrap(), &create)
            .await
            .unwrap();
        let table = QualifiedTable::new(&"d1".parse().unwrap(), &"t".parse().unwrap());
        let ddl = client.fetch(&show::create_table(&table)).await.unwrap();
        assert!(ddl[0].0.starts_with("CREATE TABLE `t`"), "{ddl:?}");
    })
    .await;
}

/// Any text that goes in as a literal comes back through a table, whatever characters it has.
#[tokio::test]
async fn any_text_survives_the_way_there_and_back() {
    within(60, async {
        let cluster = Cluster::start(Profile::V4_1);
        let mut client = cluster.client().await;
        run_all(
            &mut client,
            &[
                "CREATE DATABASE d1",
                "CREATE TABLE d1.t (k INT, v STRING) DISTRIBUTED BY HASH(k) BUCKETS 1",
            ],
        )
        .await;
        let mut runner = TestRunner::deterministic();
        let texts = prop::collection::vec(any::<String>(), 200)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let fixed = [
            "it's", "a\\b", "\\", "'", "\\'", "%_\\%", "a\nb\r\t", "\u{1a}", "中", "",
        ];
        let texts: Vec<String> = fixed.into_iter().map(String::from).chain(texts).collect();
        let insert = Sql::new("INSERT INTO d1.t VALUES ")
            .list(texts.iter().enumerate(), ", ", |sql, (index, text)| {
                sql.text("(")
                    .number(index as u64)
                    .text(", ")
                    .literal(text)
                    .text(")")
            })
            .writes("INSERT");
        client.run(&insert).await.unwrap();
        let rows = client
            .fetch(&read::<Value>("SELECT v FROM d1.t ORDER BY k"))
            .await
            .unwrap();
        let expected: Vec<Value> = texts.into_iter().map(|text| Value(Some(text))).collect();
        assert_eq!(rows, expected);
    })
    .await;
}

/// Odd but legal table names, quoted, reach the server as they are.
#[tokio::test]
async fn odd_names_survive() {
    within(30, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = cluster.client().await;
        run_all(&mut client, &["CREATE DATABASE d1"]).await;
        for name in [
            "sp ace.d\"ot' é 中",
            "select",
            "a\\b",
            "1",
            "a/b",
            "x;y",
            "-- c",
        ] {
            let table = QualifiedTable::new(&"d1".parse().unwrap(), &name.parse().unwrap());
            let create = Sql::new("CREATE TABLE ")
                .table(&table)
                .text(" (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1")
                .writes("CREATE TABLE");
            client.run(&create).await.unwrap();
            let visible = client
                .fetch(&show::visible_tables(&table.database))
                .await
                .unwrap();
            assert!(
                visible.iter().any(|row| row.name.as_str() == name),
                "{name}: {visible:?}"
            );
        }
    })
    .await;
}
