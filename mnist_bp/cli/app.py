"""The command line: errors become messages here and nowhere else.

NumPy, Rich and what is built on them are imported by the commands that need them, so that `--help`
and a wrong flag do not wait for them.
"""

import io
import logging
import os
import sys
from typing import Annotated

import typer

from mnist_bp.cli import messages
from mnist_bp.cli.download import download
from mnist_bp.cli.evaluate import evaluate
from mnist_bp.cli.explain import FormulaCommand, explain
from mnist_bp.cli.gradcheck import gradcheck
from mnist_bp.cli.predict import predict
from mnist_bp.cli.sweep import sweep
from mnist_bp.cli.train import train
from mnist_bp.errors import MnistBpError, ParameterError, RecipeError, UsageError
from mnist_bp.version import __version__

INTERRUPTED = 130

COMMANDS = download, gradcheck, explain, train, sweep, evaluate, predict

EXAMPLES = """
mnist-bp download
mnist-bp download --mirror http://127.0.0.1:8000/ --data-dir digits
mnist-bp gradcheck
mnist-bp gradcheck --activation sigmoid --samples 10
mnist-bp gradcheck my_layers.py
mnist-bp gradcheck homework/*.ipynb --json
mnist-bp explain apple-orange
mnist-bp explain '(apple * 2 + orange * 3) * tax' apple=100 orange=150 tax=1.1
mnist-bp explain '-log(sigmoid(w * x))' w=0.5 x=2 --check --svg graph.svg
mnist-bp train --epochs 17
mnist-bp train --config book --output book.npz
mnist-bp train --hidden 200 --lr 0.2 --log run.jsonl
mnist-bp train --resume weights.npz --epochs 30
mnist-bp sweep --lr 0.05,0.1,0.2 --seed 0-4 --output rates
mnist-bp sweep --config small --seed 0-9 --output small --workers 2
mnist-bp sweep --hidden 50,100 --seed 0-4 --output sizes --report sizes.html
mnist-bp sweep --hidden 50,100 --seed 0-4 --output sizes --dry-run
mnist-bp evaluate weights.npz
mnist-bp evaluate weights.npz --mistakes 8
mnist-bp evaluate weights.npz --report report.html
mnist-bp evaluate weights.npz --split train --json
mnist-bp evaluate first.npz second.npz third.npz
mnist-bp predict weights.npz my-seven.jpg
mnist-bp predict weights.npz scans/*.png --json
"""
"""What the help of the commands shows, each its own."""

app = typer.Typer(
    name="mnist-bp",
    # Help in plain text: Typer's colours would load a parser of Markdown.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class _Messages(logging.Handler):
    """The library's warnings and notices, on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        show = messages.warn if record.levelno >= logging.WARNING else messages.say
        show(record.getMessage())


def main() -> None:
    """Run the command line, and end the process with its exit status."""
    log = logging.getLogger("mnist_bp")
    log.addHandler(_Messages())
    log.setLevel(logging.INFO)
    for stream in (sys.stdout, sys.stderr):
        # A path may have letters that the terminal does not.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        status = app(standalone_mode=False, prog_name="mnist-bp") or 0
        if status == INTERRUPTED:
            messages.complain("interrupted")
    except (KeyboardInterrupt, Exception) as error:
        # Not earlier: Typer sets its own.
        sys.excepthook = messages.show_traceback
        if os.environ.get("MNIST_BP_DEBUG"):
            raise
        status, lines = _explain(error)
        if lines:
            messages.complain(*lines, label=getattr(error, "label", MnistBpError.label))
    sys.exit(status)


def _explain(error: BaseException) -> tuple[int, tuple[str, ...]]:
    """Return the exit status and the message for an error that a user can meet; raise any other."""
    match error:
        case KeyboardInterrupt():
            return INTERRUPTED, ("interrupted",)
        case ParameterError() if not isinstance(error, RecipeError):
            return error.exit_status, (f"--{error.parameter.replace('_', '-')} {error.problem}",)
        case MnistBpError():
            return error.exit_status, error.lines
        case typer.TyperException():
            # So begins what Typer's parser says of a word that is not a choice.
            return error.exit_code, (error.format_message().replace(": Value error,", ":"),)
        case MemoryError():
            return UsageError.exit_status, (f"this needs more memory than there is: {error}",)
        case OSError(filename=None):
            # Typer prints help and versions itself.
            messages.silence(sys.stdout)
            return MnistBpError.exit_status, (f"stdout cannot be written: {error.strerror}",)
        case OSError():
            return MnistBpError.exit_status, (f"{error.filename}: {error.strerror}",)
    raise error


def _examples(*lines: str) -> str:
    # After a line with \b, Typer leaves lines as they are.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mnist-bp {__version__}")
        raise typer.Exit


VERSION = typer.Option(
    "--version", is_eager=True, callback=_show_version, help="Show the version and exit."
)


@app.callback(
    invoke_without_command=True,
    epilog=_examples(
        "mnist-bp download",
        "mnist-bp gradcheck",
        "mnist-bp train --epochs 17",
        "mnist-bp evaluate weights.npz --mistakes 8",
        "mnist-bp predict weights.npz my-seven.jpg",
    ),
)
def _root(context: typer.Context, version: Annotated[bool, VERSION] = False) -> None:
    """Train, check and explain the two-layer network of Deep Learning from Scratch on MNIST.

    Every command has its own help: mnist-bp train --help
    """
    if not context.invoked_subcommand:
        typer.echo(context.get_help())
        raise typer.Exit(UsageError.exit_status)


for command in COMMANDS:
    start = f"mnist-bp {command.__name__}"
    examples = _examples(*(line for line in EXAMPLES.splitlines() if line.startswith(start)))
    app.command(epilog=examples, cls=FormulaCommand if command is explain else None)(command)
