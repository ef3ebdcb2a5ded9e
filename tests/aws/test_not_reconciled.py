"""An execution was stopped, and what it left cannot be cleared up: nothing of that is lost in silence."""

import json
import unittest

from emulation.stack import NAME, stack
from emulation.tables import create


class NotReconciled(unittest.TestCase):
    def setUp(self):
        self.it = stack()
        self.starrocks = self.it.starrocks
        self.addCleanup(self.starrocks.control, "clear_faults")
        self.addCleanup(self.starrocks.control, "refuse_connections", refuse=False)
        self.assertEqual(self.it.given_up(), [])

    def stopped(self, database):
        """An execution that was stopped during the upload, which ends afterwards."""
        create(self.starrocks, database)
        self.it.cli("group", "add", database, f"{database}.*")
        upload = {"job": "backup", "database": database, "state": "UPLOADING"}
        self.starrocks.control("hold", **upload)
        execution = self.it.start("backup", {"group": database, "kind": "full"})
        shown = lambda: self.starrocks.sql(f"SHOW BACKUP FROM {database}")
        self.it.until(lambda: any(job[3] == "UPLOADING" for job in shown()))
        self.it.aws.client("stepfunctions").stop_execution(executionArn=execution)
        self.assertEqual(self.it.wait(execution)["status"], "ABORTED")
        self.starrocks.control("release", **upload)
        self.it.until(lambda: shown()[0][3] == "FINISHED")
        return execution

    def history(self, database):
        return self.starrocks.sql(f"SELECT status FROM ops.backup_history WHERE label LIKE '{database}%'")

    def calls(self):
        return [call for call in self.it.aws.lambdas.calls if call[1].get("operation") == "reconcile"]

    def test_a_cluster_that_is_away_for_long_leaves_a_message_that_can_be_sent_again(self):
        execution = self.stopped("unheard")
        before = len(self.calls())
        self.starrocks.control("refuse_connections", refuse=True)
        self.assertEqual(self.it.tell_of_end(execution), [])
        self.starrocks.control("refuse_connections", refuse=False)
        self.assertEqual(len(self.calls()) - before, 3, "Lambda has tried twice more")
        [kept] = self.it.given_up()
        self.assertEqual(kept["responsePayload"]["errorType"], "Unreachable")
        asked = kept["requestPayload"]
        self.assertEqual((asked["operation"], asked["arn"], asked["status"]), ("reconcile", execution, "ABORTED"))
        self.assertEqual(self.history("unheard"), [("RUNNING",)])

        # As docs/runbooks.md says.
        answer = self.it.aws.client("lambda").invoke(FunctionName=f"{NAME}-record-history", Payload=json.dumps(asked).encode())
        self.assertNotIn("FunctionError", answer)
        self.assertEqual(self.history("unheard"), [("FINISHED",)])

    def test_an_event_that_the_rule_may_not_deliver_is_kept_itself(self):
        execution = self.stopped("undelivered")
        client, name = self.it.aws.client("lambda"), f"{NAME}-record-history"
        rule = self.it.aws.client("events").describe_rule(Name=f"{NAME}-reconcile")["Arn"]
        [target] = self.it.aws.client("events").list_targets_by_rule(Rule=f"{NAME}-reconcile")["Targets"]
        version = target["Arn"].rpartition(":")[2]
        client.remove_permission(FunctionName=name, StatementId="Reconcile", Qualifier=version)
        try:
            self.assertEqual(self.it.tell_of_end(execution), [])
        finally:
            client.add_permission(
                FunctionName=name,
                StatementId="Reconcile",
                Qualifier=version,
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
                SourceArn=rule,
            )
        [kept] = self.it.given_up()
        self.assertEqual(kept["detail-type"], "Step Functions Execution Status Change")
        self.assertEqual(kept["detail"]["executionArn"], execution)
        # Told again, it is as if nothing had been in between.
        [(_, found)] = self.it.tell_of_end(execution)
        self.assertEqual([label["status"] for label in found["labels"]], ["FINISHED"])
        self.assertEqual(self.history("undelivered"), [("FINISHED",)])
