"""Make the virtual environment that the scripts run in, or install more in it.

    python environment.py FOLDER STATE NAME... [--lowest]

Installs the package, in place, and what the extras and dependency groups of these names list in
`pyproject.toml`. What was done is written to the file `installed` in the environment, as a line
`[NAME STATE]` each. `environment.sh` calls this where such a line is missing. Needs nothing but the
standard library.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKS = "import sys, pip; sys.exit(sys.version_info < (3, 11))"


def requirements(names, lowest):
    """Return what to install: the package, and what is listed under these names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lists = project["project"]["optional-dependencies"] | project["dependency-groups"]
    listed = [requirement for name in names for requirement in lists[name]]
    if not lowest:
        return ["--editable", ".", *listed]
    listed += project["project"]["dependencies"]
    return ["--editable", ".", *(requirement.replace(">=", "==") for requirement in listed)]


def install(folder, names, lowest):
    """Install the package and what is listed under these names."""
    python = next((path for path in pythons(folder) if works(path)), None)
    if python is None:
        run("the environment could not be made", sys.executable, "-m", "venv", "--clear", folder)
        python = next(path for path in pythons(folder) if works(path))
    # pip compiles all that it installs, one file after another. Here, all cores compile only what
    # may be imported: this saves seconds, and 30 MB.
    pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-compile"]
    problem = "the packages could not be installed; is there a network? Run this again to go on"
    run(problem, *pip, *requirements(names, lowest))
    rest = r"[/\\](tests|fontTools)[/\\]"
    compiling = [python, "-m", "compileall", "-qq", "-j0", "-x", rest, "."]
    subprocess.run(compiling, cwd=folder, check=False)


def pythons(folder):
    """Return where an environment may have its Python."""
    return folder / "bin" / "python", folder / "Scripts" / "python.exe"


def works(python):
    """Return whether a Python is there, new enough, and has pip."""
    return python.exists() and subprocess.run([python, "-c", WORKS], check=False).returncode == 0


def run(problem, *command):
    """Run a command; where it fails, end with this message."""
    # What it prints is no result of the script that asked for the environment.
    if subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode:
        sys.exit(f"Error: {problem}.")


@contextlib.contextmanager
def locked(path):
    """Hold the lock on a file. The system releases it when the process ends, however it ends."""
    with path.open("a") as file:
        waiting = False
        while not lock(file):
            if not waiting:
                say("Waiting for another process that is setting up the environment ...")
            waiting = True
            time.sleep(0.2)
        yield


def lock(file):
    """Lock an open file, and return whether that was possible."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def say(message):
    """Print where the work is."""
    print(message, file=sys.stderr, flush=True)


def main():
    """Install what is not installed yet, one process at a time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("state")
    parser.add_argument("names", nargs="+")
    parser.add_argument("--lowest", action="store_true")
    options = parser.parse_args()
    wanted = [f"[{name} {options.state}]" for name in options.names]
    record = options.folder / "installed"
    with locked(options.folder.with_name(f"{options.folder.name}.lock")):
        done = record.read_text("utf-8").splitlines() if record.exists() else []
        done = [line for line in done if line.endswith(f" {options.state}]")]
        if set(wanted) <= set(done):
            return
        say(f"Setting up {options.folder}; this is done once and takes about half a minute ...")
        install(options.folder, options.names, options.lowest)
        record.write_text("".join(f"{line}\n" for line in (*done, *wanted)), "utf-8")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(f"Error: {error}")
