"""The password is where it belongs: in the secret, and nowhere else that anybody can read."""

import unittest

from emulation.stack import stack, work
from emulation.starrocks import PASSWORD


class Secrets(unittest.TestCase):
    def test_after_a_backup_the_password_is_in_no_log_no_state_and_no_history(self):
        it = stack()
        it.starrocks.sql(
            "CREATE DATABASE IF NOT EXISTS canary",
            "CREATE TABLE canary.t (k INT) DISTRIBUTED BY HASH(k)",
        )
        it.cli("group", "add", "canary", "canary.*")
        it.succeed(it.start("backup", {"group": "canary", "kind": "full"}))
        it.fail(it.start("backup", {"group": "no_such_group", "kind": "full"}))

        step_functions = it.aws.client("stepfunctions")
        executions = [
            execution["executionArn"]
            for machine in it.outputs["state_machine_arns"].values()
            for execution in step_functions.list_executions(stateMachineArn=machine)["executions"]
        ]
        self.assertGreaterEqual(len(executions), 2)
        for execution in executions:
            self.assertNotIn(PASSWORD, str(it.events(execution)), execution)
        for call in it.aws.lambdas.calls:
            self.assertNotIn(PASSWORD, str(call))
        logs = list((work() / "logs").glob("*.log"))
        self.assertTrue(any(log.stat().st_size for log in logs), "nothing was logged")
        for file in [*logs, *work().rglob("terraform.tfstate*")]:
            self.assertNotIn(PASSWORD.encode(), file.read_bytes(), file)

    def test_a_rotation_in_the_middle_of_the_night_is_followed(self):
        # The database has the new password before AWSCURRENT says so.
        it = stack()
        new = "canary-of-tomorrow"
        secrets = it.aws.client("secretsmanager")
        self.addCleanup(self.rotate, it, PASSWORD)
        secrets.put_secret_value(
            SecretId=it.secret_arn,
            SecretString=it.credentials("root", new),
            VersionStages=["AWSPENDING"],
        )
        it.starrocks.sql(f"SET PASSWORD = PASSWORD('{new}')")
        it.starrocks.password = new
        answer = it.aws.client("lambda").invoke(FunctionName="starrocks-br-audit-orphans", Payload=b"{}")
        text = answer["Payload"].read()
        self.assertNotIn("FunctionError", answer, text)

    def test_an_execution_waits_for_a_secret_that_is_late(self):
        # Nobody but the database knows the new password yet.
        it = stack()
        it.starrocks.sql("CREATE DATABASE IF NOT EXISTS rotated", "CREATE TABLE rotated.t (k INT) DISTRIBUTED BY HASH(k)")
        it.cli("group", "add", "rotated", "rotated.*")
        new = "canary-of-the-day-after"
        self.addCleanup(self.rotate, it, PASSWORD)
        it.starrocks.sql(f"SET PASSWORD = PASSWORD('{new}')")
        it.starrocks.password = new
        execution = it.start("backup", {"group": "rotated", "kind": "full"})

        def refused():
            calls = [call for call in it.aws.lambdas.calls if call[1].get("execution", {}).get("Id") == execution]
            return [answer.get("errorType") for _, _, _, answer in calls]

        it.until(lambda: refused() == ["AccessDenied"])
        secrets = it.aws.client("secretsmanager")
        secrets.put_secret_value(SecretId=it.secret_arn, SecretString=it.credentials("root", new))
        output = it.succeed(execution)
        self.assertEqual(output["summary"]["databases"][0]["status"], "FINISHED")

    def rotate(self, it, password):
        it.starrocks.sql(f"SET PASSWORD = PASSWORD('{password}')")
        it.starrocks.password = password
        it.use("root", password)
