"""infra/package: the same programs give the same bytes, and what cannot run on AWS is refused."""

import importlib.machinery
import importlib.util
import pathlib
import tempfile
import unittest
import unittest.mock
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

    def test_what_is_missing_is_named_before_anything_is_built(self):
        [other] = set(package.TARGETS) - {package.machine()}
        for found, has_library, expected in (
            ([], True, "missing cargo"),
            (["cargo"], False, "missing a linker.*cargo-zigbuild.*gcc-.*\\n.*missing Rust's library.*rustup target add"),
            (["cargo", package.GCC[other]], False, "^package: missing Rust's library"),
        ):
            with (
                self.subTest(found=found),
                unittest.mock.patch.object(package.shutil, "which", lambda name: name if name in found else None),
                unittest.mock.patch.object(package, "has_library", lambda _: has_library),
                unittest.mock.patch.object(package, "run", self.fail),
                self.assertRaisesRegex(SystemExit, expected),
            ):
                package.build(["precheck"], other, "lambda")

    def test_zig_links_for_the_glibc_that_is_there(self):
        with unittest.mock.patch.object(package.shutil, "which", lambda name: name):
            command, environment = package.linker(package.machine())
        self.assertEqual((command[-1], environment), (f"{package.TARGETS[package.machine()]}.2.34", {}))
