"""What docs/costs.md counts of a month is what is deployed, and its products are right."""

import re
import unittest

from emulation.stack import NAME, stack
from emulation.terraform import INFRA
from test_metrics import documented

DOCUMENT = (INFRA.parent / "docs" / "costs.md").read_text()


def rows():
    """What -> (dollars as text, assumption)."""
    table = DOCUMENT.split("## One month")[1].split("\n## ")[0]
    cells = [line.split("|")[1:4] for line in table.splitlines() if line.startswith("| ")]
    return {what.strip(): (dollars.strip(), said.strip()) for what, dollars, said in cells}


def number(text, pattern):
    """The one that the pattern finds."""
    found = re.search(pattern, text)
    assert found, f"{pattern} is not in: {text}"
    return float(found.group(1).replace(",", ""))


class Costs(unittest.TestCase):
    def setUp(self):
        self.it, self.rows = stack(), rows()

    def dollars(self, what):
        return float(self.rows[what][0].removeprefix("$"))

    def said(self, what, pattern=r"^(\d+)"):
        return number(self.rows[what][1], pattern)

    def test_alarms(self):
        found = self.it.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"]
        self.assertEqual(self.said("alarms"), len(found))
        self.assertAlmostEqual(self.dollars("alarms"), len(found) * self.said("alarms", r"at \$([\d.]+)"))

    def test_metrics(self):
        of_a_group = documented()
        groups, price = sum(of_a_group.values()), self.said("metrics", r"at \$([\d.]+)")
        self.assertEqual(self.said("metrics"), len(of_a_group) + groups)
        self.assertEqual(self.said("metrics", r"all (\d+) of"), len(of_a_group))
        self.assertEqual(self.said("metrics", r"and (\d+) of them"), groups)
        self.assertAlmostEqual(self.dollars("metrics"), (len(of_a_group) + groups) * price)
        self.assertAlmostEqual(self.said("metrics", r"\$([\d.]+) more"), groups * price)

    def test_dashboard_and_queries(self):
        dashboards = self.it.aws.client("cloudwatch").list_dashboards(DashboardNamePrefix=NAME)["DashboardEntries"]
        self.assertEqual(self.said("dashboard"), len(dashboards))
        queries = self.it.aws.client("logs").describe_query_definitions(queryDefinitionNamePrefix=f"{NAME}/")
        self.assertEqual(self.said("saved queries"), len(queries["queryDefinitions"]))

    def test_schedules_and_rules(self):
        schedules = self.it.aws.client("scheduler").list_schedules(GroupName=NAME)["Schedules"]
        self.assertEqual(self.said("schedules"), len(schedules))
        functions = self.it.outputs["function_names"]
        self.assertEqual(self.said("schedules", r"each of the (\d+)"), len(functions))
        rules = [rule["Name"] for rule in self.it.aws.client("events").list_rules(NamePrefix=f"{NAME}-")["Rules"]]
        self.assertIn(f"topic, queue, {len(rules)} event rule", self.rows)

    def test_calls(self):
        # The price of a GB-second stands in the table of one backup.
        price = number(DOCUMENT, r"at \$(0\.0000\d+) for one GB-second")
        for what, function in [("heartbeat", "precheck"), ("weekly audit", "audit-orphans")]:
            name = self.it.outputs["function_names"][function]
            memory = self.it.aws.client("lambda").get_function_configuration(FunctionName=name)["MemorySize"]
            calls, seconds = self.said(what), self.said(what, r", (\d+) s")
            self.assertEqual(self.said(what, r"([\d,]+) MB"), memory)
            used = calls * seconds * memory / 1024
            self.assertEqual(self.said(what, r"(\d+) GB-s"), used)
            self.assertLessEqual(abs(self.dollars(what) - used * price), 0.005, what)
