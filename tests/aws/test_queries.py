"""The saved queries ask for fields that the functions' real log lines have.

The emulation does not run CloudWatch Logs Insights: what is held here is the form of each query and the
names in it, and what each filter would find.
"""

import json
import re
import unittest

from emulation.stack import NAME, stack, work
from emulation.tables import create

COMMANDS = {"fields", "filter", "stats", "sort", "limit"}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
SYSTEM = {"@timestamp", "@log", "@message", "@logStream", "@ingestionTime"}
WORDS = {"and", "or", "not", "like", "as", "by", "asc", "desc"}
FUNCTIONS = {"ispresent", "count", "count_distinct", "latest", "max", "avg", "coalesce"}


def flat(line, prefix=""):
    """As Logs Insights names the fields of a JSON line: parts joined by dots."""
    for key, value in line.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def lines():
    """The log lines of all functions, flattened."""
    found = []
    for log in (work() / "logs").glob("*.log"):
        for line in log.read_text().splitlines():
            if line.startswith("{") and not line.startswith('{"_aws"'):
                found.append(dict(flat(json.loads(line))))
    return found


def commands(query):
    text = "\n".join(line for line in query.splitlines() if not line.lstrip().startswith("#"))
    return [part.strip() for part in text.split("|")]


def names(query):
    """The names in a query that are neither of its language nor made by itself."""
    text = re.sub(r"/[^/\n]*/", " ", " | ".join(commands(query)))
    made = set(re.findall(r"\bas (\w+)", text))
    called = set(re.findall(r"(\w+)\(", text))
    assert called <= FUNCTIONS, called
    words = set(re.findall(r"@?[A-Za-z_][\w.]*", text))
    return words - made - called - COMMANDS - WORDS


class Queries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """What fills the logs: a backup, an overlay that is promoted, a failure, a slow statement."""
        it = stack()
        create(it.starrocks, "asked")
        it.cli("group", "add", "asked", "asked.*")
        it.starrocks.control("delay", contains="BACKUP SNAPSHOT `asked`", millis=1100, times=1)
        cls.execution = it.start("backup", {"group": "asked", "kind": "full"})
        it.succeed(cls.execution)
        it.starrocks.sql("INSERT INTO asked.orders VALUES (1000, '2026-02-03', 'after the full')")
        incremental = it.succeed(it.start("backup", {"group": "asked", "kind": "incremental"}))
        it.restore(target_label=incremental["summary"]["databases"][0]["label"])
        cls.failed = it.start("backup", {"group": "nobody", "kind": "full"})
        it.fail(cls.failed)
        cls.lines = lines()
        found = it.aws.client("logs").describe_query_definitions(queryDefinitionNamePrefix=f"{NAME}/")
        cls.queries = {
            query["name"].removeprefix(f"{NAME}/"): query for query in found["queryDefinitions"]
        }

    def test_each_is_there_and_asks_the_logs_of_the_functions(self):
        self.assertEqual(sorted(self.queries), ["audit", "execution", "failures", "slowest"])
        groups = {
            group["logGroupName"]
            for group in stack().aws.client("logs").describe_log_groups(
                logGroupNamePrefix=f"/aws/lambda/{NAME}-"
            )["logGroups"]
        }
        self.assertEqual(len(groups), 6)
        for query in self.queries.values():
            self.assertEqual(set(query["logGroupNames"]), groups, query["name"])
            self.assertTrue(query["queryString"].startswith("# "), "its first line says what it is for")
            for command in commands(query["queryString"]):
                self.assertIn(command.split()[0], COMMANDS, query["name"])

    def test_every_name_in_them_is_a_field_of_a_real_line(self):
        known = SYSTEM | {field for line in self.lines for field in line}
        for name, query in self.queries.items():
            asked = names(query["queryString"])
            self.assertGreater(len(asked), 2, name)
            self.assertEqual(asked - known, set(), name)

    def test_lines_of_the_audit_have_all_its_fields(self):
        asked = names(self.queries["audit"]["queryString"]) - SYSTEM
        found = [line for line in self.lines if "audit" in line]
        for line in found:
            self.assertEqual(asked - set(line), set(), line)
        done = {(line["audit"], line["outcome"]) for line in found}
        for action in ("backup", "restore", "promote", "delete"):
            self.assertLessEqual({(action, "started"), (action, "done")}, done)
        self.assertIn(("backup", "refused"), done)
        requested = [line for line in found if line["outcome"] == "requested"]
        self.assertEqual({line["who"] for line in found if line not in requested}, {"CloudTrail"})
        by = {(line["audit"], line["who"].rpartition("/")[2]) for line in requested}
        self.assertLessEqual({("backup", f"{NAME}-machine-backup"), ("restore", f"{NAME}-machine-restore")}, by)
        for line in requested:
            self.assertIsInstance(json.loads(line["object"]), dict, "the execution's input")

    def test_a_failure_is_found_by_name_once(self):
        failed = [
            line
            for line in self.lines
            if "error_name" in line and "audit" not in line and line["span.execution"] == self.failed
        ]
        self.assertEqual([line["error_name"] for line in failed], ["NotFound"])
        self.assertIn("nobody", failed[0]["detail"])

    def test_an_execution_is_found_in_every_function_that_worked_for_it(self):
        own = self.execution.rsplit(":", 1)[1]
        found = [line for line in self.lines if own in line.get("span.execution", "")]
        messages = {line["message"] for line in found}
        self.assertLessEqual({"backup started", "backup submitted", "backup done"}, messages)

    def test_what_took_long_is_there(self):
        slow = [line for line in self.lines if "milliseconds" in line]
        self.assertIn("BACKUP", {line.get("statement") for line in slow})
        self.assertTrue(any("step.kind" in line for line in slow))
        for line in slow:
            self.assertIsInstance(line["milliseconds"], int)
            self.assertTrue("statement" in line or "step.kind" in line, line)
