"""One AWS with one StarRocks for all tests of a run, and one instance of infra/examples/complete on it."""

import atexit
import concurrent.futures
import contextlib
import functools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import botocore.exceptions

from . import events
from .aws import ACCOUNT, REGION, Aws
from .starrocks import PASSWORD, StarRocks
from .terraform import Terraform

TARGET = pathlib.Path(os.environ["TESTS_TARGET"])
PACKAGES = TARGET / "aws" / "packages"
EXAMPLE = "examples/complete"
NAME = "starrocks-br"
OTHER = "other-br"
BUCKET = f"{NAME}-{ACCOUNT}-{REGION}"
REPOSITORY = "backups"
# The role that the StarRocks nodes have by their instance profile.
NODES = "starrocks-nodes"
# A minute of waiting takes 0.6 seconds.
TIME_SCALE = 0.01
# Longer than any execution here; a hang is a failure.
EXECUTION_SECONDS = 180


@functools.cache
def work():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="starrocks-br-aws-"))
    if not os.environ.get("TESTS_KEEP"):
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def aws():
    aws = Aws(work(), TIME_SCALE)
    atexit.register(aws.close)
    return aws


def nodes(aws):
    """What the nodes find on their machines: the keys of their role, and whom to trust."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam").create_role(RoleName=NODES, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    machine = aws.identities.arn("ec2", "instance/i-1")
    return {
        "AWS_ACCESS_KEY_ID": aws.identities.assume(role, "ec2", machine),
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CA_BUNDLE": str(aws.authority),
    }


def variables(secret_arn, name):
    return {
        "region": REGION,
        "name_prefix": name,
        "secret_arn": secret_arn,
        "packages": str(PACKAGES),
        "architecture": os.environ["TESTS_ARCHITECTURE"],
        "databases": ["sales", "crm"],
        "starrocks_role_names": [NODES],
    }


class Stack:
    """Deployed, and ready as the README says: repository, ops tables, and nothing in them."""

    def __init__(self):
        self.aws = aws()
        # Objects are refused without TLS.
        self.s3 = self.aws.client("s3", secure=True)
        binary = TARGET / "debug" / "starrocks-emulator-s3"
        self.starrocks = StarRocks(binary, work(), environment=nodes(self.aws))
        secrets = self.aws.client("secretsmanager")
        self.secret_arns = {
            name: secrets.create_secret(Name=name, SecretString=self.credentials())["ARN"]
            for name in (NAME, OTHER)
        }
        self.secret_arn = self.secret_arns[NAME]
        # A second instance in the same account, at the same time: most of an apply is waiting.
        threads = concurrent.futures.ThreadPoolExecutor()
        self.other = threads.submit(self.deploy, OTHER)
        self.terraform = self.deploy(NAME)
        self.outputs = self.terraform.outputs()
        self.starrocks.sql(self.create_repository())
        self.cli("init")

    def deploy(self, name):
        terraform = Terraform(work() / name, EXAMPLE, self.aws.endpoint)
        terraform.init()
        terraform.apply(**variables(self.secret_arns[name], name))
        return terraform

    def create_repository(self, outputs=None):
        """As the module prints it, with the emulation for AWS's own endpoint."""
        printed = (outputs or self.outputs)["create_repository"].strip().rstrip(";")
        endpoint = f"https://s3.{REGION}.amazonaws.com"
        assert endpoint in printed, printed
        return printed.replace(endpoint, self.aws.secure_endpoint)

    @contextlib.contextmanager
    def without(self, label):
        """While this lasts, nothing of the label is in the bucket."""
        keys = self.keys(f"/__ss_{label}/")
        assert keys, label
        bodies = {key: self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}
        for key in keys:
            self.s3.delete_object(Bucket=BUCKET, Key=key)
        try:
            yield
        finally:
            for key, body in bodies.items():
                self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def keys(self, part):
        """Of the objects in the bucket whose key has this in it."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        found = [one["Key"] for page in pages for one in page.get("Contents", [])]
        return [key for key in found if part in key]

    def credentials(self, user="root", password=PASSWORD):
        return json.dumps(
            {"host": "127.0.0.1", "port": self.starrocks.port, "username": user, "password": password}
        )

    def use(self, user, password):
        """The functions connect as this user from now on."""
        secrets = self.aws.client("secretsmanager")
        secrets.put_secret_value(SecretId=self.secret_arn, SecretString=self.credentials(user, password))
        self.aws.lambdas.forget_warm()

    def cli(self, *arguments):
        done = subprocess.run(
            [TARGET / "debug" / "starrocks-br", *arguments],
            env={
                "PATH": os.environ["PATH"],
                "STARROCKS_HOST": f"127.0.0.1:{self.starrocks.port}",
                "STARROCKS_USER": "root",
                "STARROCKS_PASSWORD": PASSWORD,
                "STARROCKS_REPOSITORY": REPOSITORY,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, machine, input):
        """The ARN of the execution. `input` is text or what becomes JSON."""
        text = input if isinstance(input, str) else json.dumps(input)
        arn = self.outputs["state_machine_arns"].get(machine, machine)
        client = self.aws.client("stepfunctions")
        return client.start_execution(stateMachineArn=arn, input=text)["executionArn"]

    def fire(self, schedule, at):
        """What EventBridge Scheduler does when a schedule is due: starts its own target with its own
        input, in which it has put the time, as the role that it was given. What it may not start goes to
        the schedule's queue, and nothing is returned."""
        target = self.target(schedule)
        text = target["Input"].replace("<aws.scheduler.scheduled-time>", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
        try:
            client = self.as_scheduler("stepfunctions", target)
            return client.start_execution(stateMachineArn=target["Arn"], input=text)["executionArn"]
        except botocore.exceptions.ClientError as error:
            queue = target["DeadLetterConfig"]["Arn"].rpartition(":")[2]
            sqs = self.as_scheduler("sqs", target)
            sqs.send_message(
                QueueUrl=sqs.meta.endpoint_url + f"/{ACCOUNT}/{queue}",
                MessageBody=text,
                MessageAttributes={
                    "ERROR_CODE": {"DataType": "String", "StringValue": error.response["Error"]["Code"]}
                },
            )

    def target(self, schedule):
        return self.aws.client("scheduler").get_schedule(GroupName=NAME, Name=schedule)["Target"]

    def as_scheduler(self, service, target):
        group = self.aws.client("scheduler").get_schedule_group(Name=NAME)["Arn"]
        return self.aws.client(service, self.aws.identities.assume(target["RoleArn"], "scheduler", group))

    def beat(self, **changes):
        """What it does once an hour: the answer of the heartbeat. `changes`: to its input."""
        target = self.target("heartbeat")
        function, _, version = target["Arn"].rpartition(":")
        answer = self.as_scheduler("lambda", target).invoke(
            FunctionName=function,
            Qualifier=version,
            Payload=json.dumps(json.loads(target["Input"]) | changes).encode(),
        )
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    def tell_of_end(self, execution):
        """What EventBridge does when an execution has ended: calls what the module's rules say. What the
        functions were told and what they answered."""
        found = self.aws.client("stepfunctions").describe_execution(executionArn=execution)
        return events.deliver(self.aws, events.status_change(found, ACCOUNT, REGION))

    def given_up(self):
        """The messages in the queue of what could not be started or reconciled, which is empty then."""
        sqs, queue, found = self.aws.client("sqs"), self.outputs["not_started_queue_url"], []
        while got := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in got:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def restore(self, **input):
        """Staged and verified by one machine, then swapped in by the other one, with the input that the
        first one gives."""
        staged = self.succeed(self.start("restore", input))
        return self.succeed(self.start("restore-promote", staged["summary"]["next_input"]))

    @staticmethod
    def until(is_so, seconds=60):
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.02)

    def wait(self, execution):
        """How it ended, as DescribeExecution says."""
        client = self.aws.client("stepfunctions")
        deadline = time.monotonic() + EXECUTION_SECONDS
        while time.monotonic() < deadline:
            found = client.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.1)
        raise AssertionError(f"{execution} still runs: {self.events(execution)[-3:]}")

    def succeed(self, execution):
        """Its output."""
        found = self.wait(execution)
        assert found["status"] == "SUCCEEDED", (found["status"], found.get("error"), found.get("cause"))
        return json.loads(found["output"])

    def fail(self, execution):
        """The error that it ended with, and its message."""
        found = self.wait(execution)
        assert found["status"] == "FAILED", (found["status"], found.get("output"))
        cause = found.get("cause") or ""
        try:
            cause = json.loads(cause)["errorMessage"]
        except (ValueError, KeyError, TypeError):
            pass
        return found.get("error"), cause

    def events(self, execution):
        return self.aws.client("stepfunctions").get_execution_history(executionArn=execution)["events"]

    def close(self):
        self.starrocks.close()


@functools.cache
def stack():
    stack = Stack()
    atexit.register(stack.close)
    return stack
