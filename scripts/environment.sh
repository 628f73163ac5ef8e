# Sourced by the other scripts. Sets $root (the checkout) and $python (that of the virtual
# environment), and has what is missing there installed first. The scripts set $script (their own
# path) and $needs (the extras and dependency groups of pyproject.toml that they use).
#
# The environment is .venv in the checkout. PYTHON=/path/to/python3 has one for that version of
# Python, such as .venv-3.13; lowest=--lowest has one with the lowest versions that we allow.

fail() {
    printf 'Error: %s\n' "$@" >&2
    exit 1
}

runs() { # runs PYTHON CODE: whether PYTHON is there, works, and runs CODE without an error
    command -v "$1" >/dev/null 2>&1 && "$1" -c "$2" >/dev/null 2>&1
}

find_python() { # prints the first Python that is new enough and has venv
    found=
    for candidate in ${PYTHON:-python3 python python3.15 python3.14 python3.13 python3.12 python3.11}
    do
        runs "$candidate" 'import sys; sys.exit(sys.version_info < (3, 11))' || continue
        runs "$candidate" 'import ensurepip, venv' && echo "$candidate" && return
        found=$candidate
    done
    if [ -n "$found" ]; then
        fail "$found has no venv, which is needed to make the environment." \
            "On Debian and Ubuntu, install it with: sudo apt install python3-venv"
    fi
    have=$("${PYTHON:-python3}" --version 2>/dev/null || python --version 2>&1) ||
        have="no Python at all"
    fail "mnist-bp needs Python 3.11 or newer; here is ${have:-only an older Python}." \
        "Debian, Ubuntu: sudo apt install python3 python3-venv" \
        "Fedora: sudo dnf install python3     macOS: brew install python" \
        "Any other system: https://www.python.org/downloads/ (PYTHON=/path/to/python3 names one)"
}

find_environment() { # sets $python, and $missing to the needs that are not installed
    python=$environment/bin/python
    [ ! -d "$environment/Scripts" ] || python=$environment/Scripts/python.exe # on Windows
    installed=$(cat "$environment/installed" 2>/dev/null)
    missing=
    for need in $needs; do
        case $installed in
        *"[$need $current]"*) [ -x "$python" ] || missing="$missing $need" ;;
        *) missing="$missing $need" ;;
        esac
    done
}

root=$(CDPATH='' cd -- "$(dirname -- "$script")/.." && pwd -P) || exit 1
environment=$root/.venv
if [ -n "${PYTHON:-}" ]; then
    version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
        fail "PYTHON=$PYTHON is not a Python that works."
    environment=$environment-$version
fi
environment=$environment${lowest:+-lowest}

# What is installed, it is installed for this pyproject.toml and this place: an environment that was
# moved still points to the old one.
current="$(cksum <"$root/pyproject.toml") $root"
find_environment
if [ -n "$missing" ]; then
    base=$(find_python) || exit 1
    # shellcheck disable=SC2086 # these are lists of words
    "$base" "$root/scripts/environment.py" "$environment" "$current" $missing ${lowest:-} || exit
    find_environment
fi
