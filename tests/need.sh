# Sourced by tests/run, the checks in tests/slow and tests/bench/lambda: what they need is named before
# anything is built, and what Debian has is installed where that is possible.

packages=() missing=()

# need NAME DEBIAN-PACKAGES HOW-TO-GET-IT -- COMMAND...   the command tells whether it is there
need() {
    local name=$1 debian=$2 how=$3
    shift 4
    "$@" >/dev/null 2>&1 && return
    # shellcheck disable=SC2206 # several packages in one word
    packages+=($debian)
    missing+=("$name: $how")
}

# find_needed FUNCTION   FUNCTION calls need; what it still lacks at the end is in missing
find_needed() {
    packages=() missing=()
    "$1"
    if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        printf '\n==> installing %s\n' "${packages[*]}"
        # A failure is judged by what is still missing.
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${packages[@]}"; } || true
        packages=() missing=()
        "$1"
    fi
}

# fail_if_missing   ends with 2 if something is
fail_if_missing() {
    [ ${#missing[@]} -gt 0 ] || return 0
    printf "tests/${0##*tests/}: missing %s\n" "${missing[@]}" >&2
    exit 2
}

# python_tools REQUIREMENTS   puts the programs of these pinned packages into PATH
python_tools() {
    local target venv pins
    target=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
    venv=$target/slow-venv
    pins=$(cksum <"$1")
    if [ "$(cat "$venv/pins" 2>/dev/null)" != "$pins" ]; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$1"
        echo "$pins" >"$venv/pins"
    fi
    export PATH=$venv/bin:$PATH
}
