"""AWS: moto, with its interpreter of Amazon States Language switched on and Lambda functions that really
run. Patched in memory, each for one reason:

1. `execute_state_machine`: off by default, executions would succeed without doing anything;
2. Lambda invocations go to `lambda_host`, where moto wants Docker;
3. calls of Step Functions and of CloudWatch Logs that Terraform makes and moto does not know;
4. a name for executions that are started without one, as a schedule does; moto calls all of them "None";
5. `$$.Execution.RedriveCount`, which moto leaves out;
6. `Wait` and the intervals of `Retry` take `time_scale` of their time;
7. machines, functions and the StarRocks nodes ask as the roles that they have, and IAM policies are
   enforced: `identities`;
8. conditions in the policy of a bucket, as that a request came without TLS, which moto leaves out;
9. the deletion of a marker that is all that is left of an object, at which moto breaks.

It is not AWS: schedules do not fire, alarms do not go off.
"""

import io
import json
import logging
import os
import pathlib
import socket
import threading
import time
import types
import urllib.request
import uuid
import zipfile

import boto3

from . import policies, tls
from .identities import EVERYTHING, Identities
from .lambda_host import Function, LambdaHost

REGION = "us-east-1"
ACCOUNT = "123456789012"


class Aws:
    """Runs in this process, once: moto keeps its state in globals."""

    def __init__(self, work, time_scale):
        self.work = pathlib.Path(work)
        self.lambdas = LambdaHost(self.work / "logs")
        self.identities = Identities(ACCOUNT, REGION)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        # The interpreter's own clients read these.
        os.environ.update(
            MOTO_PORT=str(self.port),
            AWS_ACCESS_KEY_ID=EVERYTHING,
            AWS_SECRET_ACCESS_KEY="test",
            AWS_DEFAULT_REGION=REGION,
        )
        # Seconds that were waited for, as the machines say them.
        self.idle = []
        _interpret_state_machines(time_scale, self.idle)
        self._ask_as_the_machine()
        self._run_functions()
        self._judge_buckets()
        _answer_terraform()
        self._serve()

    def client(self, service, key=EVERYTHING, secure=False):
        return boto3.client(
            service,
            endpoint_url=self.secure_endpoint if secure else self.endpoint,
            verify=str(self.authority) if secure else None,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key="test",
        )

    def _ask_as_the_machine(self):
        import moto.stepfunctions.parser.asl.component.state.exec.state_task.lambda_eval_utils as lambdas
        import moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_events as events
        from botocore.config import Config
        from moto.stepfunctions.parser.models import stepfunctions_parser_backends as backends

        # The interpreter's own has a key that nobody here knows, so what else it is used for is refused.
        def client(region, service, state_credentials):
            role = state_credentials.role_arn
            machines = backends[ACCOUNT][region].state_machines
            # Where a test has given several the same role, its trust policy does not tell them apart.
            machine = [machine.arn for machine in machines if machine.roleArn == role][-1]
            return boto3.client(
                service,
                endpoint_url=self.endpoint,
                region_name=region,
                aws_access_key_id=self.identities.assume(role, "states", machine),
                aws_secret_access_key="test",
                # As the interpreter's: what is asked again is for the machine to say.
                config=Config(
                    parameter_validation=False,
                    retries={"total_max_attempts": 1},
                    read_timeout=3600,
                ),
            )

        lambdas.boto_client_for = events.boto_client_for = client

    def _run_functions(self):
        import moto.awslambda.models as models

        aws = self

        def invoke(function, event=None):
            function.logs_backend.ensure_log_group(function.logs_group_name)
            key = aws.identities.assume(function.role, "lambda", unqualified(function))
            answer = aws.lambdas.invoke(aws._function(function, key), json.dumps(event).encode())
            # Lambda writes the log, with the function's rights.
            stream = aws.identities.arn("logs", f"log-group:{function.logs_group_name}:log-stream:any")
            if all(aws.identities.may(key, f"logs:{do}", stream) for do in ("CreateLogStream", "PutLogEvents")):
                function.save_logs(answer[2])
            return answer

        models.LambdaFunction._invoke_lambda = invoke

    def _judge_buckets(self):
        from moto.iam.access_control import PermissionResult
        from moto.s3.models import FakeBucket, FakeDeleteMarker

        FakeDeleteMarker.dispose = lambda *_: None

        def get_permission(bucket, action, resource):
            if bucket.policy is None:
                return PermissionResult.NEUTRAL
            context = {"aws:SecureTransport": "true" if self.identities.is_secure() else "false"}
            statements = policies.statements(bucket.policy.decode())
            effects = {one.effect for one in statements if one.concerns(action, resource, context)}
            if "Deny" in effects:
                return PermissionResult.DENIED
            return PermissionResult.PERMITTED if effects else PermissionResult.NEUTRAL

        FakeBucket.get_permission = get_permission

    def _function(self, function, key):
        digest = "".join(letter for letter in function.code_sha_256 if letter.isalnum())
        folder = self.work / "functions" / f"{function.function_name}-{digest[:16]}"
        bootstrap = folder / "bootstrap"
        with self.lambdas.lock:
            if not bootstrap.exists():
                with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as package:
                    assert package.namelist() == ["bootstrap"], package.namelist()
                    mode = package.getinfo("bootstrap").external_attr >> 16
                    package.extractall(folder)
                # What the archive says, so that one that is not executable fails here as it does on AWS.
                os.chmod(bootstrap, mode)
        return Function(
            name=function.function_name,
            arn=function.function_arn,
            version=str(function.version),
            bootstrap=bootstrap,
            timeout=function.timeout,
            memory_mb=function.memory_size,
            environment={
                "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ACCESS_KEY_ID": key,
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_SESSION_TOKEN": "test",
                "AWS_ENDPOINT_URL": self.endpoint,
                **function.environment_vars,
            },
        )

    def _serve(self):
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        # It logs the whole parsed machine with every error that a state meets; the history has them.
        logging.getLogger("moto").setLevel(logging.CRITICAL)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        application = self.identities.guard(DomainDispatcherApplication(create_backend_app))
        server = make_server("127.0.0.1", self.port, application, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        # The same with TLS, for those who need it.
        self.authority, key = tls.certify(self.work)
        secure = make_server("127.0.0.1", 0, application, threaded=True, ssl_context=(self.authority, key))
        threading.Thread(target=secure.serve_forever, daemon=True).start()
        self.secure_endpoint = f"https://127.0.0.1:{secure.server_port}"
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{self.endpoint}/moto-api/", timeout=5).read()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("moto does not answer")

    def close(self):
        self.lambdas.close()


def unqualified(function):
    """Its ARN without the version."""
    return ":".join(function.function_arn.split(":")[:7])


def _interpret_state_machines(time_scale, idle):
    from moto.core.config import default_user_config

    default_user_config["stepfunctions"]["execute_state_machine"] = True

    import moto.stepfunctions.parser.asl.component.common.retry.retrier_decl as retrier
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
    from moto.stepfunctions.parser.asl.eval.states import States
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend as Backend

    def wait(_, env, wait_seconds):
        idle.append(wait_seconds)
        env.program_state_event.wait(max(0, wait_seconds) * time_scale)

    def sleep(seconds):
        idle.append(seconds)
        time.sleep(seconds * time_scale)

    WaitFunction._wait_interval = wait
    retrier.time = types.SimpleNamespace(sleep=sleep)

    # https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    make = States.__init__

    def with_redrive_count(self, context):
        context["Execution"].setdefault("RedriveCount", 0)
        make(self, context)

    States.__init__ = with_redrive_count

    start = Backend.start_execution
    Backend.start_execution = lambda self, arn, name=None, *positional, **named: start(
        self, arn, name or str(uuid.uuid4()), *positional, **named
    )


def _answer_terraform():
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.responses import StepFunctionResponse

    def validate(self):
        try:
            AmazonStateLanguageParser.parse(self._get_param("definition"))
        except Exception as error:  # any: whatever the parser does not like
            message = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": str(error)}
            return json.dumps({"result": "FAIL", "truncated": False, "diagnostics": [message]})
        return json.dumps({"result": "OK", "truncated": False, "diagnostics": []})

    StepFunctionResponse.validate_state_machine_definition = validate
    StepFunctionResponse.list_state_machine_versions = lambda _: json.dumps({"stateMachineVersions": []})

    from moto.logs.responses import LogsResponse

    queries = {}

    def put(self):
        given = json.loads(self.body)
        id = given.pop("queryDefinitionId", None) or str(uuid.uuid4())
        queries[id] = {**given, "queryDefinitionId": id, "lastModified": 0}
        return json.dumps({"queryDefinitionId": id})

    def describe(self):
        prefix = self._get_param("queryDefinitionNamePrefix") or ""
        found = [query for query in queries.values() if query["name"].startswith(prefix)]
        return json.dumps({"queryDefinitions": found})

    def delete(self):
        return json.dumps({"success": queries.pop(self._get_param("queryDefinitionId"), None) is not None})

    LogsResponse.put_query_definition = put
    LogsResponse.describe_query_definitions = describe
    LogsResponse.delete_query_definition = delete
