"""The judge of policies is judged first: rows of policy, request, and what IAM says."""

import unittest

from emulation import policies

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:starrocks-br-AbCdEf"
READ = {"Sid": "Read", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": ARN}
ANY = {**READ, "Action": "secretsmanager:*", "Resource": "*"}
NEVER = {**ANY, "Effect": "Deny"}
GET = "secretsmanager:GetSecretValue"


def policy(*statements):
    return policies.statements({"Version": "2012-10-17", "Statement": list(statements)})


def on(condition, **more):
    return {**READ, "Condition": condition, **more}


class PolicyLanguage(unittest.TestCase):
    def test_what_is_allowed(self):
        for expected, statements, action, resource, context in [
            (True, [READ], GET, ARN, {}),
            (True, [READ], "SecretsManager:getsecretvalue", ARN, {}),
            (False, [], GET, ARN, {}),
            (False, [READ], GET, ARN.lower(), {}),
            (False, [READ], GET, f"{ARN}2", {}),
            (False, [READ], "secretsmanager:PutSecretValue", ARN, {}),
            (True, [ANY], "secretsmanager:PutSecretValue", ARN, {}),
            (False, [ANY], "s3:GetObject", ARN, {}),
            # What is refused stays refused, in whichever order.
            (False, [READ, NEVER], GET, ARN, {}),
            (False, [NEVER, READ], GET, ARN, {}),
            # Lists are "any of".
            (True, [{**READ, "Action": ["a:B", GET], "Resource": ["x", ARN]}], GET, ARN, {}),
            # Wildcards in the middle, over colons, and a question mark.
            (True, [{**READ, "Action": "secretsmanager:Get*Value"}], GET, ARN, {}),
            (True, [{**READ, "Resource": "arn:aws:*:starrocks-br-??????"}], GET, ARN, {}),
            (False, [{**READ, "Resource": "arn:aws:*:starrocks-br-?"}], GET, ARN, {}),
            # A point is a point.
            (False, [{**READ, "Resource": ARN.replace("-", ".")}], GET, ARN, {}),
        ]:
            with self.subTest(statements=statements, action=action, resource=resource):
                self.assertIs(policies.is_allowed(policy(*statements), action, resource, context), expected)

    def test_under_which_conditions(self):
        function = "arn:aws:lambda:us-east-1:123456789012:function:precheck"
        account = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
        arn = lambda pattern: {"ArnEquals": {"lambda:SourceFunctionArn": pattern}}
        for expected, condition, context in [
            (True, account, {"aws:SourceAccount": "123456789012"}),
            (True, account, {"AWS:sourceaccount": "123456789012"}),
            (False, account, {"aws:SourceAccount": "999999999999"}),
            # What the request does not say does not hold.
            (False, account, {}),
            (True, {"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}),
            (False, {"StringEquals": {"k": "a*"}}, {"k": "ab"}),
            (True, {"StringLike": {"k": "a*"}}, {"k": "ab"}),
            # All keys and all operators.
            (False, {"StringEquals": {"k": "a", "l": "b"}}, {"k": "a"}),
            (False, {"StringEquals": {"k": "a"}, "Bool": {"l": "true"}}, {"k": "a", "l": "false"}),
            (True, {"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "False"}),
            (True, arn(function), {"lambda:SourceFunctionArn": function}),
            (True, arn("arn:aws:lambda:*:123456789012:function:*"), {"lambda:SourceFunctionArn": function}),
            (False, arn(f"{function}-2"), {"lambda:SourceFunctionArn": function}),
            # A wildcard does not reach into the next part of an ARN.
            (False, arn("arn:aws:lambda:*:function:precheck"), {"lambda:SourceFunctionArn": function}),
        ]:
            with self.subTest(condition=condition, context=context):
                self.assertIs(policies.is_allowed(policy(on(condition)), GET, ARN, context), expected)

    def test_a_deny_that_does_not_hold_denies_nothing(self):
        never = on({"Bool": {"aws:SecureTransport": "false"}}, Effect="Deny")
        for tls, expected in (("true", True), ("false", False)):
            context = {"aws:SecureTransport": tls}
            self.assertIs(policies.is_allowed(policy(READ, never), GET, ARN, context), expected)

    def test_everybody_may_be_refused(self):
        never = on({"Bool": {"aws:SecureTransport": "false"}}, Effect="Deny", Principal="*")
        context = {"aws:SecureTransport": "false"}
        self.assertIs(policies.is_allowed(policy(READ, never), GET, ARN, context), False)

    def test_services_are_meant_by_name(self):
        trust = policy(
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        )
        for service, expected in (("lambda.amazonaws.com", True), ("ec2.amazonaws.com", False), (None, False)):
            self.assertIs(policies.is_allowed(trust, "sts:AssumeRole", ARN, {}, service), expected)

    def test_what_is_not_understood_is_an_error(self):
        for statement in [
            {**READ, "NotAction": "a:B"},
            {"Effect": "Allow", "Action": GET, "NotResource": ARN},
            {**READ, "Effect": "allow"},
            {**READ, "Principal": "*"},
            {**READ, "Principal": {"AWS": "*"}},
            {**READ, "Resource": "arn:aws:s3:::x/${aws:username}"},
        ]:
            with self.subTest(statement=statement), self.assertRaises(policies.Unknown):
                policy(statement)
        for condition in ({"StringNotEquals": {"k": "a"}}, {"ArnLike": {"k": "*"}}):
            with self.subTest(condition=condition), self.assertRaises(policies.Unknown):
                policies.is_allowed(policy(on(condition)), GET, ARN, {"k": "b"})
        with self.assertRaises(policies.Unknown):
            policies.statements({"Version": "2008-10-17", "Statement": []})

    def test_any_statement_that_is_taken_away_is_missed(self):
        # As infra/iam.tf gives them to a function.
        log = {"Sid": "Logs", "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
               "Resource": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/precheck:*"}
        stream = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/precheck:log-stream:1"
        requests = [(GET, ARN), ("logs:CreateLogStream", stream), ("logs:PutLogEvents", stream)]
        refused = lambda *statements: [
            action for action, resource in requests
            if not policies.is_allowed(policy(*statements), action, resource, {})
        ]
        self.assertEqual(refused(READ, log), [])
        self.assertEqual(refused(log), [GET])
        self.assertEqual(refused(READ), ["logs:CreateLogStream", "logs:PutLogEvents"])
