"""Alarms and dashboard: the condition of each alarm is caused, and the metric arrives where it looks; what
the dashboard shows is what is written."""

import contextlib
import json
import operator
import re
import unittest

from emulation.stack import NAME, REPOSITORY, stack, work
from emulation.terraform import INFRA

# What AWS counts itself, with the dimensions under which it does:
# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
NATIVE = {
    "AWS/States": (
        {f"Executions{how}" for how in ("Started", "Succeeded", "Failed", "Aborted", "TimedOut")}
        | {"ExecutionTime"},
        ["StateMachineArn"],
    ),
    "AWS/Scheduler": ({"TargetErrorCount", "InvocationDroppedCount"}, ["ScheduleGroup"]),
    "AWS/Lambda": ({"Duration", "Errors"}, ["FunctionName"]),
    "AWS/SQS": ({"ApproximateNumberOfMessagesVisible"}, ["QueueName"]),
}
COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
}


def written():
    """(namespace, metric, dimensions) -> values, from the embedded metric format in the logs."""
    found = {}
    for log in (work() / "logs").glob("*.log"):
        for line in log.read_text().splitlines():
            if not line.startswith('{"_aws"'):
                continue
            entry = json.loads(line)
            for directive in entry["_aws"]["CloudWatchMetrics"]:
                for names in directive["Dimensions"]:
                    dimensions = tuple((name, entry[name]) for name in names)
                    for metric in directive["Metrics"]:
                        key = (directive["Namespace"], metric["Name"], dimensions)
                        found.setdefault(key, []).append(entry[metric["Name"]])
    return found


def documented():
    """Name of each of our metrics -> whether it is also written per group. From the table of the code, and
    that of the documentation, which another test holds against it."""
    code = (INFRA.parent / "shared/src/metrics.rs").read_text().split("\nmetrics! {")[1].split("\n}")[0]
    names = re.findall(r"^    (\w+): \w+,$", code, re.M)
    rows = [
        [cell.strip("` ") for cell in line.split("|")[1:4]]
        for line in (INFRA.parent / "docs/metrics.md").read_text().splitlines()
        if line.startswith("| `")
    ]
    dimensions = {name: dimension == "Group" for name, _, dimension in rows}
    assert list(dimensions) == names, (names, rows)
    return dimensions


