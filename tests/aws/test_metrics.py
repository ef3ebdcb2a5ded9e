"""Each alarm on what the functions write: its condition is caused, and the metric arrives where it looks."""

import json
import shutil
import unittest

from emulation.stack import NAME, REPOSITORY, stack, work


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


class Metrics(unittest.TestCase):
    def test_what_alarms_look_at_is_written(self):
        it = stack()
        it.starrocks.sql(
            "CREATE DATABASE IF NOT EXISTS measured",
            "CREATE TABLE measured.t (k INT) DISTRIBUTED BY HASH(k)",
            "INSERT INTO measured.t VALUES (1)",
        )
        it.cli("group", "add", "measured", "measured.*")
        full = it.succeed(it.start("backup", {"group": "measured", "kind": "full"}))
        label = full["summary"]["databases"][0]["label"]
        [snapshot] = it.starrocks.objects.rglob(f"__ss_{label}")

        # A backup that is nowhere any more.
        shutil.move(snapshot, work() / "gone")
        self.addCleanup(shutil.move, work() / "gone", snapshot)
        error, _ = it.fail(it.start("audit", {}))
        self.assertEqual(error, "VerificationFailed")
        # A repository that is not there, and a group that is expected and does not exist.
        create = it.outputs["create_repository"].strip().rstrip(";")
        it.starrocks.sql(f"DROP REPOSITORY `{REPOSITORY}`")
        self.addCleanup(it.starrocks.sql, create)
        beat = it.beat()
        self.assertIsNotNone(beat["repository_error"])

        found = written()
        alarms = [
            alarm
            for alarm in it.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
            if alarm["Namespace"] == NAME
        ]
        self.assertEqual(
            sorted(alarm["AlarmName"].removeprefix(f"{NAME}-") for alarm in alarms),
            ["disk", "lost", "overdue", "repository", "window"],
        )
        for alarm in alarms:
            dimensions = tuple((one["Name"], one["Value"]) for one in alarm["Dimensions"])
            values = found.get((NAME, alarm["MetricName"], dimensions))
            self.assertTrue(values, f"nothing writes what {alarm['AlarmName']} looks at")
            if alarm["MetricName"] in ("RepositoryErrors", "LostBackups"):
                self.assertGreater(max(values), alarm["Threshold"], alarm["AlarmName"])
        self.assertIn((NAME, "DatabasesBackedUp", (("Group", "measured"),)), found)
        # The other instance's metrics are its own.
        self.assertEqual({namespace for namespace, _, _ in found}, {NAME})
