"""The main job on AWS: schedules back up, a label comes back row by row."""

import datetime
import json
import re
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
        lost = content(starrocks, "sales", tables=["orders"])
        restored = it.restore(target_label=labels(incremental)["sales"])
        self.assertEqual(content(starrocks, "sales"), at_incremental)
        # Taken back, and done again by whoever took it back too early.
        undone = it.succeed(it.start("restore-promote", restored["summary"]["next_input"]))
        self.assertEqual(content(starrocks, "sales", tables=["orders"]), lost)
        it.restore(target_label=labels(incremental)["sales"])
        self.assertEqual(content(starrocks, "sales"), at_incremental)

        # The older label, beside what lives. In a database that is not there yet nobody has rights but root.
        it.use("root", PASSWORD)
        it.restore(target_label=labels(full)["crm"], into_database="crm_then")
        self.assertEqual(content(starrocks, "crm_then"), at_full)
        self.assertNotEqual(content(starrocks, "crm"), at_full)

    def test_no_execution_ends_before_starrocks_has_ended_its_jobs(self):
        it = stack()
        create(it.starrocks, "timed")
        it.cli("group", "add", "timed", "timed.*")
        label = labels(it.succeed(it.start("backup", {"group": "timed", "kind": "full"})))["timed"]
        it.succeed(it.start("restore", {"target_label": label, "into_database": "timed_copy"}))

        def seconds(statement):
            [sent] = it.starrocks.sent(statement)
            return int(re.search(r'"timeout" = "(\d+)"', sent).group(1))

        def limit(machine):
            client, arn = it.aws.client("stepfunctions"), it.outputs["state_machine_arns"][machine]
            return json.loads(client.describe_state_machine(stateMachineArn=arn)["definition"])["TimeoutSeconds"]

        # That of an execution that died, one of its own, and that once more.
        self.assertGreater(limit("backup"), 3 * seconds("BACKUP SNAPSHOT `timed`"))
        # A group's, one after the other: its history is full before, see infra/tests.
        self.assertGreater(limit("restore"), 3 * seconds("RESTORE SNAPSHOT `timed_copy`"))

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
