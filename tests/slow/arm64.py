"""Looks at the six zips that infra/package made for arm64, and runs them: as they are on an arm64 machine,
under qemu elsewhere.

usage: arm64.py WORK PACKAGES
"""

import json
import pathlib
import platform
import re
import subprocess
import sys
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "aws"))
from emulation.lambda_host import Function, LambdaHost  # noqa: E402

FUNCTIONS = ["precheck", "start-backup", "poll-status", "record-history", "restore", "audit-orphans"]
# https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html
GLIBC = (2, 34)


def readelf(*arguments):
    return subprocess.run(["readelf", *arguments], capture_output=True, text=True, check=True).stdout


def look_at(program):
    header = readelf("--file-header", program)
    assert "AArch64" in header and "ELF64" in header, header
    versions = {tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([\d.]+)", readelf("-V", program))}
    assert versions and max(versions) <= GLIBC, f"{program}: {max(versions)}"
    return max(versions)


def main(work, packages):
    assert sorted(file.name for file in packages.iterdir()) == sorted(f"{name}.zip" for name in FUNCTIONS)
    host = LambdaHost(work / "logs")
    for name in FUNCTIONS:
        program = work / name / "bootstrap"
        with zipfile.ZipFile(packages / f"{name}.zip") as archive:
            archive.extract("bootstrap", program.parent)
        program.chmod(0o755)
        newest = look_at(program)
        bootstrap = program
        if platform.machine() != "aarch64":
            bootstrap = program.with_name("under-qemu")
            bootstrap.write_text(f'#!/bin/sh\nexec qemu-aarch64-static -L /usr/aarch64-linux-gnu "{program}"\n')
            bootstrap.chmod(0o755)
        function = Function(name, f"arn:aws:lambda:eu-central-1:123456789012:function:{name}", "1", bootstrap, 60, 256)
        answer, is_error, log = host.invoke(function, json.dumps({"ping": True}).encode())
        assert (json.loads(answer), is_error) == ({"pong": True}, False), f"{name}: {answer} {log}"
        # The same process goes on to real work, and says by name what it lacks.
        answer, is_error, log = host.invoke(function, b"{}")
        assert is_error and json.loads(answer)["errorType"] == "InvalidConfig", f"{name}: {answer} {log}"
        size = (packages / f"{name}.zip").stat().st_size
        print(f"{name}: arm64, glibc {newest[0]}.{newest[1]}, {size / 1e6:.2f} MB, answers a ping")
    host.close()


main(*map(pathlib.Path, sys.argv[1:]))
