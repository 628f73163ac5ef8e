"""Checks files, each in a process of its own that is stopped where it does not end."""

import faulthandler
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mnist_bp.audit.checks import ClassCheck, check
from mnist_bp.audit.definitions import Definitions
from mnist_bp.audit.loading import Loaded
from mnist_bp.errors import UsageError

SECONDS = 10.0
"""For each statement and for each class, by default."""

MAX_BYTES = 4 * 2**30
"""Of memory, where the system can limit it."""

START = (
    "import json, sys; sys.path, *arguments = json.loads(sys.argv[1]); "
    "from mnist_bp.audit.process import work; work(*arguments)"
)


@dataclass
class FileCheck:
    """What was found in a file.

    Attributes
    ----------
    file : Path
    left_out : int
        How many statements were not run, because they are not definitions.
    classes : list of ClassCheck
        Functions are among them.
    error : str
        Why the file could not be read, if it could not.
    """

    file: Path
    left_out: int = 0
    classes: list[ClassCheck] = field(default_factory=list)
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether the file was read and nothing in it fails."""
        return not self.error and all(each.result != "fails" for each in self.classes)

    def figures(self) -> dict[str, Any]:
        """Return the results for `--json`; a file that could not be read has an `error` too."""
        classes = [each._asdict() for each in self.classes]
        found = {"file": str(self.file), "passed": self.passed, "left_out": self.left_out}
        return found | {"classes": classes} | ({"error": self.error} if self.error else {})


def check_files(files: Sequence[Path], seconds: float = SECONDS) -> Iterator[FileCheck]:
    """Check the layers, networks and functions that files define; the files' code is run.

    Parameters
    ----------
    files : sequence of Path
        Python files or notebooks.
    seconds : float
        After which a statement or the check of a class is stopped.

    Yields
    ------
    FileCheck
        One for each file, in order.
    """
    running: set[subprocess.Popen[str]] = set()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            yield from pool.map(partial(_check_file, seconds=seconds, running=running), files)
        finally:
            while running:
                running.pop().kill()


def _check_file(file: Path, seconds: float, running: set[subprocess.Popen[str]]) -> FileCheck:
    result, done = FileCheck(file), dict[str, bool]()
    try:
        Definitions(file)
        while _run(result, done, seconds, running):
            pass
    except UsageError as error:
        result.error = str(error)
    return result


def _run(
    result: FileCheck, done: dict[str, bool], seconds: float, running: set[subprocess.Popen[str]]
) -> bool:
    """Run a process that checks a file, and note what it finds; returns whether more is left."""
    arguments = [sys.path, str(result.file.resolve()), done, seconds]
    process = subprocess.Popen(
        [sys.executable, "-c", START, json.dumps(arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg"},
    )
    running.add(process)
    message: dict[str, Any] = {"step": ""}
    why = "ended the process"
    with process:
        for line in process.stdout or ():
            if line.startswith("Timeout"):
                why = f"did not end within {seconds:g} seconds"
                break
            message = json.loads(line)
            if "found" in message:
                result.classes.append(ClassCheck(*message["found"]))
                done[message["step"]] = result.classes[-1].result == "fails"
    if "left_out" in message or process not in running:
        result.left_out = message.get("left_out", 0)
        return False
    running.remove(process)
    step = message["step"]
    if step in ("", *done):
        result.error = f"the process that checks it {why}"
        return False
    statement = ClassCheck(step, "statement", "not checked", why)
    result.classes.append(statement if " " in step else ClassCheck(step, "unknown", "fails", why))
    done[step] = " " not in step
    return True


def work(file: str, done: dict[str, bool], seconds: float) -> None:
    """Check a file in this process, and write a line of JSON before and after each step.

    Where a step does not end, "Timeout" is written, and the process ends.

    Parameters
    ----------
    file : str
    done : dict
        From each step that is done, or did not end, to whether it fails: from the names of classes,
        or places of statements.
    seconds : float
        After which a step is stopped.
    """
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    _prepare(Path(file))

    def starting(step: str, **found: object) -> bool:
        if step not in done:
            results.write(json.dumps({"step": step} | found) + "\n")
            results.flush()
            # Its thread needs no Python: it also stops what never returns from C.
            faulthandler.dump_traceback_later(seconds, exit=True, file=results)
        return step not in done

    loaded = Loaded(Path(file), starting)
    modules = {name: getattr(item, "__module__", None) for name, item in loaded.names.items()}
    homes = {name: loaded.modules[each] for name, each in modules.items() if each in loaded.modules}
    # The first name of what has several.
    own = {id(loaded.names[name]): name for name in reversed(homes)}
    names = loaded.with_used(reversed(own.values()), set())
    for name in (*(each for each in names if each in own.values()), *loaded.broken):
        suspects = [each for each in loaded.with_used([name], set()) if done.get(each)]
        if starting(name) and (found := check(loaded, name, suspects)):
            home = homes.get(name)
            reason = "; ".join(filter(None, (found.reason, home and f"from {home}")))
            starting(name, found=found._replace(reason=reason))
            done[name] = found.result == "fails"
    for place, reason in loaded.definitions.unreadable.items():
        starting(place, found=ClassCheck(place, "cell", "not checked", reason))
    starting("", left_out=loaded.definitions.left_out)


def _prepare(file: Path) -> None:
    """Silence what the reader's code prints, and keep it from using up the machine."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    # What lies in the folder where the command was started is not to be imported from there.
    sys.path[:] = [each for each in sys.path if Path(each).resolve() != Path.cwd()]
    sys.argv[:] = [str(file)]
    os.chdir(file.parent)
    with suppress(ImportError, ValueError, OSError):  # Not every system has such a limit.
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, resource.RLIM_INFINITY))
