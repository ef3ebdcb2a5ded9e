"""Terraform on a copy of infra/, with its AWS provider from a mirror on this machine where there is one."""

import json
import os
import pathlib
import shutil
import subprocess
import threading

INFRA = pathlib.Path(__file__).resolve().parents[3] / "infra"

# So that the example's provider speaks to the emulation. Terraform merges it into the provider block.
OVERRIDE = """
provider "aws" {{
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  s3_use_path_style           = true
  endpoints {{
{endpoints}
  }}
}}
"""
SERVICES = (
    "cloudwatch cloudwatchlogs events iam kms lambda s3 scheduler secretsmanager sfn sns sqs sts"
).split()


INIT = threading.Lock()


class Failed(Exception):
    pass


class Terraform:
    """One root with its own state."""

    def __init__(self, work, root, endpoint=None):
        self.folder = pathlib.Path(work) / "infra" / root
        # Not what belongs to a stack that somebody applied here.
        mine = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars*", "node_modules")
        shutil.copytree(INFRA, pathlib.Path(work) / "infra", ignore=mine)
        if endpoint:
            lines = "\n".join(f'    {service} = "{endpoint}"' for service in SERVICES)
            (self.folder / "emulation_override.tf").write_text(OVERRIDE.format(endpoints=lines))

    def run(self, *arguments, timeout=300):
        # No account, workspace or variable of whoever runs the tests.
        foreign = ("AWS_", "TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        environment |= {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
        command = ["terraform", *arguments, "-no-color"]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=timeout
        )
        if done.returncode != 0:
            raise Failed(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def init(self):
        # Two at a time would write the same plugin cache, which Terraform does not guard.
        with INIT:
            self.run("init", "-backend=false")

    def apply(self, **variables):
        (self.folder / "terraform.tfvars.json").write_text(json.dumps(variables))
        self.run("apply", "-auto-approve")

    def plan_is_empty(self):
        """Whether a second apply would change nothing; what it would change is in the exception."""
        self.run("plan", "-detailed-exitcode")

    def outputs(self):
        outputs = json.loads(self.run("output", "-json"))
        return {name: output["value"] for name, output in outputs.items()}

    def arns(self):
        """Of everything that it has made."""
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        made = [resource for resource in state["resources"] if resource["mode"] == "managed"]
        attributes = [instance["attributes"] for resource in made for instance in resource["instances"]]
        return {one["arn"] for one in attributes if one.get("arn")}

    def destroy(self):
        self.run("destroy", "-auto-approve")
