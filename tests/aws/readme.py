"""The README's "Deploy to AWS", command by command as it stands there, from the secret to the first backup.

`tests/slow/readme` runs it. Other than there: the zips are those of the tests, the names of the reader's own
machines are those of this one, Terraform does not ask, and `mysql` is the mariadb client with a password.
"""

import json
import os
import re
import subprocess
import unittest

from emulation.aws import ACCOUNT, REGION, Aws
from emulation.stack import EXAMPLE, PACKAGES, TARGET, TIME_SCALE, Stack, work
from emulation.starrocks import PASSWORD, StarRocks
from emulation.terraform import INFRA, Terraform

README = (INFRA.parent / "README.md").read_text()


def steps():
    """The commands of each numbered step."""
    text = README.split("## Deploy to AWS")[1].split("\n## ")[0]
    for step in re.split(r"^\d\. ", text, flags=re.M)[1:]:
        yield "\n".join(line.removeprefix("   ") for line in step.split("```")[1].splitlines())


class Readme(unittest.TestCase):
    def setUp(self):
        self.aws = Aws(work(), TIME_SCALE)
        self.addCleanup(self.aws.close)
        # The bucket is a folder; Terraform makes it of this name.
        self.starrocks = StarRocks(TARGET / "debug" / "starrocks-emulator", work(), f"starrocks-br-{ACCOUNT}-{REGION}")
        self.addCleanup(self.starrocks.close)
        # What a reader has already.
        self.aws.client("iam").create_role(RoleName="starrocks-nodes", AssumeRolePolicyDocument="{}")
        for name in ("sales.orders", "crm.customers"):
            database = name.split(".")[0]
            self.starrocks.sql(
                f"CREATE DATABASE {database}",
                f"CREATE TABLE {name} (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 "
                'PROPERTIES ("replication_num" = "1")',
                f"INSERT INTO {name} VALUES (1), (2)",
            )
        self.root = work() / "root"
        Terraform(self.root, EXAMPLE, self.aws.endpoint)
        settings = {"packages": str(PACKAGES), "architecture": os.environ["TESTS_ARCHITECTURE"]}
        (self.root / "infra" / EXAMPLE / "test.auto.tfvars.json").write_text(json.dumps(settings))
        self.tools = work() / "tools"
        self.tools.mkdir()
        self.tool("mysql", f'exec mariadb -h "$2" -P "$4" -u "$6" -p{PASSWORD} --skip-ssl "${{@:8}}"')
        self.tool("starrocks-br", f'exec "{TARGET}/debug/starrocks-br" "$@"')

    def tool(self, name, text):
        (self.tools / name).write_text(f"#!/bin/bash\n{text}\n")
        (self.tools / name).chmod(0o755)

    def test_from_nothing_to_the_first_backup(self):
        build, *rest = steps()
        # This step is what tests/slow/package does.
        self.assertIn("infra/package", build)
        self.assertEqual(len(rest), 5)
        script = "set -euo pipefail\n" + "\n".join(rest)
        for theirs, ours in (
            ("fe1.example.com", "127.0.0.1"),
            ("9030", str(self.starrocks.port)),
            ("eu-central-1", REGION),
            ('"password": "..."', f'"password": "{PASSWORD}"'),
            ("BY '...'", f"BY '{PASSWORD}'"),
        ):
            self.assertIn(theirs, script)
            script = script.replace(theirs, ours)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STARROCKS_"))}
        environment |= {
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": self.aws.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "TF_CLI_ARGS_apply": "-auto-approve -no-color",
            "TF_INPUT": "0",
        }
        said = work() / "said"
        with open(said, "w") as output:
            done = subprocess.run(
                ["bash", "-xc", script],
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=1800,
            )
        text = said.read_text()
        self.assertEqual(done.returncode, 0, text)
        self.assertFalse((self.root / "secret.json").exists())

        [execution] = re.findall(r"^arn:aws:states:\S+:execution:\S+$", text, re.M)
        states = self.aws.client("stepfunctions")
        Stack.until(lambda: states.describe_execution(executionArn=execution)["status"] != "RUNNING", seconds=180)
        found = states.describe_execution(executionArn=execution)
        self.assertEqual(found["status"], "SUCCEEDED", found)
        labels = self.starrocks.sql("SELECT database_name, status FROM ops.backup_history ORDER BY 1")
        self.assertEqual(labels, [("crm", "FINISHED"), ("sales", "FINISHED")])
