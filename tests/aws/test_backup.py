"""The main job on AWS: schedules back up, a label comes back row by row."""

import datetime
import unittest

from emulation.stack import stack
from emulation.starrocks import PASSWORD
from emulation.tables import ROWS, content, create


def labels(output):
    return {backed_up["database"]: backed_up["label"] for backed_up in output["summary"]["databases"]}


class MainJob(unittest.TestCase):
    def test_two_databases_full_incremental_and_both_restored(self):
        it = stack()
        starrocks = it.starrocks
        for database in ("sales", "crm"):
            create(starrocks, database)
        it.cli("group", "add", "nightly", "sales.*", "crm.*")
        # As a user that has what the module prints and nothing else.
        starrocks.sql(*it.outputs["grants"].split(";\n")[:-1])
        starrocks.sql(
            "CREATE USER 'br'@'%' IDENTIFIED BY 'canary-of-br'",
            "GRANT br_role TO USER 'br'@'%'",
            "SET DEFAULT ROLE br_role TO 'br'@'%'",
        )
        it.use("br", "canary-of-br")
        self.addCleanup(it.use, "root", PASSWORD)

        now = datetime.datetime.now(datetime.timezone.utc)
        full = it.succeed(it.fire("nightly", at=now))
        self.assertEqual(full["summary"]["kind"], "full")
        self.assertEqual([one["status"] for one in full["summary"]["databases"]], ["FINISHED"] * 2)
        at_full = content(starrocks, "crm")
        self.assertEqual(len(at_full["orders"]), len(ROWS))

        starrocks.sql(
            "INSERT INTO sales.orders VALUES (1000, '2026-02-03', 'after the full')",
            "INSERT INTO crm.customers VALUES (2, 'two, changed'), (3, 'three')",
        )
        at_incremental = content(starrocks, "sales")
        # Delivered twice, as Scheduler may.
        self.assertEqual(it.succeed(it.fire("nightly", at=now))["summary"]["outcome"], "duplicate")
        incremental = it.succeed(it.fire("nightly", at=now + datetime.timedelta(minutes=1)))
        self.assertEqual(incremental["summary"]["kind"], "incremental")
        for one in incremental["summary"]["databases"]:
            self.assertEqual((one["partitions_stored"], one["partitions_total"]), (1, 4), one)

        # What somebody types into the console at night, after a TRUNCATE and a DROP too many.
        starrocks.sql("TRUNCATE TABLE sales.orders", "DROP TABLE sales.customers FORCE")
        it.restore(target_label=labels(incremental)["sales"])
        self.assertEqual(content(starrocks, "sales"), at_incremental)

        # The older label, beside what lives. In a database that is not there yet nobody has rights but root.
        it.use("root", PASSWORD)
        it.restore(target_label=labels(full)["crm"], into_database="crm_then")
        self.assertEqual(content(starrocks, "crm_then"), at_full)
        self.assertNotEqual(content(starrocks, "crm"), at_full)

    def test_databases_are_backed_up_at_the_same_time(self):
        it = stack()
        for database in ("left", "right"):
            create(it.starrocks, f"together_{database}")
            it.starrocks.control("hold", job="backup", database=f"together_{database}", state="UPLOADING")
        it.cli("group", "add", "together", "together_left.*", "together_right.*")
        execution = it.start("backup", {"group": "together", "kind": "full"})
        it.until(lambda: len(it.starrocks.sent("BACKUP SNAPSHOT `together_")) == 2)
        for database in ("left", "right"):
            it.starrocks.control("release", job="backup", database=f"together_{database}", state="UPLOADING")
        it.succeed(execution)

    def test_a_misspelt_input_is_refused_by_name(self):
        it = stack()
        error, message = it.fail(it.start("backup", {"group": "nightly", "knid": "full"}))
        self.assertEqual(error, "InvalidInput")
        self.assertIn("did you mean 'kind'", message)

    def test_every_function_answers_a_ping(self):
        it = stack()
        client = it.aws.client("lambda")
        names = [function["FunctionName"] for function in client.list_functions()["Functions"]]
        ours = [name for name in names if name.startswith("starrocks-br-")]
        self.assertGreaterEqual(len(ours), 6)
        for name in ours:
            answer = client.invoke(FunctionName=name, Payload=b'{"ping": true}')
            self.assertEqual(answer["Payload"].read(), b'{"pong":true}', name)
            self.assertNotIn("FunctionError", answer)

    def test_the_weekly_audit_compares_and_fails_where_a_backup_is_lost(self):
        it = stack()
        it.starrocks.sql("CREATE DATABASE lost", "CREATE TABLE lost.t (k INT) DISTRIBUTED BY HASH(k)")
        it.cli("group", "add", "lost", "lost.*")
        label = labels(it.succeed(it.start("backup", {"group": "lost", "kind": "full"})))["lost"]
        audit = lambda: it.fire("audit", at=datetime.datetime.now())
        self.assertEqual(it.succeed(audit())["repository"], "backups")

        with it.without(label):
            error, message = it.fail(audit())
        self.assertEqual(error, "VerificationFailed")
        self.assertIn(label, message)
