"""EventBridge, as far as moto leaves it out: events of other services do not come about there, and no rule
calls a function. Here a test says when an event is delivered, and what is deployed decides the rest: the
rules' patterns, their targets' input, and whether the function lets the rule call it."""

import datetime
import json
import re
import uuid


def status_change(found, account, region):
    """What Step Functions tell of an execution, from DescribeExecution.
    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html"""
    millis = lambda time: int(time.timestamp() * 1000)
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": account,
        "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [found["executionArn"]],
        "detail": {
            "executionArn": found["executionArn"],
            "stateMachineArn": found["stateMachineArn"],
            "name": found["name"],
            "status": found["status"],
            "startDate": millis(found["startDate"]),
            "stopDate": millis(found["stopDate"]),
            "input": found["input"],
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": None,
            "error": found.get("error"),
            "cause": found.get("cause"),
        },
    }


def matches(pattern, event):
    """Literal values only, which is all that the module's pattern has: anything else is an error.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html"""
    for key, wanted in pattern.items():
        if isinstance(wanted, dict):
            if not isinstance(event.get(key), dict) or not matches(wanted, event[key]):
                return False
            continue
        assert all(isinstance(one, str) for one in wanted), f"a filter that is not interpreted: {wanted}"
        if event.get(key) not in wanted:
            return False
    return True


def transformed(transformer, event):
    """A text is put in as it is between quotes, and with quotes of its own elsewhere.
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html"""

    def value(name):
        found = event
        for step in transformer["InputPathsMap"][name].removeprefix("$.").split("."):
            found = found[step]
        return found

    def put_in(found):
        before, name, after = found.groups()
        text = value(name)
        if before and after:
            return f'"{text}"'
        return before + json.dumps(text) + after

    return re.sub(r'("?)<([A-Za-z0-9_-]+)>("?)', put_in, transformer["InputTemplate"])


def deliver(client, event):
    """Calls the function of every rule that matches; (payload, answer) of each."""
    events, functions = client("events"), client("lambda")
    delivered = []
    for rule in events.list_rules()["Rules"]:
        pattern = rule.get("EventPattern")
        if not pattern or not matches(json.loads(pattern), event):
            continue
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
            name, qualifier = target["Arn"].rsplit(":", 1)
            assert _may_call(functions, name, qualifier, rule["Arn"]), f"{rule['Name']} may not call it"
            payload = transformed(target["InputTransformer"], event)
            answer = functions.invoke(FunctionName=target["Arn"], Payload=payload.encode())
            body = json.loads(answer["Payload"].read())
            assert "FunctionError" not in answer, body
            delivered.append((json.loads(payload), body))
    return delivered


def _may_call(functions, name, qualifier, rule):
    policy = json.loads(functions.get_policy(FunctionName=name, Qualifier=qualifier)["Policy"])
    return any(
        statement["Principal"] == {"Service": "events.amazonaws.com"}
        and statement["Action"] == "lambda:InvokeFunction"
        and statement["Condition"]["ArnLike"]["AWS:SourceArn"] == rule
        for statement in policy["Statement"]
    )
