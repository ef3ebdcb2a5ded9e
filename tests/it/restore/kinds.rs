//! One table of every kind that is backed up and restored differently, with what happens to it
//! between a full backup and the incremental after it.

use starrocks_emulator::Profile;
use tests::cluster::Cluster;

use super::more_kinds;

/// A kind of table in database `sales`, named like itself.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) create: &'static str,
    /// Before the full.
    pub(super) load: &'static str,
    /// Between the full and the incremental.
    pub(super) change: &'static str,
    /// After both: what a restore has to take back.
    pub(super) damage: &'static str,
    /// Into a period that no backup knows.
    pub(super) next: &'static str,
    /// Partitions for a splice, none where it is refused.
    pub(super) splice: &'static [&'static str],
}

pub(super) const KINDS: [Kind; 12] = [
    Kind {
        name: "ranged",
        create: "CREATE TABLE sales.ranged (d DATE NOT NULL, id INT NOT NULL, v STRING) DUPLICATE KEY(d, id) \
             PARTITION BY RANGE(d) (PARTITION p0 VALUES LESS THAN ('2026-01-01'), \
             PARTITION p1 VALUES LESS THAN ('2026-01-02'), \
             PARTITION p2 VALUES LESS THAN ('2026-01-03'), PARTITION p3 VALUES LESS THAN ('2026-01-04')) \
             DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.ranged VALUES ('2025-12-31', 0, 'z'), ('2026-01-01', 1, 'a'), ('2026-01-02', 2, 'b'), ('2026-01-03', 3, NULL)",
        change: "INSERT INTO sales.ranged VALUES ('2026-01-02', 20, 'it''s \"quoted\"'), ('2026-01-02', 21, NULL), ('2026-01-02', 22, 'NULL');\n\
             ALTER TABLE sales.ranged DROP PARTITION p3 FORCE;\n\
             ALTER TABLE sales.ranged ADD PARTITION p5 VALUES [('2026-01-05'), ('2026-01-06'));\n\
             INSERT INTO sales.ranged VALUES ('2026-01-05', 5, 'e')",
        damage: "TRUNCATE TABLE sales.ranged PARTITION (p1, p2);\n\
             INSERT INTO sales.ranged VALUES ('2026-01-05', 99, 'damage')",
        next: "",
        splice: &["p2", "p5"],
    },
    Kind {
        name: "listed",
        create: "CREATE TABLE sales.listed (city STRING NOT NULL, id INT NOT NULL) DUPLICATE KEY(city, id) \
             PARTITION BY LIST(city) (PARTITION west VALUES IN ('la', 'it''s'), PARTITION east VALUES IN ('ny'), PARTITION north VALUES IN ('oslo')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.listed VALUES ('la', 1), ('it''s', 2), ('ny', 3), ('oslo', 6)",
        change: "ALTER TABLE sales.listed ADD PARTITION south VALUES IN ('miami');\n\
             INSERT INTO sales.listed VALUES ('miami', 4), ('la', 5)",
        damage: "TRUNCATE TABLE sales.listed",
        next: "",
        splice: &["west", "south"],
    },
    Kind {
        name: "automatic",
        create: "CREATE TABLE sales.automatic (d DATETIME NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, id) \
             PARTITION BY date_trunc('day', d) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.automatic VALUES ('2025-12-31 10:00:00', 0), ('2026-01-01 10:00:00', 1), ('2026-01-02 10:00:00', 2), ('2026-01-03 00:00:00', 3)",
        change: "INSERT INTO sales.automatic VALUES ('2026-01-02 11:00:00', 4), ('2026-01-07 10:00:00', 5);\n\
             ALTER TABLE sales.automatic DROP PARTITION p20260103 FORCE",
        damage: "TRUNCATE TABLE sales.automatic",
        next: "INSERT INTO sales.automatic VALUES ('2026-02-01 10:00:00', 77)",
        splice: &["p20260102", "p20260107"],
    },
    Kind {
        name: "monthly",
        create: "CREATE TABLE sales.monthly (d DATE NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, id) \
             PARTITION BY date_trunc('month', d) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.monthly VALUES ('2026-01-01', 1), ('2026-02-02', 2)",
        change: "INSERT INTO sales.monthly VALUES ('2026-04-02', 4)",
        damage: "INSERT INTO sales.monthly VALUES ('2026-02-09', 9)",
        next: "INSERT INTO sales.monthly VALUES ('2026-05-01', 77)",
        splice: &["p202602"],
    },
    Kind {
        name: "whole",
        create: "CREATE TABLE sales.whole (id INT NOT NULL, v STRING) DUPLICATE KEY(id) \
             DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.whole VALUES (1, 'a'), (1, 'a'), (2, NULL), (2, 'NULL')",
        change: "INSERT INTO sales.whole VALUES (3, 'c')",
        damage: "TRUNCATE TABLE sales.whole",
        next: "INSERT INTO sales.whole VALUES (77, 'next')",
        splice: &[],
    },
    Kind {
        name: "keyed",
        create: "CREATE TABLE sales.keyed (d DATE NOT NULL, id INT NOT NULL, v INT) PRIMARY KEY(d, id) \
             PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.keyed VALUES ('2026-01-01', 1, 10), ('2026-01-02', 2, 20), ('2026-01-02', 3, 30)",
        change: "INSERT INTO sales.keyed VALUES ('2026-01-02', 2, 21);\n\
             DELETE FROM sales.keyed WHERE d = '2026-01-02' AND id = 3",
        damage: "UPDATE sales.keyed SET v = 0 WHERE id = 2;\nDELETE FROM sales.keyed WHERE d = '2026-01-01' AND id = 1",
        next: "INSERT INTO sales.keyed VALUES ('2026-01-02', 77, 1)",
        splice: &["p2"],
    },
    Kind {
        name: "uniq",
        create: "CREATE TABLE sales.uniq (d DATE NOT NULL, id INT NOT NULL, v INT) UNIQUE KEY(d, id) \
             PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.uniq VALUES ('2026-01-01', 1, 10), ('2026-01-02', 2, 20)",
        change: "INSERT INTO sales.uniq VALUES ('2026-01-02', 2, 21)",
        damage: "INSERT INTO sales.uniq VALUES ('2026-01-02', 2, 0), ('2026-01-01', 9, 9)",
        next: "INSERT INTO sales.uniq VALUES ('2026-01-02', 77, 1)",
        splice: &["p1"],
    },
    Kind {
        name: "summed",
        create: "CREATE TABLE sales.summed (d DATE NOT NULL, id INT NOT NULL, n BIGINT SUM, m INT MAX) AGGREGATE KEY(d, id) \
             PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.summed VALUES ('2026-01-01', 1, 10, 1), ('2026-01-02', 2, 20, 2)",
        change: "INSERT INTO sales.summed VALUES ('2026-01-02', 2, 5, 9)",
        damage: "INSERT INTO sales.summed VALUES ('2026-01-02', 2, 100, 100), ('2026-01-01', 1, 1, 1)",
        next: "INSERT INTO sales.summed VALUES ('2026-01-02', 77, 1, 1)",
        splice: &["p1", "p2"],
    },
    Kind {
        name: "random",
        create: "CREATE TABLE sales.random (d DATE NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, id) \
             PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY RANDOM BUCKETS 2 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.random VALUES ('2026-01-01', 1), ('2026-01-02', 2)",
        change: "INSERT INTO sales.random VALUES ('2026-01-02', 3)",
        damage: "TRUNCATE TABLE sales.random",
        next: "INSERT INTO sales.random VALUES ('2026-01-02', 77)",
        splice: &["p2"],
    },
    Kind {
        name: "counting",
        create: "CREATE TABLE sales.counting (id BIGINT NOT NULL AUTO_INCREMENT, v INT NOT NULL) PRIMARY KEY(id) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.counting (v) VALUES (10), (20)",
        change: "INSERT INTO sales.counting (v) VALUES (30)",
        damage: "TRUNCATE TABLE sales.counting",
        next: "INSERT INTO sales.counting (v) VALUES (77)",
        splice: &[],
    },
    Kind {
        name: "computed",
        create: "CREATE TABLE sales.computed (d DATE NOT NULL, id INT NOT NULL, double_id BIGINT AS id * 2) DUPLICATE KEY(d, id) \
             PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.computed (d, id) VALUES ('2026-01-01', 1), ('2026-01-02', 2)",
        change: "INSERT INTO sales.computed (d, id) VALUES ('2026-01-02', 3)",
        damage: "TRUNCATE TABLE sales.computed PARTITION (p2)",
        next: "INSERT INTO sales.computed (d, id) VALUES ('2026-01-02', 77)",
        splice: &["p2"],
    },
    Kind {
        name: "bare",
        create: "CREATE TABLE sales.bare (d DATETIME NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, id) \
             PARTITION BY date_trunc('day', d) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "",
        change: "",
        damage: "INSERT INTO sales.bare VALUES ('2026-01-01 10:00:00', 1)",
        next: "INSERT INTO sales.bare VALUES ('2026-02-01 10:00:00', 77)",
        splice: &[],
    },
];

