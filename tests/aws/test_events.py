"""What the state machines tell the event bus, as a consumer gets it."""

import json
import unittest

from emulation.stack import stack
from emulation.tables import create
from emulation.terraform import INFRA


class Events(unittest.TestCase):
    def test_a_consumer_hears_of_each_thing_once(self):
        it = stack()
        self.listen(it)
        create(it.starrocks, "heard")
        it.cli("group", "add", "heard", "heard.*")
        backup = it.start("backup", {"group": "heard", "kind": "full"})
        label = it.succeed(backup)["summary"]["databases"][0]["label"]
        staged = it.start("restore", {"target_label": label})
        promote = it.start("restore-promote", it.succeed(staged)["summary"]["next_input"])
        undo = it.start("restore-promote", it.succeed(promote)["summary"]["next_input"])
        it.succeed(undo)
        it.starrocks.control(
            "cancel", job="backup", database="heard", state="UPLOADING",
            code="COMMON_ERROR", message="no space left",
        )
        failed = it.start("backup", {"group": "heard", "kind": "full"})
        it.fail(failed)

        heard = self.heard(it)
        self.assertEqual(
            [(event["detail-type"], event["detail"]["id"]) for event in heard],
            [
                ("Backup started", f"{backup}/started"),
                ("Backup finished", f"{backup}/finished"),
                ("Restore started", f"{staged}/started"),
                ("Restore verified", f"{staged}/verified"),
                ("Restore finished", f"{staged}/finished"),
                ("Restore started", f"{promote}/started"),
                ("Restore promoted", f"{promote}/promoted"),
                ("Restore finished", f"{promote}/finished"),
                ("Restore started", f"{undo}/started"),
                ("Restore undone", f"{undo}/undone"),
                ("Restore finished", f"{undo}/finished"),
                ("Backup started", f"{failed}/started"),
                ("Backup failed", f"{failed}/failed/0"),
            ],
        )
        self.assertEqual(heard[1]["detail"]["summary"]["databases"][0]["label"], label)
        self.assertEqual(heard[-1]["detail"]["error"], "BackupFailed")
        self.assertIn("no space left", heard[-1]["detail"]["cause"])

    def test_every_input_in_events_is_taken_by_its_machine(self):
        it, started = stack(), {}
        for file in sorted((INFRA.parent / "events" / "executions").glob("*.json")):
            given = json.loads(file.read_text())
            # Other tests have groups, labels and restores; what these files name, nobody has.
            if "group" in given:
                given["group"] = "nobody"
            swaps = {"promote", "undo"} & set(given)
            machine = "backup" if "kind" in given else "restore-promote" if swaps else "restore"
            started[file.name] = it.start(machine, given)
        self.assertGreater(len(started), 10)
        for name, execution in started.items():
            error, message = it.fail(execution)
            self.assertEqual(error, "NotFound", f"{name}: {message}")

    def listen(self, it):
        self.sqs = it.aws.client("sqs")
        self.queue = self.sqs.create_queue(QueueName="listener")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        events = it.aws.client("events")
        events.put_rule(Name="listener", EventPattern=json.dumps({"source": ["starrocks-br"]}))
        target = {"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}
        events.put_targets(Rule="listener", Targets=[target])
        self.addCleanup(events.delete_rule, Name="listener")
        self.addCleanup(events.remove_targets, Rule="listener", Ids=["queue"])

    def heard(self, it):
        """In the order in which they were sent."""
        heard = []
        while True:
            got = self.sqs.receive_message(
                QueueUrl=self.queue, MaxNumberOfMessages=10, AttributeNames=["SentTimestamp"]
            ).get("Messages", [])
            if not got:
                return heard
            for message in got:
                heard.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
