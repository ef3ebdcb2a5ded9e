"""What Terraform made, and what it leaves alone when it is told to destroy."""

import itertools
import re
import unittest

import botocore.exceptions

from emulation.policies import is_allowed
from emulation.stack import BUCKET, NAME, OTHER, REPOSITORY, stack
from emulation.terraform import INFRA, Failed


class Deploy(unittest.TestCase):
    def test_a_second_apply_changes_nothing(self):
        stack().terraform.plan_is_empty()

    def test_a_second_instance_lives_beside_the_first_and_leaves_its_backups(self):
        it = stack()
        s3 = it.s3
        bucket = BUCKET.replace(NAME, OTHER)
        other = it.other.result()
        self.assertEqual(other.outputs()["bucket"], bucket)
        theirs, ours = other.arns(), it.terraform.arns()
        self.assertTrue(theirs.isdisjoint(ours), theirs & ours)
        self.assertEqual(len(theirs), len(ours))
        self.assert_roles_reach_only_their_own(it)

        # Objects are refused without TLS.
        with self.assertRaisesRegex(botocore.exceptions.ClientError, "403"):
            it.aws.client("s3").put_object(Bucket=bucket, Key="x", Body=b"x")
        self.back_up_into(it, other.outputs())
        objects = lambda: [(one["Key"], one["ETag"]) for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
        before = objects()
        self.assertTrue(any("/__ss_kept/__info_" in key for key, _ in before), before)
        with self.assertRaisesRegex(Failed, "BucketNotEmpty"):
            other.destroy()
        self.assertEqual(objects(), before)

        found = s3.list_object_versions(Bucket=bucket)
        for version in found["Versions"] + found["DeleteMarkers"]:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        other.destroy()
        buckets = [found["Name"] for found in s3.list_buckets()["Buckets"]]
        self.assertNotIn(bucket, buckets)
        self.assertIn(BUCKET, buckets)
        functions = it.aws.client("lambda").list_functions()["Functions"]
        self.assertEqual([name for f in functions if not (name := f["FunctionName"]).startswith(NAME)], [])

    def back_up_into(self, it, outputs):
        """A snapshot `kept` in the repository of these outputs, which StarRocks has for that long."""
        it.starrocks.sql(
            it.create_repository(outputs).replace(f"`{REPOSITORY}`", "`theirs`"),
            "CREATE DATABASE kept",
            "CREATE TABLE kept.t (k INT) DISTRIBUTED BY HASH(k)",
            "INSERT INTO kept.t VALUES (1)",
            "BACKUP SNAPSHOT kept.kept TO theirs ON (t)",
        )
        it.until(lambda: "FINISHED" in it.starrocks.sql("SHOW BACKUP FROM kept")[0])
        it.starrocks.sql("DROP REPOSITORY theirs")

    def assert_roles_reach_only_their_own(self, it):
        """Secret, log, functions, machines and queue of the one are nothing to the roles of the other."""
        identities = it.aws.identities
        roles = [role["RoleName"] for role in it.aws.client("iam").list_roles()["Roles"]]
        first = [role for role in roles if role.startswith(f"{NAME}-")]
        self.assertGreater(len(first), 10)
        for role in first:
            for statement in identities.statements(role):
                for action, pattern in itertools.product(statement.actions, statement.resources):
                    resource = pattern.replace("*", "1")
                    self.assertTrue(is_allowed(identities.statements(role), action, resource, {}))
                    other = identities.statements(role.replace(NAME, OTHER))
                    # The account has one default bus and one delivery of logs.
                    is_shared = statement.sid in ("Announce", "LogDelivery")
                    self.assertIs(is_allowed(other, action, resource, {}), is_shared, (role, action, resource))

    def test_s3_has_no_rule_that_expires_what_is_current(self):
        rules = stack().aws.client("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
        for rule in rules:
            expiration = rule.get("Expiration", {})
            self.assertNotIn("Days", expiration, rule)
            self.assertNotIn("Date", expiration, rule)
            self.assertNotIn("Transitions", rule)

    def test_the_deployed_schedules_start_the_deployed_machine(self):
        it = stack()
        client = it.aws.client("scheduler")
        schedules = client.list_schedules(GroupName=NAME)["Schedules"]
        machines = {"audit": "audit", "nightly": "backup"}
        self.assertEqual(sorted(one["Name"] for one in schedules), sorted([*machines, "heartbeat"]))
        for name, machine in machines.items():
            found = client.get_schedule(GroupName=NAME, Name=name)
            self.assertEqual(found["Target"]["Arn"], it.outputs["state_machine_arns"][machine])
            self.assertEqual(found["ScheduleExpressionTimezone"], "UTC")
            self.assertEqual(found["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"], 3600)
            self.assertTrue(found["Target"]["DeadLetterConfig"]["Arn"].endswith(f"{NAME}-not-started"))

    def test_alarms_watch_what_was_deployed(self):
        it = stack()
        alarms = it.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"]
        watched = {dimension["Value"] for alarm in alarms for dimension in alarm["Dimensions"]}
        self.assertEqual(watched, {*it.outputs["state_machine_arns"].values(), NAME, f"{NAME}-not-started"})
        [topic] = {action for alarm in alarms for action in alarm["AlarmActions"]}
        self.assertTrue(topic.endswith(f"{NAME}-alarms"))

    def test_every_alarm_has_its_line_in_the_runbooks(self):
        alarms = stack().aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"]
        made = sorted(alarm["AlarmName"].removeprefix(f"{NAME}-") for alarm in alarms)
        runbooks = (INFRA.parent / "docs" / "runbooks.md").read_text()
        rows = runbooks.split("| alarm |")[1].split("\n\n")[0].splitlines()[2:]
        listed = sorted(name for row in rows for name in re.findall(r"`([a-z-]+)`", row.split("|")[1]))
        self.assertEqual(listed, made)
        for alarm in alarms:
            self.assertGreater(len(alarm["AlarmDescription"]), 40, alarm["AlarmName"])
