//! What happens in the demo, as SQL.

/// One table of each kind.
pub(super) const TABLES: &[&str] = &[
    "sales.orders",
    "sales.events",
    "sales.regions",
    "crm.customers",
    "crm.settings",
];

pub(super) const CREATE: &str = r#"
CREATE REPOSITORY bucket WITH BROKER ON LOCATION "s3://backups/demo" PROPERTIES ("aws.s3.region" = "eu-central-1");
CREATE DATABASE sales;
CREATE DATABASE crm;
CREATE TABLE sales.orders (day DATE NOT NULL, id INT NOT NULL, amount DECIMAL(10,2)) DUPLICATE KEY(day, id)
  PARTITION BY RANGE(day) (PARTITION p1 VALUES LESS THAN ("2026-03-02"), PARTITION p2 VALUES LESS THAN ("2026-03-03"), PARTITION p3 VALUES LESS THAN ("2026-03-04"))
  DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ("replication_num" = "1");
CREATE TABLE sales.events (at DATETIME NOT NULL, what VARCHAR(50)) DUPLICATE KEY(at)
  PARTITION BY date_trunc('day', at) DISTRIBUTED BY HASH(at) BUCKETS 1 PROPERTIES ("replication_num" = "1");
CREATE TABLE sales.regions (city VARCHAR(20) NOT NULL, people INT) DUPLICATE KEY(city)
  PARTITION BY LIST(city) (PARTITION north VALUES IN ("oslo", "kiel"), PARTITION south VALUES IN ("rome"))
  DISTRIBUTED BY HASH(city) BUCKETS 1 PROPERTIES ("replication_num" = "1");
CREATE TABLE crm.customers (id BIGINT NOT NULL, name VARCHAR(50), credit DECIMAL(10,2)) PRIMARY KEY(id)
  DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("replication_num" = "1");
CREATE TABLE crm.settings (name VARCHAR(20) NOT NULL, value VARCHAR(100)) DUPLICATE KEY(name)
  DISTRIBUTED BY HASH(name) BUCKETS 1 PROPERTIES ("replication_num" = "1");
INSERT INTO sales.orders VALUES ('2026-03-01', 1, 10.50), ('2026-03-02', 2, 20.00), ('2026-03-03', 3, 7.25);
INSERT INTO sales.events VALUES ('2026-03-01 08:00:00', 'login'), ('2026-03-02 09:30:00', 'order');
INSERT INTO sales.regions VALUES ('oslo', 709), ('kiel', 247), ('rome', 2748);
INSERT INTO crm.customers VALUES (1, 'Ada', 100.00), (2, 'Grace', 250.00), (3, 'O''Brien', 0.10);
INSERT INTO crm.settings VALUES ('currency', 'EUR'), ('locale', 'de_DE')
"#;

pub(super) const DAY: &str = r#"
ALTER TABLE sales.orders ADD PARTITION p4 VALUES LESS THAN ("2026-03-05");
INSERT INTO sales.orders VALUES ('2026-03-04', 4, 99.99), ('2026-03-02', 5, 1.00);
ALTER TABLE sales.orders DROP PARTITION p1 FORCE;
INSERT INTO sales.events VALUES ('2026-03-04 10:00:00', 'refund');
ALTER TABLE crm.customers ADD COLUMN city VARCHAR(20) NULL;
INSERT INTO crm.customers VALUES (4, 'Linus', 1.00, 'Helsinki');
UPDATE crm.customers SET credit = 300.00 WHERE id = 2
"#;

pub(super) const DAMAGE: &str = r#"
DROP TABLE sales.orders FORCE;
TRUNCATE TABLE sales.events;
UPDATE crm.customers SET credit = 0 WHERE id > 0;
DELETE FROM sales.regions PARTITION north WHERE city = 'oslo'
"#;

pub(super) const NEXT_DAY: &str = r#"
INSERT INTO sales.events VALUES ('2026-03-09 07:00:00', 'login')
"#;