/// Those that the version can back up.
pub(super) fn kinds(profile: Profile) -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().chain(&more_kinds::KINDS).filter(move |kind| {
        profile != Profile::V3_3 || !["listed", "with_null"].contains(&kind.name)
    })
}

/// What stands in a table: its partitions with their rows.
pub(super) type Content = Vec<(String, Vec<Vec<String>>)>;

pub(super) async fn content(cluster: &Cluster, database: &str, table: &str) -> Content {
    let mut content = Vec::new();
    let names = cluster
        .rows(&format!(
            "SELECT PARTITION_NAME FROM information_schema.partitions_meta \
             WHERE DB_NAME = '{database}' AND TABLE_NAME = '{table}' AND PARTITION_NAME NOT LIKE '$%'"
        ))
        .await;
    for name in names {
        let rows = cluster
            .rows(&format!(
                "SELECT {} FROM `{database}`.`{table}` PARTITION (`{}`)",
                more_kinds::shown(table),
                name[0]
            ))
            .await;
        content.push((name[0].clone(), rows));
    }
    content.dedup();
    content
}

/// A cluster with every kind, a full label, an incremental, and the damage after it.
pub(super) struct Prepared {
    pub(super) cluster: Cluster,
    /// Each table at the full, and at the incremental.
    pub(super) at_full: Vec<(&'static Kind, Content)>,
    pub(super) at_incremental: Vec<(&'static Kind, Content)>,
}

pub(super) async fn prepared(profile: Profile) -> Prepared {
    let cluster = Cluster::start(profile).await;
    cluster.sql("CREATE DATABASE sales").await;
    for kind in kinds(profile) {
        cluster.sql(kind.create).await;
        cluster.sql(kind.load).await;
    }
    cluster.sql("CREATE TABLE sales.calm (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');\n\
        INSERT INTO sales.calm VALUES (1), (2);\n\
        CREATE TABLE sales.doomed (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');\n\
        INSERT INTO sales.doomed VALUES (1)").await;
    cluster.group("nightly", &["sales.*"]).await;
    tests::flow::full(&cluster, "nightly").await;
    let at_full = contents(&cluster, profile).await;
    for kind in kinds(profile) {
        cluster.sql(kind.change).await;
    }
    cluster.sql("DROP TABLE sales.doomed FORCE").await;
    tests::flow::incremental(&cluster, "nightly").await;
    let at_incremental = contents(&cluster, profile).await;
    for kind in kinds(profile) {
        cluster.sql(kind.damage).await;
    }
    cluster.sql("CREATE TABLE sales.newcomer (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');\n\
        INSERT INTO sales.newcomer VALUES (42);\n\
        TRUNCATE TABLE sales.calm").await;
    Prepared {
        cluster,
        at_full,
        at_incremental,
    }
}

async fn contents(cluster: &Cluster, profile: Profile) -> Vec<(&'static Kind, Content)> {
    let mut contents = Vec::new();
    for kind in kinds(profile) {
        contents.push((kind, content(cluster, "sales", kind.name).await));
    }
    contents
}
