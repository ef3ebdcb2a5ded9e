"""EventBridge, as far as moto leaves it out: events of other services do not come about there, and no rule
calls a function. Here a test says when an event is delivered, and what is deployed decides the rest: the
rules' patterns, their targets' input, whether the function lets the rule call it, how often Lambda calls it
again, and who may put into which queue what was given up. The time between two attempts is left out."""

import datetime
import json
import re
import uuid

from . import policies


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


def deliver(aws, event):
    """Calls the function of every rule that matches; (payload, answer) of each that took it in the end."""
    events, functions = aws.client("events"), aws.client("lambda")
    delivered = []
    for rule in events.list_rules()["Rules"]:
        pattern = rule.get("EventPattern")
        if not pattern or not matches(json.loads(pattern), event):
            continue
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
            name, qualifier = target["Arn"].rsplit(":", 1)
            if not _may_call(functions, name, qualifier, rule["Arn"]):
                _not_delivered(aws, rule["Arn"], target, event)
                continue
            payload = transformed(target["InputTransformer"], event)
            answer = _call_until_done(aws, functions, name, qualifier, payload)
            if answer is not None:
                delivered.append((json.loads(payload), answer))
    return delivered


def _may_call(functions, name, qualifier, rule):
    try:
        policy = json.loads(functions.get_policy(FunctionName=name, Qualifier=qualifier)["Policy"])
    except functions.exceptions.ResourceNotFoundException:
        return False
    return any(
        statement["Principal"] == {"Service": "events.amazonaws.com"}
        and statement["Action"] == "lambda:InvokeFunction"
        and statement["Condition"]["ArnLike"]["AWS:SourceArn"] == rule
        for statement in policy["Statement"]
    )


def _not_delivered(aws, rule, target, event):
    """The event itself, and not what would have been made of it, with the reason beside it.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html"""
    sqs, arn = aws.client("sqs"), target["DeadLetterConfig"]["Arn"]
    queue = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    policy = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]["Policy"]
    allowed = policies.is_allowed(
        policies.statements(policy), "sqs:SendMessage", arn, {"aws:SourceArn": rule}, "events.amazonaws.com"
    )
    assert allowed, f"{rule} may not write into {arn}"
    said = {"RULE_ARN": rule, "TARGET_ARN": target["Arn"], "ERROR_CODE": "NO_PERMISSIONS"}
    sqs.send_message(
        QueueUrl=queue,
        MessageBody=json.dumps(event),
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in said.items()},
    )


def _call_until_done(aws, functions, name, qualifier, payload):
    """As Lambda does with a call that nobody waits for; None where it was given up.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""
    config = functions.get_function_event_invoke_config(FunctionName=name, Qualifier=qualifier)
    attempts = 1 + config["MaximumRetryAttempts"]
    for _ in range(attempts):
        answer = functions.invoke(FunctionName=f"{name}:{qualifier}", Payload=payload.encode())
        body = json.loads(answer["Payload"].read())
        if "FunctionError" not in answer:
            return body
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    record = {
        "version": "1.0",
        "requestContext": {
            "functionArn": f"{name}:{qualifier}",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": attempts,
        },
        "requestPayload": json.loads(payload),
        "responseContext": {"statusCode": 200, "executedVersion": qualifier, "functionError": "Unhandled"},
        "responsePayload": body,
    }
    # As the function.
    role = functions.get_function_configuration(FunctionName=name)["Role"]
    sqs = aws.client("sqs", aws.identities.assume(role, "lambda", name))
    arn = config["DestinationConfig"]["OnFailure"]["Destination"]
    queue = aws.client("sqs").get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(record))
    return None
