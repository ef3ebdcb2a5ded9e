use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use mysql_async::{Row, prelude::Queryable};
use starrocks_emulator::wire::packet::frame;

use crate::support::{Cluster, cluster, first_column, run, server_error};

/// Packets as they are.
struct Raw(TcpStream);

impl Raw {
    fn connect(cluster: &Cluster) -> Raw {
        let stream = TcpStream::connect(cluster.emulator.addr()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut raw = Raw(stream);
        assert_eq!(raw.read()[0], 10, "the greeting is of protocol 10");
        raw
    }

    fn read(&mut self) -> Vec<u8> {
        let mut header = [0; 4];
        self.0.read_exact(&mut header).unwrap();
        let length = u32::from_le_bytes([header[0], header[1], header[2], 0]);
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload).unwrap();
        payload
    }

    fn write(&mut self, mut sequence: u8, payload: &[u8]) {
        let mut out = Vec::new();
        frame(&mut out, &mut sequence, payload);
        self.0.write_all(&out).unwrap();
    }

    fn log_in(&mut self, plugin: &str, scramble: &[u8]) {
        // LONG_FLAG, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH.
        let mut login = 0x8_8204_u32.to_le_bytes().to_vec();
        login.extend_from_slice(&[0, 0, 0, 1, 33]);
        login.extend_from_slice(&[0; 23]);
        login.extend_from_slice(b"root\0");
        login.push(u8::try_from(scramble.len()).unwrap());
        login.extend_from_slice(scramble);
        login.extend_from_slice(plugin.as_bytes());
        login.push(0);
        self.write(1, &login);
    }

    /// What a command is answered.
    fn command(&mut self, payload: &[u8]) -> Vec<u8> {
        self.write(0, payload);
        self.read()
    }
}

#[test]
fn another_plugin_is_switched_to_native_password() {
    let cluster = cluster();
    let mut raw = Raw::connect(&cluster);
    raw.log_in("caching_sha2_password", &[1; 32]);
    let switch = raw.read();
    assert!(switch.starts_with(b"\xfemysql_native_password\0"));
    assert_eq!(switch.len(), 1 + 22 + 21, "and a salt of 20 bytes");
    // root has no password.
    raw.write(3, b"");
    assert_eq!(raw.read()[0], 0);
}

#[test]
fn commands_are_answered_or_refused_by_name() {
    let cluster = cluster();
    let mut raw = Raw::connect(&cluster);
    raw.log_in("mysql_native_password", b"");
    assert_eq!(raw.read()[0], 0);
    let ok = [0, 0, 0, 0, 0, 0, 0];
    assert_eq!(raw.command(&[0x0e]), ok, "COM_PING");
    assert_eq!(raw.command(&[0x1f]), ok, "COM_RESET_CONNECTION");
    assert_eq!(raw.command(b"\x02information_schema"), ok, "COM_INIT_DB");
    assert_eq!(raw.command(b"\x11root\0\0\0"), ok, "COM_CHANGE_USER");
    let refused = raw.command(&[0x09]);
    assert_eq!(
        refused, b"\xff\x28\x04#HY000Unsupported command(9)",
        "COM_STATISTICS"
    );
    raw.write(0, &[0x01]);
    assert_eq!(raw.0.read(&mut [0]).unwrap(), 0, "COM_QUIT has no answer");
}

#[test]
fn the_columns_of_a_table_are_listed_for_completion() {
    let cluster = cluster();
    let mut raw = Raw::connect(&cluster);
    raw.log_in("mysql_native_password", b"");
    assert_eq!(raw.read()[0], 0);
    for sql in [
        "CREATE DATABASE d",
        "CREATE TABLE d.t (k INT, v VARCHAR(10)) DISTRIBUTED BY HASH(k) BUCKETS 1",
    ] {
        let payload = [b"\x03", sql.as_bytes()].concat();
        assert_eq!(raw.command(&payload)[0], 0, "{sql}");
    }
    assert_eq!(raw.command(b"\x02d")[0], 0);
    let first = raw.command(b"\x04t\0");
    assert!(first.starts_with(b"\x03def\0\0\0\x01k\x01k"));
    assert_eq!(first.last(), Some(&0xfb), "no default");
    assert!(raw.read().starts_with(b"\x03def\0\0\0\x01v"));
    assert_eq!(raw.read()[0], 0xfe);
}

