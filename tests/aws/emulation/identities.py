"""Who asks AWS for what. Each function, machine, scheduler and node has an access key of its own, which stands
for its role; what the role's policies do not allow is refused, as IAM does it, and everything is written
down. moto can enforce policies itself, but looks neither at resources nor at conditions.

The key that Terraform and the tests have may do everything.
"""

import io
import json
import re
import threading
import urllib.parse
from dataclasses import dataclass

from . import policies

EVERYTHING = "test"


@dataclass(frozen=True)
class Session:
    role: str
    key: str
    context: tuple


class Identities:
    def __init__(self, account, region):
        self.account, self.region = account, region
        self.lock = threading.Lock()
        self.sessions = {}
        # (role, action, resource)
        self.made, self.refused = set(), []
        self.request = threading.local()

    def is_secure(self):
        """Whether the request of this thread came by TLS."""
        return getattr(self.request, "scheme", "http") == "https"

    def assume(self, arn, service, source):
        """The access key of what runs as the role, if its trust policy lets the service have it."""
        role = self.role(arn.rpartition("/")[2])
        if not self.trusts(role.name, service, source):
            raise PermissionError(f"{service} may not assume {arn} for {source}")
        # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        context = (("lambda:SourceFunctionArn", source),) if service == "lambda" else ()
        with self.lock:
            key = next((s.key for s in self.sessions.values() if s.role == role.name), None)
            key = key or f"ASIA{len(self.sessions):016}"
            self.sessions[key] = Session(role.name, key, context)
        return key

    def trusts(self, name, service, source):
        role = self.role(name)
        context = {"aws:SourceAccount": source.split(":")[4], "aws:SourceArn": source}
        trust = policies.statements(role.assume_role_policy_document)
        return policies.is_allowed(trust, "sts:AssumeRole", role.arn, context, f"{service}.amazonaws.com")

    def role(self, name):
        import moto.iam.models as models

        # A copy: the other instance may be on its way.
        roles = list(models.iam_backends[self.account]["aws"].get_roles())
        [found] = [role for role in roles if role.name == name]
        return found

    def statements(self, name):
        """What the role's policies say, inline and attached. A boundary is not looked at here."""
        role = self.role(name)
        assert not role.permissions_boundary_arn, name
        documents = [urllib.parse.unquote(document) for document in role.policies.values()]
        versions = [one for policy in role.managed_policies.values() for one in policy.versions]
        documents += [version.document for version in versions if version.is_default]
        return [statement for document in documents for statement in policies.statements(document)]

    def may(self, key, action, resource):
        session = self.sessions[key]
        allowed = policies.is_allowed(self.statements(session.role), action, resource, dict(session.context))
        request = (session.role, action, resource)
        with self.lock:
            self.made.add(request) if allowed else self.refused.append(request)
        return allowed

    def unused(self, name):
        """(Sid, action, resource) that the role's policies allow and that nobody has asked for."""
        made = {(action, resource) for role, action, resource in self.made if role == name}
        return [
            (statement.sid, action, resource)
            for statement in self.statements(name)
            if statement.effect == "Allow"
            for action in statement.actions
            for resource in statement.resources
            if not any(
                policies.matches(action.lower(), asked.lower()) and policies.matches(resource, of)
                for asked, of in made
            )
        ]

    def guard(self, application):
        """The application, for those who may."""

        def guarded(environ, start_response):
            self.request.scheme = environ["wsgi.url_scheme"]
            key = re.search(r"Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
            if not key or key.group(1) == EVERYTHING:
                return application(environ, start_response)
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            if key.group(1) not in self.sessions:
                return refuse(start_response, f"nobody has the access key {key.group(1)}")
            for action, resource in self.requests(environ, body):
                if not self.may(key.group(1), action, resource):
                    role = self.sessions[key.group(1)].role
                    return refuse(start_response, f"{role} is not authorized to perform {action} on {resource}")
            return application(environ, start_response)

        return guarded

    def requests(self, environ, body):
        """(action, resource) of each thing that one HTTP request asks for. What is not known here has a
        name that no policy has."""
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        path = environ["PATH_INFO"]
        if target in TARGETS:
            action, resources = TARGETS[target]
            return [(action, resource) for resource in resources(self, json.loads(body))]
        if environ["REQUEST_METHOD"] == "POST" and (invoked := INVOKE.fullmatch(path)):
            qualifier = urllib.parse.parse_qs(environ["QUERY_STRING"]).get("Qualifier", [])
            function = urllib.parse.unquote(invoked.group(1))
            if not function.startswith("arn:"):
                function = self.arn("lambda", f"function:{function}")
            return [("lambda:InvokeFunction", ":".join([function, *qualifier]))]
        if "/s3/aws4_request" in environ["HTTP_AUTHORIZATION"]:
            return objects(environ["REQUEST_METHOD"], path, environ)
        return [(f"unknown:{environ['REQUEST_METHOD']}", f"{target} {path}")]

    def arn(self, service, resource):
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
TARGETS = {
    "secretsmanager.GetSecretValue": (
        "secretsmanager:GetSecretValue",
        lambda _, request: [request["SecretId"]],
    ),
    "AWSStepFunctions.StartExecution": (
        "states:StartExecution",
        lambda _, request: [request["stateMachineArn"]],
    ),
    "AWSEvents.PutEvents": (
        "events:PutEvents",
        lambda self, request: [
            self.arn("events", f"event-bus/{entry.get('EventBusName', 'default')}")
            for entry in request["Entries"]
        ],
    ),
    "AmazonSQS.SendMessage": (
        "sqs:SendMessage",
        lambda self, request: [self.arn("sqs", request["QueueUrl"].rpartition("/")[2])],
    ),
}


# What a node asks S3 for an object.
ON_OBJECTS = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}


def objects(method, path, environ):
    """(action, resource) of a request to S3: for the list of a bucket, or for one object."""
    arn = lambda path: f"arn:aws:s3:::{path.strip('/')}"
    bucket, _, key = path.lstrip("/").partition("/")
    query = urllib.parse.parse_qs(environ["QUERY_STRING"])
    if not key and method == "GET" and query.get("list-type") == ["2"]:
        return [("s3:ListBucket", arn(bucket))]
    if not key or query or method not in ON_OBJECTS:
        return [(f"unknown:s3:{method}", f"{path}?{environ['QUERY_STRING']}")]
    found = [(f"s3:{ON_OBJECTS[method]}", arn(path))]
    if source := environ.get("HTTP_X_AMZ_COPY_SOURCE"):
        found.append(("s3:GetObject", arn(urllib.parse.unquote(source))))
    return found


def refuse(start_response, message):
    body = json.dumps({"__type": "AccessDeniedException", "message": message}).encode()
    headers = [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("Content-Length", str(len(body))),
        ("x-amzn-errortype", "AccessDeniedException"),
    ]
    start_response("403 FORBIDDEN", headers)
    return [body]