class Metrics(unittest.TestCase):
    def setUp(self):
        self.it = stack()
        self.starrocks = self.it.starrocks

    def alarms(self):
        found = self.it.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"]
        return {alarm["AlarmName"].removeprefix(f"{NAME}-"): alarm for alarm in found}

    def test_the_condition_of_each_alarm_is_caused_and_arrives(self):
        it, sql = self.it, self.starrocks.sql
        sql(
            "CREATE DATABASE IF NOT EXISTS measured",
            "CREATE TABLE measured.t (k INT) DISTRIBUTED BY HASH(k)",
            "INSERT INTO measured.t VALUES (1)",
        )
        it.cli("group", "add", "measured", "measured.*")
        measured = [{"group": "measured", "interval_hours": 24, "grace_hours": 6}]

        # window: the upload does not end, and began the day before yesterday.
        at = {"job": "backup", "database": "measured", "state": "UPLOADING"}
        self.starrocks.control("hold", **at)
        execution = it.start("backup", {"group": "measured", "kind": "full"})
        # Its own: other groups have been looked at before.
        window = (NAME, "WindowUsedPercent", (("Group", "measured"),))
        it.until(lambda: window in written())
        sql(
            "UPDATE ops.run_status SET started_at = DATE_ADD(UTC_TIMESTAMP(), INTERVAL -48 HOUR)"
            " WHERE scope = 'backup' AND database_name = 'measured'"
        )
        it.until(lambda: max(written()[window]) > 100)
        self.starrocks.control("release", **at)
        label = it.succeed(execution)["summary"]["databases"][0]["label"]

        # lost: a backup that is nowhere any more.
        missing = contextlib.ExitStack()
        missing.enter_context(it.without(label))
        self.addCleanup(missing.close)
        error, _ = it.fail(it.start("audit", {}))
        self.assertEqual(error, "VerificationFailed")

        # repository: it is not there. As scheduled, with the groups of the schedules.
        create = it.create_repository()
        sql(f"DROP REPOSITORY `{REPOSITORY}`")
        self.addCleanup(sql, create)
        self.assertIsNotNone(it.beat()["repository_error"])
        # disk, and a group that is young enough, which no alarm is for.
        self.starrocks.control("free_disk", percent=10)
        self.addCleanup(self.starrocks.control, "free_disk", percent=70)
        young = it.beat(groups=measured)
        self.assertEqual((young["overdue"], young["min_free_disk_percent"]), ([], 10))
        # overdue: the same group two days later.
        sql(
            "UPDATE ops.backup_history SET planned_at = DATE_ADD(UTC_TIMESTAMP(), INTERVAL -48 HOUR)"
            f" WHERE label = '{label}'"
        )
        [overdue] = it.beat(groups=measured)["overdue"]
        self.assertIn("48.0 h old; 30 h are allowed", overdue["reason"])

        found = written()
        ours = {name: alarm for name, alarm in self.alarms().items() if alarm["Namespace"] == NAME}
        self.assertEqual(sorted(ours), ["disk", "lost", "overdue", "repository", "window"])
        for name, alarm in ours.items():
            dimensions = tuple((one["Name"], one["Value"]) for one in alarm["Dimensions"])
            values = found.get((NAME, alarm["MetricName"], dimensions), [])
            breaches = COMPARISONS[alarm["ComparisonOperator"]]
            self.assertTrue(any(breaches(value, alarm["Threshold"]) for value in values), (name, values))
            # The statistic keeps the worst of a period.
            worst = "Minimum" if alarm["ComparisonOperator"].startswith("Less") else "Maximum"
            self.assertEqual(alarm["Statistic"], worst, name)
        # A group's age, young and old.
        ages = found[(NAME, "NewestBackupAge", (("Group", "measured"),))]
        self.assertLess(min(ages), 3600)
        self.assertAlmostEqual(max(ages), 48 * 3600, delta=3600)
        # Each metric that is a group's is written as one, and without.
        for metric, is_of_a_group in documented().items():
            if is_of_a_group and metric != "ExecutionsSkipped":
                self.assertIn((NAME, metric, (("Group", "measured"),)), found)
                self.assertIn((NAME, metric, ()), found)
        # The other instance's metrics are its own.
        self.assertEqual({namespace for namespace, _, _ in found}, {NAME})

    def test_what_aws_counts_is_watched_under_its_own_names(self):
        # The emulation counts nothing: what would be counted is caused, and is what the alarm is about.
        it = self.it
        native = {name: alarm for name, alarm in self.alarms().items() if alarm["Namespace"] != NAME}
        self.assertEqual(len(native), 15)
        for name, alarm in native.items():
            metrics, dimensions = NATIVE[alarm["Namespace"]]
            self.assertIn(alarm["MetricName"], metrics, name)
            self.assertEqual([one["Name"] for one in alarm["Dimensions"]], dimensions, name)
            self.assertEqual((alarm["Threshold"], alarm["ComparisonOperator"][-11:]), (1, "ToThreshold"))
        of = lambda name: native[name]["Dimensions"][0]["Value"]

        it.fail(it.start("backup", {"group": "nobody", "kind": "full"}))
        client = it.aws.client("stepfunctions")
        failed = client.list_executions(stateMachineArn=of("backup-failed"), statusFilter="FAILED")
        self.assertGreater(len(failed["executions"]), 0)
        schedule = it.aws.client("scheduler").get_schedule(GroupName=of("schedule-targeterror"), Name="nightly")
        queue = schedule["Target"]["DeadLetterConfig"]["Arn"].rsplit(":", 1)[1]
        self.assertEqual(of("not-started"), queue)

    def test_the_dashboard_shows_what_is_written(self):
        it = self.it
        body = it.aws.client("cloudwatch").get_dashboard(DashboardName=NAME)["DashboardBody"]
        widgets = json.loads(body)["widgets"]
        deployed = {*it.outputs["state_machine_arns"].values(), *it.outputs["function_names"].values()}
        heartbeat = it.aws.client("scheduler").get_schedule(GroupName=NAME, Name="heartbeat")
        groups = {one["group"] for one in json.loads(heartbeat["Target"]["Input"])["groups"]}
        ours, shown = documented(), set()
        for widget in widgets:
            title = widget["properties"]["title"]
            metrics = widget["properties"]["metrics"]
            options = [metric[-1] if isinstance(metric[-1], dict) else {} for metric in metrics]
            ids = [option["id"] for option in options if "id" in option]
            self.assertEqual(len(ids), len(set(ids)), title)
            self.assertTrue(any(option.get("visible", True) for option in options), title)
            for metric, option in zip(metrics, options):
                words = [word for word in metric if isinstance(word, str)]
                if not words:
                    used = set(re.findall(r"\b[a-z]\w*", option["expression"]))
                    self.assertLessEqual(used, set(ids), title)
                    continue
                namespace, name, *dimensions = words
                if namespace == NAME:
                    shown.add(name)
                    if dimensions:
                        self.assertTrue(ours[name], f"{title}: {name} is written without dimensions only")
                        self.assertEqual(dimensions[0], "Group", title)
                        self.assertIn(dimensions[1], groups, title)
                    else:
                        self.assertIn(name, ours, title)
                else:
                    names, [dimension] = NATIVE[namespace]
                    self.assertIn(name, names, title)
                    self.assertEqual(dimensions[0], dimension, title)
                    self.assertIn(dimensions[1], deployed, title)
        self.assertEqual(shown, set(ours), "a metric that nobody sees")

        taken = set()
        for widget in widgets:
            x, y, width, height = (widget[key] for key in ("x", "y", "width", "height"))
            self.assertLessEqual(x + width, 24)
            own = {(x + i, y + j) for i in range(width) for j in range(height)}
            self.assertTrue(taken.isdisjoint(own), widget["properties"]["title"])
            taken |= own
        # No holes: what is above is full.
        bottom = max(y for _, y in taken) + 1
        self.assertEqual(len(taken), 24 * bottom)