#[test]
fn statements_beyond_16_mb_arrive_whole() {
    run(async {
        let cluster = cluster();
        let mut conn = cluster.connect().await;
        let padding = "x".repeat(17 << 20);
        let sql = format!("/* {padding} */ SHOW VARIABLES LIKE 'version'");
        assert_eq!(first_column(&mut conn, &sql).await, ["version"]);
    });
}

#[test]
fn variables_go_back_to_their_defaults_when_the_connection_is_reset() {
    run(async {
        let cluster = cluster();
        let mut conn = cluster.connect().await;
        let value = async |conn: &mut mysql_async::Conn| -> String {
            let row: Option<Row> = conn
                .query_first("SHOW VARIABLES LIKE 'time_zone'")
                .await
                .unwrap();
            row.unwrap().get("Value").unwrap()
        };
        conn.query_drop("SET time_zone = '+03:00'").await.unwrap();
        assert_eq!(value(&mut conn).await, "+03:00");
        conn.reset().await.unwrap();
        assert_eq!(value(&mut conn).await, "UTC");
        let mut other = cluster.connect().await;
        other
            .query_drop("SET GLOBAL time_zone = 'Asia/Tokyo'")
            .await
            .unwrap();
        assert_eq!(value(&mut conn).await, "UTC", "only sessions to come");
        assert_eq!(value(&mut cluster.connect().await).await, "Asia/Tokyo");
    });
}

#[test]
fn kill_ends_a_connection() {
    run(async {
        let cluster = cluster();
        let mut victim = cluster.connect().await;
        let mut conn = cluster.connect().await;
        let rows: Vec<Row> = conn.query("SHOW PROCESSLIST").await.unwrap();
        assert_eq!(rows.len(), 2);
        conn.query_drop(format!("KILL {}", victim.id()))
            .await
            .unwrap();
        assert!(victim.ping().await.is_err());
        let rows: Vec<Row> = conn.query("SHOW PROCESSLIST").await.unwrap();
        assert_eq!(rows.len(), 1);
        let (code, message) = server_error(conn.query_drop("KILL 999999").await);
        assert_eq!(
            (code, message.as_str()),
            (1094, "Unknown thread id: 999999")
        );
    });
}

#[test]
fn an_unknown_statement_is_quoted() {
    run(async {
        let cluster = cluster();
        let mut conn = cluster.connect().await;
        let (code, message) = server_error(conn.query_drop("ADMIN REPAIR TABLE t").await);
        assert_eq!(code, 1064);
        assert_eq!(
            message,
            "The emulator does not know this statement: ADMIN REPAIR TABLE t"
        );
    });
}

#[test]
fn a_set_with_a_wrong_name_sets_nothing() {
    run(async {
        let cluster = cluster();
        let mut conn = cluster.connect().await;
        let refused = conn
            .query_drop("SET query_timeout = 600, no_such_variable = 1")
            .await;
        assert_eq!(server_error(refused).0, 1193);
        let timeout: Option<i64> = conn.query_first("SELECT @@query_timeout").await.unwrap();
        assert_eq!(timeout, Some(300));
        conn.query_drop("SET query_timeout = 600, @a = 'x', sql_mode = CONCAT(@@sql_mode, ',A')")
            .await
            .unwrap();
        let row: Option<(i64, String, String)> = conn
            .query_first("SELECT @@query_timeout, @a, @@sql_mode")
            .await
            .unwrap();
        assert_eq!(
            row.unwrap(),
            (600, "x".to_owned(), "ONLY_FULL_GROUP_BY,A".to_owned())
        );
    });
}

#[test]
fn an_open_transaction_ends_with_its_connection() {
    run(async {
        let cluster = cluster();
        let mut conn = cluster.connect().await;
        for sql in [
            "CREATE DATABASE d",
            "CREATE TABLE d.t (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1",
        ] {
            conn.query_drop(sql).await.unwrap();
        }
        let mut writer = cluster.connect().await;
        writer.query_drop("BEGIN WITH LABEL once").await.unwrap();
        writer
            .query_drop("INSERT INTO d.t VALUES (1)")
            .await
            .unwrap();
        writer.disconnect().await.unwrap();
        // The label is free again and the row never came.
        for _ in 0..100 {
            let open: Vec<Row> = conn.query("SHOW PROCESSLIST").await.unwrap();
            if open.len() == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        conn.query_drop("INSERT INTO d.t WITH LABEL once VALUES (2)")
            .await
            .unwrap();
        assert_eq!(first_column(&mut conn, "SELECT k FROM d.t").await, ["2"]);
    });
}
