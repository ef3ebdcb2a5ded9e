"""Holds the template of the CDK example against what the Terraform module makes of the same files.

usage: cdk_template.py FOLDER     with infra/examples/cdk/cdk.out and packages, as tests/slow/cdk makes it
"""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "aws"))
from emulation.terraform import INFRA, Terraform  # noqa: E402

FUNCTIONS = ["audit-orphans", "poll-status", "precheck", "record-history", "restore", "start-backup"]
MACHINES = ["audit", "backup", "restore", "restore-promote"]
VALUES = {"AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012"}


def function_arn(name, version=""):
    return f"arn:aws:lambda:eu-central-1:123456789012:function:{name}{version}"


# --- what CDK makes

class Template:
    def __init__(self, file):
        self.resources = json.loads(file.read_text())["Resources"]

    def of_type(self, kind):
        return {id: found["Properties"] for id, found in self.resources.items() if found["Type"] == kind}

    def functions(self):
        """Logical id -> name."""
        made = self.of_type("AWS::Lambda::Function").items()
        return {id: function["Description"].removeprefix("starrocks-br: ") for id, function in made}

    def resolve(self, value):
        """What CloudFormation makes of a value, as far as the template uses it here."""
        if isinstance(value, str):
            return value
        [(how, of)] = value.items()
        if how == "Fn::Join":
            return of[0].join(self.resolve(part) for part in of[1])
        if how == "Ref" and of in VALUES:
            return VALUES[of]
        if how == "Ref" and self.resources[of]["Type"] == "AWS::Lambda::Version":
            [function] = self.resources[of]["Properties"]["FunctionName"].values()
            return function_arn(self.functions()[function], ":7")
        if how == "Fn::GetAtt" and of[1] == "Arn" and of[0] in self.functions():
            return function_arn(self.functions()[of[0]])
        raise AssertionError(f"not known here: {value}")

    def definitions(self):
        found = {}
        for id, machine in self.of_type("AWS::StepFunctions::StateMachine").items():
            text = machine["DefinitionString"]
            for name, value in machine["DefinitionSubstitutions"].items():
                text = text.replace("${" + name + "}", self.resolve(value))
            assert "${" not in text, f"{id}: {re.findall(r'[$]{[^}]*}', text)} is left"
            found[self.name(id)] = json.loads(text)
        return found

    def name(self, id):
        """Of a machine."""
        return re.search(r"/machine-([a-z-]+)/", self.resources[id]["Metadata"]["aws:cdk:path"]).group(1)

    def statements(self, role):
        """What a role may do."""
        for policy in self.of_type("AWS::IAM::Policy").values():
            if {"Ref": role} in policy["Roles"]:
                yield from policy["PolicyDocument"]["Statement"]
        for policy in self.resources[role]["Properties"].get("ManagedPolicyArns", []):
            yield {"Action": "managed", "Resource": policy}


# --- what Terraform makes

def terraform_machines(work):
    """Name -> definition, and name -> what its role may do."""
    module = Terraform(work / "terraform", ".")
    # The mocks of the module's own tests, with an ARN of its own for each function.
    here = lambda text: text.replace("aws-cn", "aws").replace("cn-north-1", VALUES["AWS::Region"])
    mocks = module.folder / "tests/mocks/aws.tfmock.hcl"
    mocks.write_text(here(mocks.read_text()))
    module_in = here((INFRA / "tests/module.tftest.hcl").read_text().partition("\nrun ")[0])
    overrides = "".join(
        f"""
override_resource {{
  target = aws_lambda_function.this["{name}"]
  values = {{ arn = "{function_arn(name)}", qualified_arn = "{function_arn(name, ':7')}" }}
}}
"""
        for name in FUNCTIONS
    )
    run = '\nrun "definitions" {\n  command = apply\n}\n'
    (module.folder / "tests/definitions.tftest.hcl").write_text(module_in + overrides + run)
    module.init()
    printed = module.run(
        "test", "-json", "-verbose", "-filter=tests/definitions.tftest.hcl", f"-var=packages={work / 'packages'}"
    )
    [state] = [line for line in map(json.loads, printed.splitlines()) if line["type"] == "test_state"]
    resources = state["test_state"]["root_module"]["resources"]
    machines = {one["index"]: one["values"] for one in resources if one["type"] == "aws_sfn_state_machine"}
    policies = {
        one["index"]: one["values"]
        for one in resources
        if (one["type"], one["name"]) == ("aws_iam_role_policy", "machine")
    }
    definitions = {name: json.loads(machine["definition"]) for name, machine in machines.items()}
    rights = {name: json.loads(policies[name]["policy"])["Statement"] for name in machines}
    return definitions, rights


def listed(value):
    return value if isinstance(value, list) else [value]


def plain(statements, resolve=str):
    """(action, resource) of each that is allowed. The delivery of logs, which the example leaves out, is not
    looked at."""
    return sorted(
        (action, resolve(resource))
        for one in statements
        for action in listed(one["Action"])
        for resource in listed(one["Resource"])
        if not action.startswith("logs:")
    )


def main(work):
    template = Template(work / "infra/examples/cdk/cdk.out/starrocks-br.template.json")
    assert sorted(template.functions().values()) == FUNCTIONS, template.functions()
    for id, function in template.of_type("AWS::Lambda::Function").items():
        assert (function["Runtime"], function["Architectures"]) == ("provided.al2023", ["arm64"]), id

    ours, (theirs, rights) = template.definitions(), terraform_machines(work)
    assert sorted(ours) == sorted(theirs) == MACHINES, (sorted(ours), sorted(theirs))
    for name in MACHINES:
        assert ours[name] == theirs[name], f"{name}: CDK and Terraform deploy different machines"

    for id, machine in template.of_type("AWS::StepFunctions::StateMachine").items():
        name = template.name(id)
        found = plain(template.statements(machine["RoleArn"]["Fn::GetAtt"][0]), template.resolve)
        assert found == plain(rights[name]), f"{name} may {found}, with Terraform {plain(rights[name])}"
        for action, resource in found:
            # Every version of one function, and never more.
            assert "*" not in action + resource.removesuffix(":*"), f"{name}: {action} {resource}"

    [schedule] = template.of_type("AWS::Scheduler::Schedule").values()
    target = schedule["Target"]
    backup = template.resources[target["Arn"]["Ref"]]["Metadata"]["aws:cdk:path"]
    assert backup == "starrocks-br/machine-backup/Resource", backup
    asked = {"group": "nightly", "kind": "auto", "scheduled_at": "<aws.scheduler.scheduled-time>"}
    assert json.loads(target["Input"]) == asked and "<aws.scheduler.scheduled-time>" in target["Input"], target
    assert "DeadLetterConfig" in target and target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 3600, target

    calls = [s for id in template.of_type("AWS::IAM::Role") for s in template.statements(id)]
    assert len([s for s in calls if s["Action"] == "lambda:InvokeFunction"]) == len(MACHINES), "who else may call?"
    print(f"template: {len(FUNCTIONS)} functions, {', '.join(MACHINES)} as Terraform deploys them")


main(pathlib.Path(sys.argv[1]))
