# Sourced by the other scripts. Makes the virtual environment .venv in the checkout, once, with the
# package and its extras "report" and "test", and sets $root (the checkout) and $python (the
# environment's). $script is the path of the script that sources it. Needs nothing but Python 3.11 or newer, with venv.

root=$(CDPATH='' cd -- "$(dirname -- "$script")/.." && pwd -P) || exit 1
python=$root/.venv/bin/python
made_from=$root/.venv/made-from

fail() {
    printf 'Error: %s\n' "$@" >&2
    exit 1
}

runs() { # runs PYTHON CODE: whether PYTHON is there, works, and runs CODE without an error
    command -v "$1" >/dev/null 2>&1 && "$1" -c "$2" >/dev/null 2>&1
}

find_python() { # prints the first Python that is new enough and has venv
    found=
    for candidate in ${PYTHON:+"$PYTHON"} python3 python \
        python3.15 python3.14 python3.13 python3.12 python3.11; do
        runs "$candidate" 'import sys; sys.exit(sys.version_info < (3, 11))' || continue
        runs "$candidate" 'import ensurepip, venv' && echo "$candidate" && return
        found=$candidate
    done
    if [ -n "$found" ]; then
        fail "$found has no venv, which this needs to make its environment." \
            "On Debian and Ubuntu, install it with: sudo apt install python3-venv"
    fi
    have=$(python3 --version 2>/dev/null || python --version 2>&1) || have="no Python at all"
    fail "mnist-bp needs Python 3.11 or newer; here is ${have:-only an older Python}." \
        "Debian, Ubuntu: sudo apt install python3 python3-venv" \
        "Fedora: sudo dnf install python3     macOS: brew install python" \
        "Any other system: https://www.python.org/downloads/ (PYTHON=/path/to/python3 names one)"
}

# The checkout's place is part of it: an environment that was moved still points to the old one.
current=$(cksum <"$root/pyproject.toml" && echo "$root")

if [ "$(cat "$made_from" 2>/dev/null)" != "$current" ] || [ ! -x "$python" ]; then
    echo "Setting up $root/.venv; this is done once and takes about a minute ..." >&2
    if ! runs "$python" 'import sys, pip; sys.exit(sys.version_info < (3, 11))'; then
        base=$(find_python) || exit 1
        "$base" -m venv --clear "$root/.venv" >&2 || fail "the environment could not be made."
    fi
    "$python" -m pip install -qq --disable-pip-version-check \
        --editable "$root[report,test]" >&2 ||
        fail "the packages could not be installed; is there a network? Run this again to go on."
    printf '%s\n' "$current" >"$made_from"
fi
