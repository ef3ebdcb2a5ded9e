"""infra/package: the same programs give the same bytes, and what cannot run on AWS is refused."""

import importlib.machinery
import importlib.util
import pathlib
import tempfile
import unittest
import zipfile

from emulation.stack import PACKAGES, TARGET
from emulation.terraform import INFRA

loader = importlib.machinery.SourceFileLoader("package", str(INFRA / "package"))
package = importlib.util.module_from_spec(importlib.util.spec_from_loader("package", loader))
loader.exec_module(package)


class Package(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_packing_twice_gives_the_same_bytes(self):
        binary = self.folder / "precheck"
        binary.write_bytes((TARGET / "debug" / "precheck").read_bytes()[:1_000_000])
        package.pack(binary, self.folder / "a.zip")
        # Another time and mode of the file.
        binary.chmod(0o600)
        package.pack(binary, self.folder / "b.zip")
        self.assertEqual((self.folder / "a.zip").read_bytes(), (self.folder / "b.zip").read_bytes())

    def test_a_package_is_one_executable_bootstrap(self):
        for function in package.FUNCTIONS:
            with zipfile.ZipFile(PACKAGES / f"{function}.zip") as archive:
                [entry] = archive.infolist()
            found = (entry.filename, entry.external_attr >> 16, entry.create_system)
            self.assertEqual(found, ("bootstrap", 0o100755, 3))

    def test_every_function_is_packed(self):
        manifest = (INFRA.parent / "Cargo.toml").read_text()
        members = [line.split('"')[1] for line in manifest.splitlines() if line.startswith('    "functions/')]
        functions = {pathlib.Path(member).name for member in members} - {"cli"}
        self.assertEqual(set(package.FUNCTIONS), functions)

    def test_a_newer_glibc_is_refused(self):
        program = bytearray((TARGET / "debug" / "precheck").read_bytes())
        binary = self.folder / "precheck"
        binary.write_bytes(program + b"\0GLIBC_2.39\0")
        with self.assertRaisesRegex(SystemExit, "needs glibc 2.39"):
            package.check(binary, package.machine())

    def test_another_architecture_is_refused(self):
        [other] = set(package.TARGETS) - {package.machine()}
        with self.assertRaisesRegex(SystemExit, f"no Linux program for {other}"):
            package.check(TARGET / "debug" / "precheck", other)
