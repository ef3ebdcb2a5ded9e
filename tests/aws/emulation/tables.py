"""Tables with rows that are awkward, and their whole content."""

ROWS = [(number, f"2026-01-{number % 28 + 1:02}", f"it's \"row\" {number} ü€") for number in range(1, 200)]
TABLES = ("orders", "customers")


def create(starrocks, database):
    values = ", ".join(
        "({}, '{}', '{}')".format(number, day, text.replace("'", "\\'")) for number, day, text in ROWS
    )
    starrocks.sql(
        f"CREATE DATABASE {database}",
        f"CREATE TABLE {database}.orders (k INT, d DATE, v VARCHAR(64)) DUPLICATE KEY(k)"
        " PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-10'),"
        " PARTITION p2 VALUES LESS THAN ('2026-02-01'), PARTITION p3 VALUES LESS THAN ('2026-03-01'))"
        " DISTRIBUTED BY HASH(k) BUCKETS 2",
        f"CREATE TABLE {database}.customers (id INT, name VARCHAR(64)) PRIMARY KEY(id)"
        " DISTRIBUTED BY HASH(id) BUCKETS 1",
        f"INSERT INTO {database}.orders VALUES {values}",
        f"INSERT INTO {database}.customers VALUES (1, 'one'), (2, 'two')",
    )


def content(starrocks, database, tables=TABLES):
    """Every row of every table, so that equal means restored."""
    return {table: sorted(starrocks.sql(f"SELECT * FROM {database}.{table}")) for table in tables}
