"""The StarRocks emulator as a process of its own, and what a test does to it."""

import json
import os
import re
import subprocess
import threading

import pymysql

PASSWORD = "canary-4b1d-secret"


class StarRocks:
    def __init__(self, binary, work, bucket=None, environment=None):
        objects = work / "objects"
        if bucket:
            # A bucket is a folder; the one that Terraform made has to be there before the repository is.
            (objects / bucket).mkdir(parents=True)
        self.process = subprocess.Popen(
            [binary, "--port", "0", "--tick", "100", "--password", PASSWORD]
            + ["--repositories", objects, "--control", "stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], **(environment or {})},
        )
        greeting = self.process.stderr.readline()
        found = re.search(r"on 127\.0\.0\.1:(\d+)", greeting)
        if not found:
            raise RuntimeError(f"the emulator did not start: {greeting}{self.process.stderr.read()}")
        self.port = int(found.group(1))
        self.password = PASSWORD
        self.lock = threading.Lock()

    def control(self, do, **arguments):
        with self.lock:
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]

    def sent(self, text):
        """Statements so far that contain the text."""
        return [sql for sql in self.control("journal") if text in sql]

    def connect(self):
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", password=self.password, autocommit=True
        )

    def sql(self, *statements):
        """Runs them; the rows of the last one as tuples."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()
        self.process.stderr.close()
