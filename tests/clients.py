"""What tests/clients.sh runs: each client does the same main job on the emulator.

usage: clients.py PROFILE PORT WORK_DIRECTORY STARROCKS_BR OURS
"""

import pathlib
import subprocess
import sys
import time

import mysql.connector
import pymysql

PROFILE, PORT, WORK = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
TOOL, OURS = sys.argv[4], sys.argv[5]
ROWS = [("1", "2026-01-01", "it's"), ("2", "2026-01-02", 'a "b" \\ c'), ("3", "2026-01-02", "ü€")]


def check(what, found, expected):
    if found != expected:
        sys.exit(f"{PROFILE}: {what}: {found!r} instead of {expected!r}")


class PyMySql:
    name = "pymysql"

    def __init__(self):
        self.connection = pymysql.connect(
            host="127.0.0.1", port=PORT, user="root", charset="utf8mb4", autocommit=True
        )

    def query(self, sql, values=None):
        """Column names and rows, as texts."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            if cursor.description is None:
                return [], []
            names = [column[0] for column in cursor.description]
            return names, [tuple(text(cell) for cell in row) for row in cursor.fetchall()]


class Connector:
    def __init__(self, pure):
        self.name = "connector_pure" if pure else "connector_c"
        self.connection = mysql.connector.connect(
            host="127.0.0.1", port=PORT, user="root", use_pure=pure, autocommit=True
        )

    def query(self, sql, values=None):
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql, values)
            if cursor.description is None:
                return [], []
            names = [column[0] for column in cursor.description]
            return names, [tuple(text(cell) for cell in row) for row in cursor.fetchall()]
        finally:
            cursor.close()

    def prepared(self):
        """The binary protocol: StarRocks prepares SELECT only."""
        cursor = self.connection.cursor(prepared=True)
        cursor.execute("SELECT k, v FROM c_%s.t WHERE k = ? AND v = ?" % self.name, (1, "it's"))
        check("prepared SELECT", cursor.fetchall(), [(1, "it's")])
        cursor.close()


class CommandLine:
    """mariadb in batch mode; --auto-rehash makes it ask for all names first."""

    name = "mariadb"

    def query(self, sql, values=None):
        if values is not None:
            sql = sql % tuple("'" + v.replace("\\", "\\\\").replace("'", "\\'") + "'" for v in values)
        command = ["mariadb", "-h", "127.0.0.1", "-P", str(PORT), "-u", "root", "--skip-ssl"]
        command += ["--batch", "--auto-rehash", "--default-character-set=utf8mb4", "-e", sql]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            sys.exit(f"{PROFILE}: mariadb: {sql}: {done.stderr}")
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        if not lines:
            return [], []
        # Batch mode escapes what would break its table.
        rows = [tuple(cell.replace("\\\\", "\\") for cell in line) for line in lines[1:]]
        return lines[0], rows


def text(cell):
    if isinstance(cell, (bytes, bytearray)):
        return cell.decode()
    return None if cell is None else str(cell)


def wait(client, sql):
    """Follows a job to its end by the column State."""
    for _ in range(300):
        names, rows = client.query(sql)
        row = dict(zip(names, rows[0]))
        if row["State"] in ("FINISHED", "CANCELLED"):
            check(f"{client.name}: {sql}: {row}", row["State"], "FINISHED")
            return
        time.sleep(0.1)
    sys.exit(f"{PROFILE}: {client.name}: {sql} does not end")


def create_table(client, name):
    client.query(
        f"CREATE TABLE {name} (k INT NOT NULL, d DATE NOT NULL, v VARCHAR(20)) DUPLICATE KEY(k) "
        "PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), "
        "PARTITION p2 VALUES LESS THAN ('2026-01-03')) "
        'DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES("replication_num" = "1")'
    )


def main_job(client):
    """Create, load, query, BACKUP, change, RESTORE beside, compare."""
    database, repository, label = f"c_{client.name}", f"r_{client.name}", f"l_{client.name}"
    client.query(f"CREATE DATABASE {database}")
    create_table(client, f"{database}.t")
    for row in ROWS:
        client.query(f"INSERT INTO {database}.t VALUES (%s, %s, %s)", row)
    select = "SELECT k, d, v FROM {} ORDER BY k"
    check(f"{client.name}: rows", client.query(select.format(f"{database}.t"))[1], ROWS)
    client.query(
        f'CREATE REPOSITORY {repository} WITH BROKER ON LOCATION "s3://backups/{client.name}" '
        'PROPERTIES ("aws.s3.region" = "us-east-1")'
    )
    client.query(f"BACKUP SNAPSHOT {database}.{label} TO {repository} ON (t)")
    wait(client, f"SHOW BACKUP FROM {database}")
    client.query(f"TRUNCATE TABLE {database}.t")
    names, rows = client.query(f"SHOW SNAPSHOT ON {repository} WHERE SNAPSHOT = '{label}'")
    stamp = dict(zip(names, rows[0]))["Timestamp"]
    client.query(
        f"RESTORE SNAPSHOT {database}.{label} FROM {repository} ON (t AS t_restored) "
        f'PROPERTIES ("backup_timestamp" = "{stamp}", "replication_num" = "1")'
    )
    wait(client, f"SHOW RESTORE FROM {database}")
    check(f"{client.name}: restored", client.query(select.format(f"{database}.t_restored"))[1], ROWS)
    check(f"{client.name}: truncated", client.query(select.format(f"{database}.t"))[1], [])


def tool(config, *arguments, expect=0):
    command = [TOOL, *arguments, "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if (done.returncode == 0) != (expect == 0):
        sys.exit(f"{PROFILE}: {command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def ours(config, *arguments, code=0):
    """Our own program, with the configuration of the other tool as it is."""
    command = [OURS, "--config", str(config), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode != code:
        sys.exit(f"{PROFILE}: {command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def labels(client, kind, ops="ops"):
    _, rows = client.query(
        f"SELECT label, status FROM {ops}.backup_history WHERE backup_type = '{kind}' ORDER BY label"
    )
    return rows


def says(what, text, *parts):
    for part in parts:
        if part not in text:
            sys.exit(f"{PROFILE}: {what}: {part!r} is not in {text!r}")


def python_tool(client):
    """starrocks-br 0.6.0 from init to restore."""
    client.query("CREATE DATABASE sales")
    create_table(client, "sales.t")
    for row in ROWS:
        client.query("INSERT INTO sales.t VALUES (%s, %s, %s)", row)
    client.query(
        'CREATE REPOSITORY r_tool WITH BROKER ON LOCATION "s3://backups/tool" '
        'PROPERTIES ("aws.s3.region" = "us-east-1")'
    )
    config = WORK / f"config-{PROFILE}.yaml"
    config.write_text(
        f"host: 127.0.0.1\nport: {PORT}\nuser: root\ndatabase: sales\nrepository: r_tool\n"
        "table_inventory:\n  - group: g\n    tables:\n      - database: sales\n        table: t\n"
    )
    tool(config, "init")
    if PROFILE.startswith("3.3"):
        # It reads SHOW FRONTENDS by position, and 3.3 has no Id there.
        refused = tool(config, "backup", "full", "--group", "g", expect=1)
        check("starrocks-br on 3.3", "some FE/BE are DEAD or not READY" in refused, True)
        # Its tables and its configuration are enough for ours.
        ours(config, "init")
        ours(config, "backup", "full", "--group", "g")
        return
    tool(config, "backup", "full", "--group", "g")
    full = labels(client, "full")
    check("starrocks-br: full", [status for _, status in full], ["FINISHED"])
    time.sleep(1.1)
    client.query("INSERT INTO sales.t VALUES (4, '2026-01-02', 'late')")
    tool(config, "backup", "incremental", "--group", "g")
    incremental = labels(client, "incremental")
    check("starrocks-br: incremental", [status for _, status in incremental], ["FINISHED"])
    # A real frontend refuses what this version sends for the second step of an incremental.
    refused = tool(config, "restore", "--target-label", incremental[0][0], "--yes", expect=1)
    check("starrocks-br: chain", "t_restored does not exist in snapshot" in refused, True)
    client.query("DROP TABLE sales.t_restored FORCE")
    tool(config, "restore", "--target-label", full[0][0], "--yes")
    rows = client.query("SELECT k, d, v FROM sales.t ORDER BY k")[1]
    check("starrocks-br: restored", rows, ROWS)
    after_the_tool(client, config, full[0][0], incremental[0][0])
    before_the_tool(client)


def table(client, name):
    return client.query(f"SELECT k, d, v FROM {name} ORDER BY k")[1]


def after_the_tool(client, config, full, incremental):
    """Our program on what the other tool made, and the other tool again after it."""
    ours(config, "init")
    says("list", ours(config, "list"), full, incremental)
    says("show", ours(config, "show", full), "made by another tool", "sales.t p1", "sales.t p2")
    says("show", ours(config, "show", incremental), "which state it stands for is not known")
    refused = ours(config, "restore", "--target-label", incremental, "--yes", code=2)
    says("incremental", refused, "which state it stands for is not known", "restore the full")
    ours(config, "restore", "--target-label", full, "--into-database", "copy", "--yes")
    check("ours: into another database", table(client, "copy.t"), ROWS)
    client.query("TRUNCATE TABLE sales.t")
    done = ours(config, "restore", "--target-label", full, "--yes")
    says("restore", done, "is PROMOTED; rows verified: 3", "made by another tool: verified against")
    check("ours: restored", table(client, "sales.t"), ROWS)
    refused = ours(config, "backup", "incremental", "--group", "g", code=7)
    says("no baseline", refused, "backup full --group g", "made by this program")
    client.query("INSERT INTO sales.t VALUES (5, '2026-01-01', 'after')")
    now = table(client, "sales.t")
    tool(config, "backup", "full", "--group", "g")
    newest = labels(client, "full")[-1]
    check("starrocks-br: full after our init", newest, (f"{full}_r1", "FINISHED"))
    ours(config, "backup", "full", "--group", "g")
    ours(config, "backup", "incremental", "--group", "g")
    client.query("TRUNCATE TABLE sales.t")
    tool(config, "restore", "--target-label", newest[0], "--yes")
    check("starrocks-br: restored after our init", table(client, "sales.t"), now)


def before_the_tool(client):
    """Our init first: the other tool finds its tables in ours."""
    config = WORK / f"config-{PROFILE}-second.yaml"
    config.write_text((WORK / f"config-{PROFILE}.yaml").read_text() + "ops_database: second\n")
    ours(config, "init")
    tool(config, "init")
    now = table(client, "sales.t")
    tool(config, "backup", "full", "--group", "g", "--name", "made_second")
    check("starrocks-br: full", labels(client, "full", "second"), [("made_second", "FINISHED")])
    client.query("DROP TABLE sales.t FORCE")
    ours(config, "restore", "--target-label", "made_second", "--yes")
    check("ours: restored from the second", table(client, "sales.t"), now)


client = PyMySql()
main_job(client)
for pure in (True, False):
    connector = Connector(pure)
    main_job(connector)
for pure in (True, False):
    # The tables were truncated: fill one row to find again.
    connector = Connector(pure)
    connector.query(f"INSERT INTO c_{connector.name}.t VALUES (1, '2026-01-01', 'it''s')")
    connector.prepared()
main_job(CommandLine())
python_tool(client)
print(f"{PROFILE}: PyMySQL, mysql-connector-python, mariadb and starrocks-br did the main job")
