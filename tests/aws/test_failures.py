"""What goes wrong on AWS, each with what is there afterwards: data, or the error that the execution names."""

import concurrent.futures
import unittest

from emulation.stack import NAME, stack
from emulation.tables import content, create


def databases(event):
    """Those that an invocation concerns."""
    jobs = event.get("jobs") or []
    return {event.get("database"), *(job["database"] for job in jobs)}


class Failures(unittest.TestCase):
    def setUp(self):
        self.it = stack()
        self.starrocks = self.it.starrocks
        self.addCleanup(self.starrocks.control, "clear_faults")
        self.threads = concurrent.futures.ThreadPoolExecutor()
        self.addCleanup(self.threads.shutdown)

    def group(self, group, *databases):
        """A group of fresh databases."""
        for database in databases:
            create(self.starrocks, database)
        self.it.cli("group", "add", group, *(f"{database}.*" for database in databases))

    def back_up(self, group):
        return self.it.start("backup", {"group": group, "kind": "full"})

    def hold(self, database):
        self.starrocks.control("hold", job="backup", database=database, state="UPLOADING")

    def release(self, database):
        self.starrocks.control("release", job="backup", database=database, state="UPLOADING")

    def calls(self, function, database):
        """(kind, answer) of the function's calls that concern the database."""
        return [
            (kind, answer)
            for name, event, kind, answer in self.it.aws.lambdas.calls
            if name == f"{NAME}-{function}" and database in databases(event)
        ]

    def kinds(self, function, database):
        return [(kind, answer.get("errorType")) for kind, answer in self.calls(function, database)]

    def kill_at(self, function, text):
        """Kills the function while it waits for the answer to the next such statement; how many."""
        before = len(self.starrocks.sent(text))

        def kill():
            self.it.until(lambda: len(self.starrocks.sent(text)) > before)
            return self.it.aws.lambdas.kill_busy(f"{NAME}-{function}")

        return self.threads.submit(kill)

    def is_running(self, database):
        jobs = self.starrocks.sql(f"SHOW BACKUP FROM {database}")
        return any(job[3] == "UPLOADING" for job in jobs)

    def history(self, database):
        """(label, status), oldest first."""
        return self.starrocks.sql(
            "SELECT label, status FROM ops.backup_history"
            f" WHERE label LIKE '{database}%' ORDER BY label"
        )

    def assert_restorable(self, label, database):
        copy = f"{database}_copy"
        self.it.restore(target_label=label, into_database=copy)
        self.assertEqual(content(self.starrocks, copy), content(self.starrocks, database))

    def label(self, output):
        return output["summary"]["databases"][0]["label"]

    def test_a_frontend_that_is_away_during_the_upload_is_waited_for(self):
        self.group("away", "away")
        self.hold("away")
        execution = self.back_up("away")
        self.it.until(lambda: self.is_running("away"))
        self.starrocks.control("refuse_connections", refuse=True)
        self.addCleanup(self.starrocks.control, "refuse_connections", refuse=False)
        self.it.until(lambda: self.kinds("poll-status", "away").count(("error", "Unreachable")) >= 3)
        self.starrocks.control("refuse_connections", refuse=False)
        self.release("away")
        output = self.it.succeed(execution)
        self.assert_restorable(self.label(output), "away")

    def test_a_second_execution_waits_and_then_gives_way(self):
        self.group("busy", "busy")
        self.hold("busy")
        first = self.back_up("busy")
        self.it.until(lambda: self.is_running("busy"))
        error, message = self.it.fail(self.back_up("busy"))
        self.assertEqual(error, "JobConflict")
        self.assertIn(f"is held by execution {first}", message)
        # The second's first call and the eight of the machine's Retry.
        self.assertEqual(self.kinds("start-backup", "busy").count(("error", "JobConflict")), 9)
        self.assertEqual(len(self.starrocks.sent("BACKUP SNAPSHOT `busy`")), 1)
        self.release("busy")
        output = self.it.succeed(first)
        self.assert_restorable(self.label(output), "busy")

    def test_what_starrocks_cancelled_is_told_in_its_words(self):
        self.group("cancelled", "cancelled")
        self.starrocks.control(
            "cancel", job="backup", database="cancelled", state="UPLOADING",
            code="COMMON_ERROR", message="the backend has lost its disk",
        )
        error, message = self.it.fail(self.back_up("cancelled"))
        self.assertEqual(error, "BackupFailed")
        self.assertIn("[COMMON_ERROR, msg: the backend has lost its disk]", message)
        [(_, status)] = self.history("cancelled")
        self.assertEqual(status, "CANCELLED")
        # The database is free again.
        self.assert_restorable(self.label(self.it.succeed(self.back_up("cancelled"))), "cancelled")

    def test_a_cancel_that_may_pass_is_tried_once_more(self):
        self.group("merged", "merged")
        self.starrocks.control(
            "cancel", job="backup", database="merged", state="UPLOADING",
            code="OLAP_VERSION_ALREADY_MERGED", message="version already merged",
        )
        output = self.it.succeed(self.back_up("merged"))
        first, second = self.history("merged")
        self.assertEqual((first[1], second), ("CANCELLED", (f"{first[0]}_r1", "FINISHED")))
        self.assert_restorable(self.label(output), "merged")

    def test_one_database_fails_and_the_other_is_kept(self):
        self.group("pair", "pair_bad", "pair_good")
        self.starrocks.control(
            "cancel", job="backup", database="pair_bad", state="UPLOADING",
            code="COMMON_ERROR", message="no space left",
        )
        error, message = self.it.fail(self.back_up("pair"))
        self.assertEqual(error, "BackupFailed")
        self.assertIn("pair_bad", message)
        [(label, status)] = self.history("pair_good")
        self.assertEqual(status, "FINISHED")
        self.assert_restorable(label, "pair_good")

    def test_a_function_that_is_killed_when_backup_was_accepted_does_not_send_it_again(self):
        self.killed("accepted", at="'SUBMITTED'")
        self.assertEqual(len(self.starrocks.sent("BACKUP SNAPSHOT `accepted`")), 1)

    def test_a_function_that_is_killed_while_backup_is_on_its_way_ends_with_one_backup(self):
        self.killed("on_its_way", at="BACKUP SNAPSHOT `on_its_way`")

    def killed(self, database, at):
        """Killed while it waits for the answer to the statement."""
        self.group(database, database)
        self.starrocks.control("delay", contains=at, millis=1500, times=1)
        killed = self.kill_at("start-backup", at)
        output = self.it.succeed(self.back_up(database))
        self.assertEqual(killed.result(), 1)
        self.assertIn(("crash", "Runtime.ExitError"), self.kinds("start-backup", database))
        self.assertEqual([status for _, status in self.history(database)], ["FINISHED"])
        self.assert_restorable(self.label(output), database)

    def test_a_function_that_runs_out_of_time_goes_on_where_it_was(self):
        self.group("late", "late")
        self.starrocks.control("delay", contains="BACKUP SNAPSHOT `late`", millis=4000, times=1)
        self.it.aws.lambdas.shorter_timeouts[f"{NAME}-start-backup"] = 2
        output = self.it.succeed(self.back_up("late"))
        self.assertIn(("timeout", "Sandbox.Timedout"), self.kinds("start-backup", "late"))
        self.assert_restorable(self.label(output), "late")

    def test_a_restore_that_is_killed_goes_on(self):
        self.group("mended", "mended")
        label = self.label(self.it.succeed(self.back_up("mended")))
        self.starrocks.control("delay", contains="RESTORE SNAPSHOT", millis=1500, times=1)
        killed = self.kill_at("restore", "RESTORE SNAPSHOT")
        self.assert_restorable(label, "mended")
        self.assertEqual(killed.result(), 1)
        # The late one was waited for.
        self.assertEqual(len(self.starrocks.sent("RESTORE SNAPSHOT `mended_copy`")), 1)

    def stop(self, group):
        """An execution that a person stops while StarRocks uploads."""
        self.group(group, group)
        self.hold(group)
        execution = self.back_up(group)
        self.it.until(lambda: self.is_running(group))
        self.it.aws.client("stepfunctions").stop_execution(executionArn=execution)
        self.assertEqual(self.it.wait(execution)["status"], "ABORTED")
        return execution

    def finish_upload(self, database):
        self.release(database)
        finished = lambda: self.starrocks.sql(f"SHOW BACKUP FROM {database}")[0][3] == "FINISHED"
        self.it.until(finished)

    def seconds_held(self, database):
        [(seconds,)] = self.starrocks.sql(
            "SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), expires_at) FROM ops.run_status"
            f" WHERE scope = 'lease' AND database_name = '{database}' ORDER BY generation DESC LIMIT 1"
        )
        return seconds

    def let_time_pass(self, database):
        """As if its lease had run out."""
        self.starrocks.sql(
            "UPDATE ops.run_status SET expires_at = '2020-01-01 00:00:00'"
            f" WHERE scope = 'lease' AND database_name = '{database}'"
        )

    def test_what_a_stopped_execution_left_running_is_the_next_ones_within_two_minutes(self):
        execution = self.stop("halted")
        [(told, found)] = self.it.tell_of_end(execution)
        self.assertEqual((told["operation"], told["arn"]), ("reconcile", execution))
        [label] = found["labels"]
        self.assertEqual((label["status"], label["left"]), ("RUNNING", "running"))
        [database] = found["databases"]
        self.assertEqual(database["state"], "given_back")
        self.assertIn(self.seconds_held("halted"), range(60, 121))
        self.let_time_pass("halted")
        # Adopted while it is still uploading.
        following = self.back_up("halted")
        self.it.until(lambda: len(self.calls("poll-status", "halted")) > 2)
        self.finish_upload("halted")
        output = self.it.succeed(following)
        self.assertEqual(self.label(output), label["label"])
        self.assertEqual(self.history("halted"), [(label["label"], "FINISHED")])
        self.assertEqual(len(self.starrocks.sent("BACKUP SNAPSHOT `halted`")), 1)
        self.assertEqual(self.starrocks.sent("CANCEL BACKUP FROM `halted`"), [])
        self.assert_restorable(label["label"], "halted")
        # A success is nobody's business.
        self.assertEqual(self.it.tell_of_end(following), [])

    def test_what_a_stopped_execution_had_finished_is_recorded_when_that_is_told(self):
        execution = self.stop("ended")
        self.finish_upload("ended")
        [(_, found)] = self.it.tell_of_end(execution)
        [label] = found["labels"]
        self.assertEqual((label["status"], label["left"]), ("FINISHED", None))
        self.assertEqual(self.history("ended"), [(label["label"], "FINISHED")])
        self.assertIn(self.seconds_held("ended"), range(60, 121))
        # Told again, it finds nothing to do.
        [(_, again)] = self.it.tell_of_end(execution)
        self.assertEqual(again["labels"], [])
        self.assert_restorable(label["label"], "ended")

    def test_a_failed_execution_leaves_nothing_to_reconcile(self):
        self.group("failed", "failed")
        self.starrocks.control(
            "cancel", job="backup", database="failed", state="UPLOADING",
            code="COMMON_ERROR", message="no space left",
        )
        execution = self.back_up("failed")
        self.it.fail(execution)
        [(told, found)] = self.it.tell_of_end(execution)
        self.assertEqual(told["status"], "FAILED")
        self.assertEqual((found["labels"], found["databases"]), ([], []))

    def test_what_a_stopped_execution_had_begun_is_recorded_by_the_next(self):
        # Nobody was told: the event is lost.
        self.stop("stopped")
        self.finish_upload("stopped")
        self.assertEqual(self.calls("record-history", "stopped"), [])
        self.let_time_pass("stopped")
        # The same work of the same day is taken over, not done again.
        label = self.label(self.it.succeed(self.back_up("stopped")))
        self.assertEqual(self.history("stopped"), [(label, "FINISHED")])
        self.assertEqual(len(self.starrocks.sent("BACKUP SNAPSHOT `stopped`")), 1)
        self.assert_restorable(label, "stopped")

    def test_two_starts_by_hand_never_back_up_at_the_same_time(self):
        # The second one waits for the first, and gives way or backs up again.
        self.group("twice", "twice")
        ends = [self.it.wait(execution) for execution in [self.back_up("twice"), self.back_up("twice")]]
        self.assertLessEqual({end.get("error") for end in ends}, {None, "JobConflict"})
        history = self.history("twice")
        self.assertEqual({status for _, status in history}, {"FINISHED"})
        self.assertEqual(len(history), sum(end["status"] == "SUCCEEDED" for end in ends))
        self.assert_restorable(history[0][0], "twice")
