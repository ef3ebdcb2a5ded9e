#!/usr/bin/env bash
# Real clients, unmodified, against a stand-alone emulator: the mariadb command line, PyMySQL,
# mysql-connector-python and starrocks-br 0.6.0 each create, load, query, back up and restore. What that
# tool backed up, our own program lists, shows and restores, and both go on with each other's tables.
# Needs: mariadb (Debian package mariadb-client), python3 with venv, and a way to PyPI once.
#
# usage: tests/clients.sh [PROFILE...]     default: 4.1 3.5 3.3-list
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in cargo mariadb python3; do
    command -v "$tool" >/dev/null || { echo "clients.sh: $tool is missing" >&2; exit 2; }
done

cargo build --quiet --locked --package starrocks-emulator --package cli
work=$(mktemp -d)
emulator=
trap '[ -z "$emulator" ] || kill "$emulator" 2>/dev/null; rm -rf "$work"' EXIT

venv=${CARGO_TARGET_DIR:-target}/clients-venv
if [ ! -x "$venv/bin/starrocks-br" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
        PyMySQL==1.2.4 mysql-connector-python==9.7.0 starrocks-br==0.6.0
fi

[ $# -gt 0 ] || set -- 4.1 3.5 3.3-list
for profile in "$@"; do
    "${CARGO_TARGET_DIR:-target}/debug/starrocks-emulator" --profile "$profile" --port 0 --tick 100 \
        --repositories "$work/$profile" 2>"$work/log" &
    emulator=$!
    for _ in $(seq 100); do
        port=$(sed -n 's/.* on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$work/log")
        [ -z "$port" ] || break
        sleep 0.1
    done
    [ -n "$port" ] || { echo "clients.sh: the emulator did not start" >&2; cat "$work/log" >&2; exit 1; }
    timeout 300 "$venv/bin/python" tests/clients.py "$profile" "$port" "$work" "$venv/bin/starrocks-br" \
        "${CARGO_TARGET_DIR:-target}/debug/starrocks-br"
    kill "$emulator"
    wait "$emulator" 2>/dev/null || true
    emulator=
done
