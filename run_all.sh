#!/usr/bin/env bash
# Makes the environment, then builds everything or runs every check. See --help.
set -euo pipefail

usage() {
    cat <<'TEXT'
./run_all.sh [BUILD OPTIONS]        measure, draw, write the page and say where it is
./run_all.sh test [PYTEST OPTIONS]  lint, types, import contracts and all tests
./run_all.sh --help                 this text

The first run makes .venv beside this script and installs requirements.txt into it.
Build options, such as --size, --seed, -n and --cluster:
    .venv/bin/python -m harness build --help

PYTHON=/path/to/python  the Python 3.11, 3.12 or 3.13 to use instead of one found on PATH
CHROMIUM=/path/to/it    the Chromium or Chrome for the page's tests
TEXT
}

say() { printf '%s\n' "$*"; }

# Exit status 2: the environment is not fit to run in.
fail() {
    printf 'run_all.sh: %s\n' "$*" >&2
    exit 2
}

# Prints one word and the version. Must run in any Python, however old.
PROBE='
import sys
word = "good"
if sys.version_info[:2] < (3, 11):
    word = "old"
elif sys.version_info[:2] > (3, 13):
    word = "new"
else:
    try:
        import ensurepip, venv
    except ImportError:
        word = "bare"
print(word + " %d.%d" % sys.version_info[:2])
'

# Prints what an environment is made of: the stamp inside .venv is right when it says the same.
# The folder is part of it, since scripts in .venv/bin hold its path.
IDENTITY='
import hashlib, sys
with open("requirements.txt", "rb") as pins:
    print("%d.%d" % sys.version_info[:2], hashlib.sha256(pins.read()).hexdigest(), sys.prefix)
'

# Sets `python` and `version`. Candidates are tried by running them: the stand-ins that version
# managers put on PATH may be there and lead nowhere.
find_python() {
    local candidate word complaint="no Python found: install Python 3.11, 3.12 or 3.13"
    if [[ -n ${PYTHON:-} ]]; then
        set -- "$PYTHON"
        complaint="PYTHON=$PYTHON does not run"
    else
        set -- python3.13 python3.12 python3.11 python3
    fi
    for candidate; do
        read -r word version < <("$candidate" -c "$PROBE" 2>/dev/null) || continue
        case $word in
            good) python=$candidate && return ;;
            old) complaint="$candidate is Python $version, too old: install 3.11, 3.12 or 3.13" ;;
            new) complaint="$candidate is Python $version, too new: install 3.11, 3.12 or 3.13" ;;
            bare) complaint="$candidate has no venv module: install it (Debian: python$version-venv)" ;;
        esac
    done
    fail "$complaint"
}

environment_is_fresh() {
    [[ -f .venv/stamp ]] || return
    local stamp
    stamp=$(<.venv/stamp)
    [[ $stamp == "$(.venv/bin/python -c "$IDENTITY" 2>/dev/null)" ]] || return
    [[ -z ${PYTHON:-} || ${stamp%% *} == "$version" ]]
}

# Always from scratch, so that the same pins give the same packages and what an interrupted run
# left behind does not matter. The stamp goes first and comes last.
make_environment() {
    local count
    count=$(grep -c '==' requirements.txt)
    say "Making .venv with Python $version"
    rm -f .venv/stamp
    rm -rf .venv
    "$python" -m venv .venv >/dev/null 2>&1 || fail "$python -m venv could not make $PWD/.venv"

    say "Installing $count packages into .venv (about a minute, once)"
    # requirements.txt holds the transitive packages too: nothing is left to resolve.
    .venv/bin/python -m pip install --no-deps --no-input --disable-pip-version-check \
        --progress-bar off -r requirements.txt 2>&1 | tee .venv/install.log | show_progress ||
        fail "pip could not install the packages (no network?):" \
            "$(grep -m 1 '^ERROR' .venv/install.log || echo 'no reason given'); see .venv/install.log"
    .venv/bin/python -c "$IDENTITY" >.venv/stamp.new
    mv .venv/stamp.new .venv/stamp
}

show_progress() {
    local word collected=0
    while read -r word _; do
        case $word in
            # The latter where a package comes from a folder of the user's.
            Collecting | Processing)
                if ((++collected % 20 == 0)); then say "  $collected collected"; fi
                ;;
            Installing) say "  all collected, unpacking" ;;
        esac
    done
}

prepare_environment() {
    # A Python that was asked for counts even where .venv is there already.
    [[ -z ${PYTHON:-} ]] || find_python
    ! environment_is_fresh || return 0

    [[ -w . ]] || fail "cannot write to $PWD"
    # Children keep the lock too: after a kill -9 of this script the next run waits for its pip.
    exec 9>.venv.lock
    if command -v flock >/dev/null && ! flock -n 9; then
        say "Another run is making .venv: waiting for it"
        flock 9
    fi
    if ! environment_is_fresh; then
        [[ -n ${PYTHON:-} ]] || find_python
        make_environment
    fi
    exec 9>&-
}

# Sets `chromium`, empty where none runs.
find_chromium() {
    local candidate
    for candidate in chromium chromium-browser google-chrome google-chrome-stable; do
        if "$candidate" --version >/dev/null 2>&1; then
            chromium=$(command -v "$candidate")
            return
        fi
    done
}

# The same, and installs Debian's package where it may.
prepare_chromium() {
    chromium=${CHROMIUM:-}
    if [[ -n $chromium ]]; then
        "$chromium" --version >/dev/null 2>&1 || fail "CHROMIUM=$chromium does not run"
        chromium=$(command -v "$chromium")
        return
    fi
    find_chromium
    if [[ -z $chromium && $EUID == 0 ]] && command -v apt-get >/dev/null; then
        say "Installing Debian's package chromium for the page's tests"
        if apt-get update >/dev/null 2>&1; then
            DEBIAN_FRONTEND=noninteractive \
                apt-get install -y --no-install-recommends chromium >/dev/null 2>&1 || true
        fi
        find_chromium
    fi
    [[ -n $chromium || ${CI:-} != true ]] ||
        fail "no Chromium or Chrome found: with CI=true the page's tests must run"
}

check() {
    local name=$1
    shift
    say "== $name"
    "$@" || failed+=("$name")
}

run_checks() {
    local options=(-n auto) marks="not browser" failed=()
    prepare_chromium
    if [[ -n $chromium ]]; then
        export CHROMIUM=$chromium
        options+=("$@")
    else
        # pytest heeds only the last -m, so the caller's becomes part of ours.
        while (($#)); do
            case $1 in
                -m) marks="not browser and (${2:?-m needs an expression})" && shift ;;
                -m*) marks="not browser and (${1#-m})" ;;
                *) options+=("$1") ;;
            esac
            shift
        done
        options+=(-m "$marks")
    fi

    check lint .venv/bin/python -m ruff check
    check format .venv/bin/python -m ruff format --check
    check types .venv/bin/python -m mypy
    check tests .venv/bin/python -m pytest "${options[@]}"

    say
    if ((${#failed[@]})); then say "Failed: ${failed[*]}"; else say "All checks passed."; fi
    [[ -n $chromium ]] || say "Left out: the browser tests, for want of Chromium or Chrome."
    ((${#failed[@]} == 0))
}

# Without it a Ctrl-C that a child has handled would let this script go on.
trap 'exit 130' INT

CDPATH="" cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
case ${1:-} in
    -h | --help)
        usage
        ;;
    test)
        shift
        prepare_environment
        run_checks "$@"
        ;;
    *)
        prepare_environment
        exec .venv/bin/python -m harness build "$@"
        ;;
esac
