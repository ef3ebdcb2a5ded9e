//! Names and values that break tools: through group, full, change, incremental, damage and every way of
//! restoring, compared row by row.

mod random;

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{
    cluster::Cluster,
    command::{self, command},
    flow,
};

/// The database name that StarRocks allows and shells, globs and patterns do not like.
const DATABASE: &str = "we-ird~!@#$%^&<>=+";
const GROUP: &str = "it's a \"group\" \\ 100%_ü; -- /*x*/ `select`";

/// Every character that StarRocks allows in the name of a table, a view or a column and that means
/// something to somebody else.
const TABLES: [&str; 15] = [
    "it's \"quoted\" sp ace.dot",
    "semi; -- #/*c*/ colon: $1 ${x} {{y}}",
    "back\\slash\\n \\' \\\\",
    "é中🎉ß",
    "new\nline\ttab\r",
    "select",
    "1st",
    "100% of_it",
    "a_b",
    "axb",
    "a%b",
    "%",
    "Case",
    "case",
    " lead and trail ",
];

const VALUES: [&str; 12] = [
    "it's",
    "a\"b",
    "back\\slash",
    "semi; -- x",
    "/*c*/ # x",
    "é中🎉",
    "100%_",
    "NULL",
    "`tick`",
    "$1 ${x}",
    "], [\"x\"",
    ", ('",
];

pub(crate) fn name(text: &str) -> String {
    format!("`{text}`")
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

async fn run(cluster: &Cluster, statement: String) {
    use mysql_async::prelude::Queryable;
    let mut connection = cluster.connection().await;
    connection
        .query_drop(&statement)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    connection.disconnect().await.expect("goodbye");
}

fn table(database: &str, table: &str) -> String {
    format!("{}.{}", name(database), name(table))
}

/// What a table is in, and what happens to it.
struct Shop {
    cluster: Cluster,
    tables: Vec<String>,
}

const LISTED: &str = "listed 'values'";
const SINGLE: &str = "single; part";
const VIEW: &str = "a \"view\" of; it's %";

async fn shop(profile: Profile) -> Shop {
    let cluster = Cluster::start(profile).await;
    command::create_user(&cluster).await;
    run(&cluster, format!("CREATE DATABASE {}", name(DATABASE))).await;
    let mut tables: Vec<String> = Vec::new();
    for own in TABLES {
        let made = table(DATABASE, own);
        // The column has the name of the table, so every name is that of a column too.
        let column = name(own);
        run(
            &cluster,
            format!(
                "CREATE TABLE {made} (`from` DATE NOT NULL, {column} STRING COMMENT {comment}, `j; 'x'` JSON) \
                 DUPLICATE KEY(`from`) COMMENT {comment} PARTITION BY RANGE(`from`) \
                 (PARTITION `select` VALUES LESS THAN ('2026-01-02'), \
                 PARTITION `_1_` VALUES LESS THAN ('2026-01-03')) \
                 DISTRIBUTED BY HASH(`from`) BUCKETS 1 PROPERTIES('replication_num'='1')",
                comment = literal(own),
            ),
        )
        .await;
        for day in ["2026-01-01", "2026-01-02"] {
            let json = json!({ "k\"'": own, "é": [own] }).to_string();
            run(
                &cluster,
                format!(
                    "INSERT INTO {made} VALUES ('{day}', {}, PARSE_JSON({}))",
                    literal(own),
                    literal(&json)
                ),
            )
            .await;
        }
        tables.push(own.to_owned());
    }
    let single = table(DATABASE, SINGLE);
    run(
        &cluster,
        format!(
            "CREATE TABLE {single} (`k''` INT NOT NULL, `v` STRING) PRIMARY KEY(`k''`) \
             DISTRIBUTED BY HASH(`k''`) BUCKETS 2 PROPERTIES('replication_num'='1')"
        ),
    )
    .await;
    run(&cluster, format!("INSERT INTO {single} VALUES (1, 'a')")).await;
    tables.push(SINGLE.to_owned());
    if profile != Profile::V3_3 {
        let listed = table(DATABASE, LISTED);
        let partitions: Vec<String> = (1..)
            .zip(VALUES)
            .map(|(number, value)| format!("PARTITION p{number} VALUES IN ({})", literal(value)))
            .collect();
        run(
            &cluster,
            format!(
                "CREATE TABLE {listed} (`c \"1\"` VARCHAR(50) NOT NULL, id INT) DUPLICATE KEY(`c \"1\"`) \
                 PARTITION BY LIST(`c \"1\"`) ({}) DISTRIBUTED BY HASH(id) BUCKETS 1 \
                 PROPERTIES('replication_num'='1')",
                partitions.join(", ")
            ),
        )
        .await;
        for value in VALUES {
            run(
                &cluster,
                format!("INSERT INTO {listed} VALUES ({}, 1)", literal(value)),
            )
            .await;
        }
        tables.push(LISTED.to_owned());
    }
    run(
        &cluster,
        format!(
            "CREATE VIEW {} AS SELECT {column} FROM {}",
            table(DATABASE, VIEW),
            table(DATABASE, TABLES[0]),
            column = name(TABLES[0]),
        ),
    )
    .await;
    Shop { cluster, tables }
}

impl Shop {
    async fn content(&self, database: &str) -> Vec<(String, Vec<Vec<String>>)> {
        let mut all = Vec::new();
        for own in &self.tables {
            let rows = self
                .cluster
                .rows(&format!("SELECT * FROM {}", table(database, own)))
                .await;
            all.push((own.clone(), rows));
        }
        all
    }

    async fn change(&self) {
        for own in &self.tables {
            let target = table(DATABASE, own);
            let row = match own.as_str() {
                SINGLE => "(2, 'b')".to_owned(),
                LISTED => format!("({}, 2)", literal(VALUES[0])),
                own => format!("('2026-01-02', {}, NULL)", literal(&format!("{own}!"))),
            };
            run(&self.cluster, format!("INSERT INTO {target} VALUES {row}")).await;
        }
    }

    async fn damage(&self) {
        for own in &self.tables {
            run(
                &self.cluster,
                format!("TRUNCATE TABLE {}", table(DATABASE, own)),
            )
            .await;
        }
    }

    async fn command(&self, arguments: &[&str]) -> String {
        let said = command(&self.cluster, arguments).await;
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
        said.out
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [&["--output", "json"], arguments].concat();
        let out = self.command(&arguments).await;
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{out}: {error}"))
    }
}

fn label_of(output: &Value) -> String {
    let label = &output["summary"]["databases"][0]["label"];
    label.as_str().expect("a label").to_owned()
}

async fn round_trip(profile: Profile) {
    let shop = shop(profile).await;
    let cluster = &shop.cluster;
    let named: Vec<String> = shop
        .tables
        .iter()
        .map(String::as_str)
        .chain([VIEW])
        .map(|own| format!("{DATABASE}.{own}"))
        .collect();
    let mut arguments = vec!["group", "add", GROUP];
    arguments.extend(named.iter().map(String::as_str));
    shop.command(&arguments).await;
    let group = shop.json(&["group", "list"]).await;
    let listed: Vec<&str> = group
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["table"].as_str().unwrap())
        .collect();
    for own in &shop.tables {
        assert!(listed.contains(&own.as_str()), "{own}: {listed:?}");
    }
    assert_eq!(group[0]["group"], json!(GROUP));

    let full = label_of(&flow::full(cluster, GROUP).await);
    let at_full = shop.content(DATABASE).await;
    shop.change().await;
    let at_incremental = shop.content(DATABASE).await;
    let output = flow::incremental(cluster, GROUP).await;
    let incremental = label_of(&output);
    // One partition of each table changed, and no other.
    assert_eq!(
        output["summary"]["databases"][0]["partitions_stored"],
        json!(shop.tables.len()),
        "{output}"
    );
    check_commands(&shop, &full, &incremental).await;

    // Before tables are swapped: a splice needs the very table that was backed up.
    splice(&shop, &incremental, &at_incremental).await;
    cluster.advance(60);
    shop.damage().await;
    let restored = json!({ "target_label": incremental });
    flow::restore(cluster, restored).await.output();
    assert_eq!(shop.content(DATABASE).await, at_incremental);

    cluster.advance(60);
    shop.damage().await;
    flow::restore(cluster, json!({ "target_label": full }))
        .await
        .output();
    assert_eq!(shop.content(DATABASE).await, at_full);

    for (label, expected) in [(&full, &at_full), (&incremental, &at_incremental)] {
        cluster.advance(60);
        let database = format!("in~{}", expected.len() + label.len());
        let input = json!({ "target_label": label, "into_database": database });
        flow::restore(cluster, input).await.output();
        assert_eq!(shop.content(&database).await, *expected);
    }
    cluster.advance(60);
    run(cluster, format!("DROP DATABASE {} FORCE", name(DATABASE))).await;
    flow::restore(cluster, json!({ "target_label": incremental }))
        .await
        .output();
    assert_eq!(shop.content(DATABASE).await, at_incremental);
    let view = cluster
        .rows(&format!("SELECT * FROM {}", table(DATABASE, VIEW)))
        .await;
    assert_eq!(view.len(), at_incremental[0].1.len(), "the view came back");
}

