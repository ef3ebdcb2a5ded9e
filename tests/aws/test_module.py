"""The Terraform module by itself: its form, and its promises on a provider that pretends."""

import re
import subprocess
import unittest

from emulation.stack import EXAMPLE, PACKAGES, work
from emulation.terraform import INFRA, Terraform

README = (INFRA.parent / "README.md").read_text()


class Module(unittest.TestCase):
    def test_it_is_formatted(self):
        done = subprocess.run(
            ["terraform", "fmt", "-check", "-diff", "-recursive", INFRA], capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_it_keeps_its_promises(self):
        module = Terraform(work() / "module", ".")
        module.init()
        module.run("validate")
        print(module.run("test", f"-var=packages={PACKAGES}", timeout=600))

    def test_the_example_is_valid_as_it_is(self):
        example = Terraform(work() / "example", EXAMPLE)
        example.init()
        example.run("validate")

    def test_there_is_neither_provider_nor_backend_in_it(self):
        for file in INFRA.glob("*.tf"):
            self.assertIsNone(re.search(r"^\s*(provider|backend)\s+\"", file.read_text(), re.M), file)

    def test_everything_is_described(self):
        for name in ("variables.tf", "outputs.tf"):
            blocks = re.split(r"^(?=variable|output)", (INFRA / name).read_text(), flags=re.M)[1:]
            self.assertGreater(len(blocks), 5)
            for block in blocks:
                self.assertIn("description = ", re.sub(r" +", " ", block), block.splitlines()[0])

    def test_functions_know_every_variable_that_they_are_given(self):
        given = re.findall(r"\bSTARROCKS_\w+", (INFRA / "functions.tf").read_text())
        known = (INFRA.parent / "shared/src/config/variables.rs").read_text()
        self.assertGreater(len(given), 4)
        self.assertEqual([name for name in given if f'"{name}"' not in known], [])

    def test_grants_are_those_of_the_readme(self):
        printed = (INFRA / "grants.sql.tftpl").read_text()
        printed = re.sub(r"%{.*?}\n", "", printed).replace("`${database}`", "sales").replace("`${ops_database}`", "ops")
        documented = README.split("## Privileges")[1].split("```")[1]
        # To whom, only the reader knows.
        self.assertEqual(
            statements(printed),
            {one for one in statements(documented) if " TO USER " not in one and "CREATE USER" not in one},
        )


def statements(text):
    lines = (line for line in text.splitlines() if line.startswith(("GRANT", "CREATE")))
    return {line.split(";")[0] for line in lines}
