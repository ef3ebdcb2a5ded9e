"""Rights equal use: what the roles ask for is allowed by what Terraform gave them, and what they were given
was asked for. tests/aws/run runs it last, so that it sees what every other test did."""

import datetime
import json
import unittest

import pymysql

from emulation.policies import is_allowed, statements
from emulation.stack import ACCOUNT, BUCKET, NAME, NODES, OTHER, REGION, stack

# Sid -> who asks for it on AWS, where the emulation has nobody.
NOT_ASKED_HERE = {
    # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
    "LogDelivery": "Step Functions, when a machine that writes a log is made",
}


def arn(service, resource, account=ACCOUNT):
    return f"arn:aws:{service}:{REGION}:{account}:{resource}"


class RightsEqualUse(unittest.TestCase):
    def setUp(self):
        self.it = stack()
        self.identities = self.it.aws.identities

    def roles(self):
        """Those of the first instance."""
        roles = self.it.aws.client("iam").list_roles()["Roles"]
        return sorted(name for role in roles if (name := role["RoleName"]).startswith(f"{NAME}-"))

    def unused(self):
        return [
            (role, action, resource)
            for role in self.roles()
            for sid, action, resource in self.identities.unused(role)
            if sid not in NOT_ASKED_HERE
        ]

    def test_every_right_is_used_and_every_request_is_allowed(self):
        self.give_up_a_start()
        if self.unused():
            # Run alone: nobody else has done anything.
            work(self.it)
        self.assertEqual(self.unused(), [])
        self.assertLessEqual(set(self.roles()), {role for role, _, _ in self.identities.made})
        self.assertEqual(self.identities.refused, [])

    def test_every_exception_is_one(self):
        found = {statement.sid for role in self.roles() for statement in self.identities.statements(role)}
        self.assertLessEqual(set(NOT_ASKED_HERE), found)

    def test_a_right_that_nobody_uses_is_noticed(self):
        iam, role = self.it.aws.client("iam"), f"{NAME}-machine-audit"
        more = {"Sid": "More", "Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [more]})
        iam.put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=document)
        try:
            self.assertIn((role, "events:PutEvents", "*"), self.unused())
        finally:
            iam.delete_role_policy(RoleName=role, PolicyName="more")

    def without(self, sid, role, name):
        """Takes the statement away; gives what puts it back."""
        iam = self.it.aws.client("iam")
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        rest = [statement for statement in document["Statement"] if statement["Sid"] != sid]
        self.assertEqual(len(rest) + 1, len(document["Statement"]))

        def put(statements):
            changed = json.dumps({**document, "Statement": statements})
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=changed)

        put(rest)
        return lambda: put(document["Statement"])

    def refused(self):
        """Those so far. They were expected, so nobody is to wonder about them later."""
        found, self.identities.refused = self.identities.refused, []
        return found

    def give_up_a_start(self):
        """What Scheduler may not start is kept, as somebody needs it who starts it by hand."""
        put_back = self.without("Start", f"{NAME}-scheduler", "scheduler")
        try:
            self.assertIsNone(self.it.fire("nightly", at=datetime.datetime(2026, 11, 2, 4, 15)))
        finally:
            put_back()
        machine = self.it.outputs["state_machine_arns"]["backup"]
        self.assertEqual(self.refused(), [(f"{NAME}-scheduler", "states:StartExecution", machine)])
        [kept] = self.it.given_up()
        self.assertEqual(kept["scheduled_at"], "2026-11-02T04:15:00Z")

    def test_a_function_without_its_right_is_refused_the_secret(self):
        role = f"{NAME}-audit-orphans"
        put_back = self.without("Secret", role, "function")
        try:
            self.it.aws.lambdas.forget_warm()
            answer = self.it.aws.client("lambda").invoke(FunctionName=role, Payload=b"{}")
        finally:
            put_back()
            self.it.aws.lambdas.forget_warm()
        self.assertIn("FunctionError", answer)
        message = json.loads(answer["Payload"].read())["errorMessage"]
        self.assertIn("not authorized to perform secretsmanager:GetSecretValue", message)
        secret = (role, "secretsmanager:GetSecretValue", self.it.secret_arn)
        self.assertEqual(set(self.refused()), {secret})

    def test_a_role_is_given_to_whom_it_is_meant_for(self):
        group, machine = f"schedule-group/{NAME}", f"stateMachine:{NAME}-restore"
        for expected, role, service, source in [
            (True, "precheck", "lambda", arn("lambda", f"function:{NAME}-precheck")),
            (False, "precheck", "lambda", arn("lambda", f"function:{NAME}-precheck", "999999999999")),
            (False, "precheck", "states", arn("states", machine)),
            (True, "scheduler", "scheduler", arn("scheduler", group)),
            (False, "scheduler", "scheduler", arn("scheduler", "schedule-group/default")),
            (False, "scheduler", "scheduler", arn("scheduler", group, "999999999999")),
            (True, "machine-restore", "states", arn("states", machine)),
            (False, "machine-restore", "states", arn("states", f"{machine}-promote")),
            (False, "machine-restore", "states", arn("states", f"stateMachine:{OTHER}-restore")),
            (False, "machine-restore", "states", arn("states", machine, "999999999999")),
        ]:
            with self.subTest(role=role, service=service, source=source):
                self.assertIs(self.identities.trusts(f"{NAME}-{role}", service, source), expected)

    def test_the_nodes_reach_their_prefix_and_no_version(self):
        # More than the nodes ask for here: see the next test.
        iam = self.it.aws.client("iam")
        policy = f"arn:aws:iam::{ACCOUNT}:policy/{NAME}-repository"
        version = iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=policy, VersionId=version)["PolicyVersion"]["Document"]
        bucket = f"arn:aws:s3:::{BUCKET}"
        for expected, resource, actions in [
            (True, bucket, "ListBucket ListBucketMultipartUploads"),
            (True, f"{bucket}/starrocks/x/y", "GetObject PutObject DeleteObject AbortMultipartUpload"),
            (False, f"{bucket}/other/x", "GetObject PutObject DeleteObject"),
            (False, f"{bucket}-2/starrocks/x", "GetObject PutObject DeleteObject"),
            (False, f"{bucket}/starrocks/x", "DeleteObjectVersion BypassGovernanceRetention PutObjectRetention"),
            (False, bucket, "PutLifecycleConfiguration PutBucketVersioning PutBucketPolicy DeleteBucket"),
        ]:
            for action in actions.split():
                with self.subTest(action=action, resource=resource):
                    allowed = is_allowed(statements(document), f"s3:{action}", resource, {})
                    self.assertIs(allowed, expected)

    def test_the_nodes_use_what_they_have(self):
        if not any(role == NODES for role, _, _ in self.identities.made):
            work(self.it)
        unused = [action for _, action, resource in self.identities.unused(NODES) if BUCKET in resource]
        # For objects that are uploaded in parts, and the first request of a client that knows no region.
        self.assertEqual(
            sorted(unused),
            ["s3:AbortMultipartUpload", "s3:GetBucketLocation"]
            + ["s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts"],
        )

    def test_the_nodes_are_refused_what_is_not_in_their_prefix(self):
        elsewhere = self.it.create_repository().replace('/starrocks"', '/elsewhere"').replace("`backups`", "`other`")
        with self.assertRaisesRegex(pymysql.MySQLError, "Status Code: 403"):
            self.it.starrocks.sql(elsewhere)
        key = "elsewhere/__starrocks_repository_other/__repo_info"
        self.assertEqual(self.refused(), [(NODES, "s3:PutObject", f"arn:aws:s3:::{BUCKET}/{key}")])


def work(it):
    """A day: what schedules start, a backup, its restore, and a failure that cannot be cleared up."""
    it.starrocks.sql(
        "CREATE DATABASE rights",
        "CREATE TABLE rights.t (k INT) DISTRIBUTED BY HASH(k)",
        "INSERT INTO rights.t VALUES (1)",
    )
    it.cli("group", "add", "rights", "rights.*")
    now = datetime.datetime.now(datetime.timezone.utc)
    # Nobody has a group of that name.
    failed = it.fire("nightly", at=now)
    it.wait(failed)
    it.starrocks.control("refuse_connections", refuse=True)
    it.tell_of_end(failed)
    it.starrocks.control("refuse_connections", refuse=False)
    it.given_up()
    full = it.succeed(it.start("backup", {"group": "rights", "kind": "full"}))
    it.restore(target_label=full["summary"]["databases"][0]["label"], into_database="rights_copy")
    it.succeed(it.fire("audit", at=now))
    it.beat()
