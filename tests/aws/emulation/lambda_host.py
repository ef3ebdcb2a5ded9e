"""Runs the `bootstrap` of a function as AWS Lambda does: a process per execution environment that asks
the Runtime API for one invocation after the other.

Kept as on AWS: cold and warm starts, the function's own environment variables and nothing of this
machine's, its timeout, what a crash and a timeout are called, and the limit of 6 MB.
"""

import contextlib
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_PAYLOAD = 6 * 1024 * 1024
# Lambda gives a cold start that long besides the function's timeout.
INIT_SECONDS = 10


@dataclass
class Function:
    name: str
    arn: str
    version: str
    bootstrap: pathlib.Path
    timeout: float
    memory_mb: int
    environment: dict = field(default_factory=dict)


class Sandbox:
    """One process."""

    def __init__(self, host, function):
        self.id = uuid.uuid4().hex
        self.todo, self.done = queue.Queue(), queue.Queue()
        host.sandboxes[self.id] = self
        environment = {
            "PATH": os.environ["PATH"],
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": "/var/task",
            "_HANDLER": "bootstrap",
            "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
            "AWS_LAMBDA_RUNTIME_API": f"http://127.0.0.1:{host.port}/{self.id}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": self.id,
            **function.environment,
        }
        self.log = host.logs / f"{function.name}-{self.id[:8]}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [function.bootstrap],
                env=environment,
                cwd=host.logs,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self):
        code = self.process.wait()
        how = f"signal: {signal.Signals(-code).name[3:].lower()}" if code < 0 else f"exit status {code}"
        self.done.put(("crash", f"Runtime exited with error: {how}"))

    def kill(self):
        if self.process.poll() is None:
            # It may have ended, and been waited for by its thread, since.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


class LambdaHost:
    def __init__(self, logs):
        self.logs = pathlib.Path(logs)
        self.logs.mkdir(parents=True, exist_ok=True)
        self.lock = threading.Lock()
        self.sandboxes, self.idle = {}, {}
        # (function, event, kind, answer) of each invocation that ended, for assertions.
        self.calls = []
        # Function name -> seconds: the timeout of its next invocation only.
        self.shorter_timeouts = {}
        self.busy = {}
        handler = type("RuntimeApiOfHost", (RuntimeApi,), {"host": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def invoke(self, function, payload):
        """(answer, whether it is an error, log)"""
        if len(payload) > MAX_PAYLOAD:
            raise ValueError(f"{function.name}: RequestTooLargeException, {len(payload)} bytes")
        request = str(uuid.uuid4())
        key = (function.arn, function.version, json.dumps(function.environment, sort_keys=True))
        sandbox = self._warm(key)
        is_cold = sandbox is None
        if is_cold:
            sandbox = Sandbox(self, function)
        timeout = self.shorter_timeouts.pop(function.name, function.timeout)
        log_begins = sandbox.log.stat().st_size
        with self.lock:
            self.busy[sandbox.id] = function.name
        sandbox.todo.put((request, payload, time.time() + timeout, function.arn))
        try:
            kind, body = sandbox.done.get(timeout=timeout + (INIT_SECONDS if is_cold else 0))
        except queue.Empty:
            kind, body = "timeout", f"Task timed out after {timeout:.2f} seconds"
        with self.lock:
            del self.busy[sandbox.id]
        if kind == "ok" and len(body) > MAX_PAYLOAD:
            kind, body = "error", error("Function.ResponseSizeTooLarge", f"{len(body)} bytes")
        elif kind == "crash":
            body = error("Runtime.ExitError", f"RequestId: {request} Error: {body}")
        elif kind == "timeout":
            body = error("Sandbox.Timedout", f"RequestId: {request} Error: {body}")
        if kind in ("ok", "error"):
            with self.lock:
                self.idle.setdefault(key, []).append(sandbox)
        else:
            self._drop(sandbox)
        with open(sandbox.log, "rb") as log:
            log.seek(log_begins)
            lines = log.read()
        self.calls.append((function.name, json.loads(payload), kind, json.loads(body)))
        return body.decode(), kind != "ok", lines.decode("utf-8", "replace")

    def _warm(self, key):
        with self.lock:
            while self.idle.get(key):
                sandbox = self.idle[key].pop()
                if sandbox.process.poll() is None:
                    return sandbox
        return None

    def _drop(self, sandbox):
        sandbox.kill()
        self.sandboxes.pop(sandbox.id, None)

    def kill_busy(self, name):
        """Kills what is in the middle of an invocation of the function; how many that were."""
        with self.lock:
            busy = [self.sandboxes[id] for id, function in self.busy.items() if function == name]
        for sandbox in busy:
            sandbox.kill()
        return len(busy)

    def forget_warm(self):
        """As after a deploy: the next call of each function is a cold start."""
        with self.lock:
            idle = [sandbox for warm in self.idle.values() for sandbox in warm]
            self.idle.clear()
        for sandbox in idle:
            self._drop(sandbox)

    def close(self):
        for sandbox in list(self.sandboxes.values()):
            sandbox.kill()
        self.server.shutdown()


def error(name, message):
    return json.dumps({"errorType": name, "errorMessage": message}).encode()


class RuntimeApi(BaseHTTPRequestHandler):
    """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, below the id of the sandbox."""

    protocol_version = "HTTP/1.1"
    # One segment per answer: many small ones cost 40 ms each.
    wbufsize = 65536
    disable_nagle_algorithm = True
    host = None

    def log_message(self, *_):
        pass

    def _sandbox(self, pattern):
        found = re.fullmatch(rf"/(\w+)/2018-06-01/runtime/{pattern}", self.path)
        sandbox = found and self.host.sandboxes.get(found.group(1))
        if not sandbox:
            self._send(404, b"{}", {})
        return sandbox

    def _send(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while (size := int(self.rfile.readline().split(b";")[0], 16)) > 0:
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def do_GET(self):
        sandbox = self._sandbox("invocation/next")
        if not sandbox:
            return
        while True:
            try:
                request, payload, deadline, arn = sandbox.todo.get(timeout=1)
                break
            except queue.Empty:
                if sandbox.process.poll() is not None:
                    return
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": arn,
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
        }
        self._send(200, payload, headers)

    def do_POST(self):
        body = self._body()
        sandbox = self._sandbox(r"(?:invocation/[\w-]+/(?:response|error)|init/error)")
        if sandbox:
            sandbox.done.put(("ok" if self.path.endswith("/response") else "error", body))
            self._send(202, b'{"status":"OK"}\n', {})