/// What a label holds is shown with its names as they are.
async fn check_commands(shop: &Shop, full: &str, incremental: &str) {
    for label in [full, incremental] {
        let shown = shop.json(&["show", label, "--partitions"]).await;
        assert_eq!(shown["database"], json!(DATABASE));
        let names: Vec<&Value> = shown["tables"]
            .as_array()
            .unwrap()
            .iter()
            .map(|table| &table["table"])
            .collect();
        for own in &shop.tables {
            assert!(names.contains(&&json!(own)), "{own}: {names:?}");
        }
        assert_eq!(shown["objects"][0]["name"], json!(VIEW));
        shop.command(&["show", label, "--partitions", "--ddl"])
            .await;
    }
    let all = shop.json(&["list", "--group", GROUP]).await;
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    let difference = shop.json(&["diff", full, incremental]).await;
    let changed: Vec<&str> = difference
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["table"].as_str().unwrap())
        .collect();
    assert_eq!(changed.len(), shop.tables.len(), "{difference}");
    for own in &shop.tables {
        assert!(changed.contains(&own.as_str()), "{own}");
    }
}

/// Single partitions go into live tables: one of each sort, for each is a restore of its own.
async fn splice(shop: &Shop, label: &str, expected: &[(String, Vec<Vec<String>>)]) {
    let cluster = &shop.cluster;
    for (own, rows) in expected {
        let partition = match own.as_str() {
            LISTED => "p1",
            own if TABLES[..5].contains(&own) || own == TABLES[7] => "select",
            _ => continue,
        };
        cluster.advance(60);
        let target = table(DATABASE, own);
        run(
            cluster,
            format!("TRUNCATE TABLE {target} PARTITION ({})", name(partition)),
        )
        .await;
        let input = json!({ "target_label": label, "tables": [own], "partitions": [partition] });
        flow::restore(cluster, input).await.output();
        let now = cluster.rows(&format!("SELECT * FROM {target}")).await;
        assert_eq!(now, *rows, "{own}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_survive_every_way_3_3() {
    round_trip(Profile::V3_3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_survive_every_way_3_5() {
    round_trip(Profile::V3_5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_survive_every_way_4_1() {
    round_trip(Profile::V4_1).await;
}
