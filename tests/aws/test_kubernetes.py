"""The CronJob example: fields that Kubernetes knows, a job that runs once and never twice at a time, and the
arguments and variables of this very program."""

import subprocess
import unittest

import yaml

from emulation.stack import TARGET
from emulation.terraform import INFRA

MANIFEST = INFRA / "examples" / "kubernetes" / "cronjob.yaml"

# https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/cron-job-v1/ and what it refers to:
# each field that the manifest may have, with its type, or the fields below it. A misspelt field is dropped by
# the server without a word unless it is asked to be strict.
CONTAINER_SECURITY = {"allowPrivilegeEscalation": bool, "readOnlyRootFilesystem": bool, "capabilities": {"drop": [str]}}
QUANTITIES = {"cpu": str, "memory": str}
CONTAINER = {
    "name": str,
    "image": str,
    "args": [str],
    "env": [{"name": str, "value": str}],
    "resources": {"requests": QUANTITIES, "limits": QUANTITIES},
    "securityContext": CONTAINER_SECURITY,
    "volumeMounts": [{"name": str, "mountPath": str, "readOnly": bool}],
}
POD = {
    "restartPolicy": str,
    "enableServiceLinks": bool,
    "automountServiceAccountToken": bool,
    "terminationGracePeriodSeconds": int,
    "securityContext": {"runAsNonRoot": bool, "seccompProfile": {"type": str}},
    "containers": [CONTAINER],
    "volumes": [
        {"name": str, "secret": {"secretName": str}, "emptyDir": {"medium": str, "sizeLimit": str}},
    ],
}
CRON_JOB = {
    "apiVersion": str,
    "kind": str,
    "metadata": {"name": str},
    "spec": {
        "schedule": str,
        "timeZone": str,
        "concurrencyPolicy": str,
        "startingDeadlineSeconds": int,
        "successfulJobsHistoryLimit": int,
        "failedJobsHistoryLimit": int,
        "jobTemplate": {"spec": {"backoffLimit": int, "template": {"spec": POD}}},
    },
}


def differences(found, fields, path=""):
    """What of it Kubernetes would not take, by path."""
    if isinstance(fields, dict):
        if not isinstance(found, dict):
            return [f"{path} is no mapping"]
        unknown = [f"{path}.{name} is no field" for name in found.keys() - fields.keys()]
        known = found.keys() & fields.keys()
        return unknown + [one for name in known for one in differences(found[name], fields[name], f"{path}.{name}")]
    if isinstance(fields, list):
        if not isinstance(found, list):
            return [f"{path} is no list"]
        return [one for index, item in enumerate(found) for one in differences(item, fields[0], f"{path}[{index}]")]
    return [] if type(found) is fields else [f"{path} is {found!r}, not {fields.__name__}"]


class CronJob(unittest.TestCase):
    def setUp(self):
        self.manifest = yaml.safe_load(MANIFEST.read_text())
        self.job = self.manifest["spec"]["jobTemplate"]["spec"]
        self.pod = self.job["template"]["spec"]
        [self.container] = self.pod["containers"]

    def test_kubernetes_knows_every_field(self):
        self.assertEqual(differences(self.manifest, CRON_JOB), [])
        self.assertEqual((self.manifest["apiVersion"], self.manifest["kind"]), ("batch/v1", "CronJob"))

    def test_a_misspelt_field_is_found(self):
        del self.pod["restartPolicy"]
        self.pod["restartpolicy"] = "Never"
        self.job["backoffLimit"] = "0"
        spec = ".spec.jobTemplate.spec"
        self.assertEqual(
            sorted(differences(self.manifest, CRON_JOB)),
            [f"{spec}.backoffLimit is '0', not int", f"{spec}.template.spec.restartpolicy is no field"],
        )

    def test_it_runs_once_and_never_twice_at_a_time(self):
        self.assertEqual(self.manifest["spec"]["concurrencyPolicy"], "Forbid")
        self.assertEqual(self.pod["restartPolicy"], "Never")
        self.assertEqual(self.job["backoffLimit"], 0)
        # The program ends within 8 seconds of SIGTERM.
        self.assertGreater(self.pod["terminationGracePeriodSeconds"], 8)

    def test_it_runs_as_nobody_on_a_file_system_that_is_read_only(self):
        self.assertIs(self.pod["securityContext"]["runAsNonRoot"], True)
        context = self.container["securityContext"]
        self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
        self.assertEqual((context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]), (True, False))
        mounted = {mount["name"]: mount["mountPath"] for mount in self.container["volumeMounts"]}
        self.assertEqual(mounted.keys(), {volume["name"] for volume in self.pod["volumes"]})
        self.assertEqual(mounted["tmp"], "/tmp")

    def test_the_program_takes_what_it_is_given(self):
        variables = {one["name"]: one["value"] for one in self.container["env"]}
        known = (INFRA.parent / "shared/src/config/variables.rs").read_text()
        self.assertEqual([name for name in variables if f'"{name}"' not in known], [])
        self.assertNotIn("STARROCKS_PASSWORD", variables)
        [secret] = [mount for mount in self.container["volumeMounts"] if mount["name"] == "password"]
        self.assertTrue(variables["STARROCKS_PASSWORD_FILE"].startswith(secret["mountPath"] + "/"))
        # Nobody listens there: it has understood everything when it says so.
        done = subprocess.run(
            [TARGET / "debug" / "starrocks-br", *self.container["args"]],
            env={**variables, "STARROCKS_HOST": "127.0.0.1:1", "STARROCKS_PASSWORD_FILE": "/dev/null"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.assertEqual(done.returncode, 8, done.stdout + done.stderr)
