"""The table of what Step Functions does (tests/asl), on the Step Functions of the emulation: what its
interpreter is known to do otherwise than AWS is said beside each case, and asserted. Besides, it knows no
redrive, and no limit of 25,000 events: those are tested in the interpreter of the command line alone."""

import copy
import io
import json
import pathlib
import time
import unittest
import zipfile

from moto.stepfunctions.responses import StepFunctionResponse

from emulation.aws import ACCOUNT, REGION
from emulation.stack import aws

TABLE = pathlib.Path(__file__).resolve().parent.parent / "asl"
DEFAULTS = json.loads((TABLE / "defaults.json").read_text())
FUNCTION = "scripted"


def cases():
    files = sorted(file for file in TABLE.glob("*.json") if file.name != "defaults.json")
    return [case for file in files for case in json.loads(file.read_text())]


def complete(flow):
    """With what a case leaves out because it is always the same."""
    for state in flow["States"].values():
        if state["Type"] == "Task" and "Resource" not in state:
            for name, value in DEFAULTS["task"].items():
                state.setdefault(name, value)
        for retrier in state.get("Retry", []):
            for name, value in DEFAULTS["retrier"].items():
                retrier.setdefault(name, value)
        if "ItemProcessor" in state:
            complete(state["ItemProcessor"])
    return flow


def words(cause):
    """The function's message: Step Functions puts the whole answer of the function around it, the
    interpreter of the command line does not."""
    try:
        return json.loads(cause)["errorMessage"]
    except (ValueError, KeyError, TypeError):
        return cause


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Error", "Cause"}:
        return {"Error": value["Error"], "Cause": words(value["Cause"])}
    return {name: plain(item) for name, item in value.items()}


def policy(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Script:
    """Answers the calls of one run."""

    def __init__(self, answers):
        self.answers, self.calls = answers, []

    def __call__(self, payload):
        """As LambdaHost.invoke."""
        event = json.loads(payload)
        number = len(self.calls)
        self.calls.append(event)
        [(kind, value)] = self.answers[min(number, len(self.answers) - 1)].items()
        if kind == "raise":
            error = {"errorType": value, "errorMessage": f"scripted {value}"}
            return json.dumps(error), True, ""
        if kind == "late":
            time.sleep(value)
        answer = {
            "return": lambda: value,
            "echo": lambda: {"value": event[value]},
            "text": lambda: {"value": "x" * value},
            "late": lambda: {"value": None},
        }[kind]()
        return json.dumps(answer), False, ""


class States(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.client = aws().client("stepfunctions")
        iam = aws().client("iam")
        services = {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": services}
        role = iam.create_role(RoleName=FUNCTION, AssumeRolePolicyDocument=policy(trust))
        cls.role = role["Role"]["Arn"]
        rights = ["lambda:InvokeFunction", "events:PutEvents", "logs:*"]
        allow = {"Effect": "Allow", "Action": rights, "Resource": "*"}
        iam.put_role_policy(RoleName=FUNCTION, PolicyName="all", PolicyDocument=policy(allow))
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("bootstrap", "never run")
        aws().client("lambda").create_function(
            FunctionName=FUNCTION,
            Runtime="provided.al2023",
            Role=cls.role,
            Handler="bootstrap",
            Code={"ZipFile": package.getvalue()},
        )
        host = aws().lambdas
        invoke = host.invoke

        def scripted(function, payload):
            return cls.script(payload) if function.name == FUNCTION else invoke(function, payload)

        host.invoke = scripted
        cls.addClassCleanup(setattr, host, "invoke", invoke)

    def machine(self, name, definition):
        text = json.dumps(complete(copy.deepcopy(definition)))
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}"
        machine = self.client.create_state_machine(
            name=name, definition=text.replace("${F}", arn), roleArn=self.role
        )
        return machine["stateMachineArn"]

    def execute(self, machine, run):
        """What is found, in the fields of a run."""
        script = Script(run.get("answers", []))
        type(self).script = staticmethod(script)
        aws().idle.clear()
        execution = self.client.start_execution(
            stateMachineArn=machine, input=json.dumps(run.get("input", {}))
        )["executionArn"]
        deadline = time.monotonic() + 30
        while True:
            found = self.client.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                break
            self.assertLess(time.monotonic(), deadline, "it still runs")
            time.sleep(0.01)
        pages = self.client.get_paginator("get_execution_history").paginate(executionArn=execution)
        events = [event for page in pages for event in page["events"]]
        entered = [
            event["stateEnteredEventDetails"]["name"]
            for event in events
            if "stateEnteredEventDetails" in event
        ]
        seen = {"calls": script.calls, "entered": entered, "events": len(events), "idle": sum(aws().idle)}
        if found["status"] == "SUCCEEDED":
            seen["output"] = plain(json.loads(found["output"]))
        else:
            seen["fails"] = {"state": entered[-1], "error": found.get("error")}
        return seen

    def check(self, machine, run):
        expected = {name: value for name, value in run.items() if name not in ("input", "answers")}
        differs = expected.pop("emulation", {})
        if differs:
            self.assertTrue(differs.pop("why"))
            if {"output", "fails"} & set(differs):
                expected.pop("output", None)
                expected.pop("fails", None)
            expected.update(differs)
        # What is sent to the event bus is kept nowhere.
        expected.pop("published", None)
        if "fails" in expected:
            expected["fails"] = {name: expected["fails"][name] for name in ("state", "error")}
        seen = self.execute(machine, run)
        ends = {"output", "fails"}
        found = {name: value for name, value in seen.items() if name in expected or name in ends}
        self.assertEqual(found, expected)

    def test_every_case_of_the_table(self):
        for number, case in enumerate(cases()):
            machine = self.machine(f"case-{number}", case["definition"])
            for run in case["runs"]:
                with self.subTest(case["name"], answers=str(run.get("answers"))[:80]):
                    self.check(machine, run)

    def test_there_is_no_redrive(self):
        self.assertFalse(hasattr(StepFunctionResponse, "redrive_execution"))
