"""The command line: flags in, calls, tables out. Errors become messages here and nowhere else.

NumPy, Rich and what is built on them are imported by the commands that need them, so that `--help`
and a slip in a flag do not wait for them.
"""

import io
import json
import logging
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bp import __version__
from mnist_bp import recipe as recipes
from mnist_bp.errors import (
    CheckError,
    DataError,
    DownloadError,
    MnistBpError,
    NoFileError,
    PictureError,
    StoppedError,
    UsageError,
    WeightsError,
)
from mnist_bp.extras import need
from mnist_bp.files import replacing, try_out
from mnist_bp.interrupts import noticed
from mnist_bp.options import DataDir, DigitsOptions, Json, Mirrors, with_digits, with_settings
from mnist_bp.recipe import Recipe, Setting

if TYPE_CHECKING:
    from mnist_bp.data.digits import Digits
    from mnist_bp.evaluation import Evaluation
    from mnist_bp.history import EpochResult
    from mnist_bp.training import Run
    from mnist_bp.weights import Weights

DEFAULT_WEIGHTS = Path("weights.npz")
INTERRUPTED = 130

app = typer.Typer(
    name="mnist-bp",
    no_args_is_help=True,
    # Help in plain text: Typer's colours would make it wait for a parser of Markdown.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class _Warnings(logging.Handler):
    """What the library has to say, on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        from mnist_bp import console

        console.warn(record.getMessage())


def main() -> None:
    """Run the command line, and end the process with its exit status."""
    logging.getLogger("mnist_bp").addHandler(_Warnings())
    for stream in (sys.stdout, sys.stderr):
        # A path may have letters that the terminal has not.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    label = MnistBpError.label
    try:
        status = app(standalone_mode=False, prog_name="mnist-bp") or 0
        message = "interrupted" if status == INTERRUPTED else ""
    except KeyboardInterrupt:
        status, message = INTERRUPTED, "interrupted"
    except Exception as error:
        if os.environ.get("MNIST_BP_DEBUG"):
            raise
        status, message = _explain(error)
        label = getattr(error, "label", label)
    if message:
        _complain(message, label)
    sys.exit(status)


def _complain(message: str, label: str = MnistBpError.label) -> None:
    from mnist_bp import console

    console.say(message, label, "bold red")


def _explain(error: Exception) -> tuple[int, str]:
    """Return the exit status and the message for an error that a user can meet; raise any other."""
    match error:
        case MnistBpError():
            return error.exit_status, str(error)
        case typer.TyperException():
            return error.exit_code, error.format_message()
        case MemoryError():
            return UsageError.exit_status, f"this needs more memory than there is: {error}"
        case OSError():
            return MnistBpError.exit_status, str(error)
    raise error


def _examples(*lines: str) -> str:
    # After a line with \b, lines are left as they are.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


@app.callback(
    epilog=_examples(
        "mnist-bp download",
        "mnist-bp gradcheck",
        "mnist-bp train --epochs 17",
        "mnist-bp evaluate weights.npz --mistakes 8",
        "mnist-bp predict weights.npz my-seven.jpg",
    )
)
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version and exit.",
            is_eager=True,
            callback=lambda wanted: _show_version() if wanted else None,
        ),
    ] = False,
) -> None:
    """Train, check and explain the two-layer network of Deep Learning from Scratch on MNIST.

    Every command tells what it takes: mnist-bp train --help
    """


def _show_version() -> None:
    typer.echo(f"mnist-bp {__version__}")
    raise typer.Exit


@app.command(
    epilog=_examples(
        "mnist-bp download", "mnist-bp download --mirror http://127.0.0.1:8000/ --data-dir digits"
    )
)
def download(
    data_dir: DataDir = None,
    mirror: Mirrors = None,
    force: Annotated[
        bool, typer.Option("--force", help="Download the files of the cache anew, even whole ones.")
    ] = False,
) -> None:
    """Fetch MNIST into the cache, or verify what is there.

    Every file is held against its known SHA-256, whichever mirror it comes from.
    """
    from mnist_bp import console, tables
    from mnist_bp.data import mnist

    folder, done = mnist.fill(data_dir, mirror or (), force=force, progress=console.bytes_bar)
    tables.sources(console.results(), folder, done)


CHECK_SETTINGS = {
    "samples": Setting(default=3, help="Digits in the batch.", minimum=1),
    **{key: recipes.settings()[key] for key in ("hidden", "activation", "seed")},
    "step": Setting(
        default=3e-5, help="Half the width of a difference quotient.", minimum=1e-10, maximum=1
    ),
    "tolerance": Setting(
        default=1e-7, help="Largest relative error of a parameter that passes.", minimum=0
    ),
}


@app.command(
    epilog=_examples("mnist-bp gradcheck", "mnist-bp gradcheck --activation sigmoid --samples 10")
)
@with_settings(CHECK_SETTINGS)
@with_digits
def gradcheck(wanted: DigitsOptions, flags: dict[str, Any], as_json: Json = False) -> None:
    """Check every gradient against difference quotients.

    First each layer by itself, then every parameter of an untrained net, on the first training
    digits. The exit status is 1 when one of them does not hold.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    from mnist_bp import console, tables
    from mnist_bp.data.digits import CLASSES, PIXELS, normalized
    from mnist_bp.gradcheck import check_all_layers, check_network
    from mnist_bp.network import TwoLayerNet
    from mnist_bp.randomness import Purpose, stream
    from mnist_bp.training import bytes_needed

    chosen = {key: setting.default for key, setting in CHECK_SETTINGS.items()} | flags
    recipe = Recipe(hidden=chosen["hidden"], batch_size=chosen["samples"])
    samples, step, tolerance = chosen["samples"], chosen["step"], chosen["tolerance"]
    # In double precision, and with a copy of the hidden layer for each of its units.
    _check_memory(2 * bytes_needed(recipe) + 4 * 8 * samples * chosen["hidden"] ** 2)
    (digits,) = _read_or_draw(wanted, "train")
    if samples > len(digits):
        raise UsageError(f"--samples must be at most {len(digits):,}: there are no more digits")
    x, t = normalized(digits.images[:samples], np.float64), digits.labels[:samples]
    rng = stream(chosen["seed"], Purpose.WEIGHTS)
    net = TwoLayerNet(PIXELS, chosen["hidden"], CLASSES, activation=chosen["activation"], rng=rng)

    with threadpool_limits(1, user_api="blas"):
        layers = list(check_all_layers(stream(chosen["seed"], Purpose.LAYER_CHECKS), step))
        network = check_network(net, x, t, step)
    failures = [line for check in (*layers, network) for line in check.failures(tolerance)]

    if as_json:
        _print_json(
            passed=not failures,
            step=step,
            tolerance=tolerance,
            parameters=[parameter.figures() for parameter in network.parameters],
            layers={check.name: [p.figures() for p in check.parameters] for check in layers},
            dataset=digits.dataset,
            samples=samples,
        )
    else:
        title = (
            f"gradients of a 784-{chosen['hidden']}-10 net on {samples} digits of {digits.dataset}"
        )
        tables.gradient_checks(console.results(), title, layers, network, tolerance)
    if failures:
        raise CheckError("\n".join(["the gradient check does not hold", *failures]))


@app.command(
    epilog=_examples(
        "mnist-bp train --epochs 17",
        "mnist-bp train --config book --output book.npz",
        "mnist-bp train --hidden 200 --lr 0.2 --log run.jsonl",
        "mnist-bp train --resume weights.npz --epochs 30",
    )
)
@with_settings(recipes.settings())
@with_digits
def train(
    wanted: DigitsOptions,
    flags: dict[str, Any],
    config: Annotated[
        str | None,
        typer.Option(
            help="Recipe to start from: a TOML file, or the name of a built-in one "
            f"({', '.join(recipes.built_in())}).",
            metavar="FILE|NAME",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Where the weights go. [default: weights.npz, or the file that is resumed]",
            metavar="FILE",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Weights file of a run to go on with, exactly.", metavar="FILE"),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(help="File to append a JSON object to for every row.", metavar="FILE"),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Print no table and no bar: only what one has to know."),
    ] = False,
) -> None:
    """Train a net, with a row for each epoch.

    The first row is the untrained net. The weights are saved after every epoch, and at Ctrl-C. An
    older file of the same name is kept, under another.
    """
    chosen = (recipes.read(config) if config is not None else {}) | flags
    output = output or resume or DEFAULT_WEIGHTS
    if resume and not resume.exists():
        raise UsageError(f"{resume} cannot be resumed: there is no such file")
    _check_outputs(output, log)

    from mnist_bp import console, tables, training
    from mnist_bp.batches import steps_per_epoch
    from mnist_bp.weights import RunFile, Weights

    run, digits, other_digits = (
        _resume(resume, wanted, chosen) if resume else _begin(wanted, chosen)
    )
    recipe = run.recipe
    file = RunFile(output, is_ours=resume is not None and output.resolve() == resume.resolve())
    unsaved: WeightsError | None = None
    unlogged = ""

    def save(weights: Weights) -> None:
        nonlocal unsaved
        try:
            if older := file.save(weights):
                console.say(f"the older {output} is now also {older}")
            unsaved = None
        except WeightsError as error:
            unsaved = error
            console.warn(str(error))

    def add_to_log(log: Path, row: "EpochResult") -> None:
        nonlocal unlogged
        try:
            with log.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(row)) + "\n")
        except OSError as error:
            unlogged = f"{log} lacks rows of this run: {error.strerror}"
            console.warn(unlogged)

    title = f"784-{recipe.hidden}-10 on {digits.dataset}, seed {recipe.seed}"
    table = tables.epochs(console.results(), title, recipe.measured_on)
    steps = recipe.epochs * steps_per_epoch(recipe, len(digits)) - len(run.step_losses)
    with noticed() as signals, console.steps_bar(steps, show=not quiet) as advance:

        def after_step() -> bool:
            advance()
            return bool(signals)

        for row, weights in training.train(run, digits, other_digits, after_step):
            if row.epoch > 0:
                save(weights)
            if log:
                add_to_log(log, row)
            if not quiet:
                tables.epoch(table, row)
            if run.doubt:
                console.warn(run.doubt)
        if run.epochs < recipe.epochs:
            save(run.weights(digits))
            outcome = "nothing was saved" if unsaved else _how_to_go_on(output, wanted, log, quiet)
            raise StoppedError(signals[0], outcome)
    if unsaved:
        raise WeightsError(f"the weights after epoch {run.epochs} are lost: {unsaved}")
    if unlogged:
        raise MnistBpError(unlogged)
    if not quiet:
        tables.curve(table.console, run.history, recipe.measured_on)
        console.say(f"saved {output}")


def _begin(wanted: DigitsOptions, chosen: dict[str, Any]) -> "tuple[Run, Digits, Digits]":
    """Return a new run, and the digits to train and to test it on."""
    from mnist_bp.training import Run, bytes_needed

    recipe = Recipe(**chosen)
    _check_memory(bytes_needed(recipe))
    read = partial(_read_or_draw, wanted)
    return Run(recipe), *_to_train_and_to_measure(recipe, read)


def _resume(
    path: Path, wanted: DigitsOptions, chosen: dict[str, Any]
) -> "tuple[Run, Digits, Digits]":
    """Return a saved run, as it was when it was saved, and its digits."""
    from mnist_bp.training import Run, bytes_needed
    from mnist_bp.weights import load

    saved = load(path)
    recipe = _recipe_to_resume(path, saved, chosen)
    _check_memory(bytes_needed(recipe))
    if wanted.dataset and wanted.dataset != saved.dataset:
        raise UsageError(
            f"--dataset {wanted.dataset} contradicts {path}, which was trained on {saved.dataset}"
        )
    name = wanted.dataset or (None if wanted.data_dir else saved.dataset)
    digits, other_digits = _to_train_and_to_measure(recipe, partial(_read, wanted, name))
    if digits.digests != saved.digests:
        raise DataError(f"{path} was trained on other digits of {saved.dataset} than these")
    try:
        return Run.resumed(saved, recipe, len(digits)), digits, other_digits
    except WeightsError as error:
        raise WeightsError(f"{path} cannot be resumed: {error}") from error


def _to_train_and_to_measure(
    recipe: Recipe, read: "Callable[..., list[Digits]]"
) -> "tuple[Digits, Digits]":
    """Return the digits to learn from, and others: the test digits, or some that are held out."""
    if not recipe.validation:
        digits, test_digits = read("train", "test")
        return digits, test_digits
    (digits,) = read("train")
    if recipe.validation >= len(digits):
        raise UsageError(
            f"--validation must be below {len(digits):,}: there are no more training digits"
        )
    return digits.held_out(recipe.validation)


def _recipe_to_resume(path: Path, saved: "Weights", chosen: dict[str, Any]) -> Recipe:
    """Return the recipe of a saved run, with as many epochs as are wanted now."""
    if saved.recipe is None:
        raise WeightsError(
            f"{path} cannot be resumed: it holds the four arrays alone, and nothing of the run"
        )
    for key, value in chosen.items():
        old = getattr(saved.recipe, key)
        if key != "epochs" and value != old:
            raise UsageError(f"{key} = {value} contradicts {path}, where it is {old}")
    epochs = chosen.get("epochs", saved.recipe.epochs)
    if epochs <= saved.epochs:
        raise UsageError(
            f"{path} has finished {saved.epochs} epochs: to go on, name a larger number, such as "
            f"--epochs {saved.epochs + 10}"
        )
    if epochs != saved.recipe.epochs and (saved.recipe.schedule, saved.recipe.warmup) != (
        "constant",
        0,
    ):
        from mnist_bp import console

        console.warn(
            f"from here on the learning rate follows the schedule of {epochs} epochs, no longer "
            f"that of {saved.recipe.epochs}: no single run would end as this one will"
        )
    return replace(saved.recipe, epochs=epochs)


def _how_to_go_on(output: Path, wanted: DigitsOptions, log: Path | None, quiet: bool) -> str:
    words = ["mnist-bp", "train", "--resume", str(output)]
    for option, path in (("--data-dir", wanted.data_dir), ("--log", log)):
        if path:
            words += [option, str(path)]
    if quiet:
        words.append("--quiet")
    return f"all is saved; to go on: {shlex.join(words)}"


def _check_memory(needed: int) -> None:
    """Refuse what fits no memory before it is tried: some systems end such processes unasked."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return
    if needed > memory:
        raise UsageError(
            f"this needs {needed:,} bytes of memory, and the machine has {memory:,}: choose a "
            "smaller --hidden or --batch-size"
        )


EVALUATE_SETTINGS = {
    "split": Setting(
        default="test", help="Which digits to show the net.", choices=("test", "train")
    ),
    "mistakes": Setting(
        default=0, help="How many of the most confident mistakes to draw.", minimum=0
    ),
}


@app.command(
    epilog=_examples(
        "mnist-bp evaluate weights.npz",
        "mnist-bp evaluate weights.npz --mistakes 8",
        "mnist-bp evaluate weights.npz --report report.html",
        "mnist-bp evaluate weights.npz --split train --json",
        "mnist-bp evaluate first.npz second.npz third.npz",
    )
)
@with_settings(EVALUATE_SETTINGS)
@with_digits
def evaluate(
    wanted: DigitsOptions,
    flags: dict[str, Any],
    weights: Annotated[
        list[Path],
        typer.Argument(help="Weights files; several are one committee.", metavar="WEIGHTS..."),
    ],
    report: Annotated[
        Path | None,
        typer.Option(
            help="HTML page to write: figures, mistakes, and a pad to draw digits on for the net.",
            metavar="FILE",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how good trained weights are, and where they go wrong.

    Several files are one committee: the class probabilities of their nets are averaged.
    """
    from mnist_bp import console, evaluation, tables
    from mnist_bp.weights import load

    chosen = {key: setting.default for key, setting in EVALUATE_SETTINGS.items()} | flags
    if report:
        if len(weights) > 1:
            raise UsageError("--report tells of one net: name one weights file")
        need("report")
        _check_report(report, weights[0])
    loaded = [load(path) for path in weights]
    (digits,) = _read(wanted, _name_of_digits(wanted, weights, loaded), chosen["split"])
    members = [_evaluate(each, digits) for each in loaded]
    result = evaluation.committee(members) if len(members) > 1 else members[0]
    for path, each in zip(weights, loaded, strict=True):
        if each.dataset not in (None, digits.dataset):
            console.warn(
                f"{path} was trained on the data set {each.dataset}, this is {digits.dataset}"
            )
    names = list(map(str, weights))
    who = names[0] if len(members) == 1 else f"a committee of {len(members)}"
    title = f"{who} on {digits.dataset}, {chosen['split']} digits"
    if report:
        _write_report(report, result, digits, loaded[0], title)
    if as_json:
        each_alone = [
            {"weights": name, "errors": member.errors, "accuracy": member.accuracy}
            for name, member in zip(names, members, strict=True)
        ]
        committee = {"members": each_alone} if len(members) > 1 else {}
        _print_json(dataset=digits.dataset, split=chosen["split"], **result.figures(), **committee)
        return
    out = console.results()
    if len(members) > 1:
        tables.members(out, names, members)
    tables.summary(out, title, result)
    tables.per_class(out, result.per_class)
    tables.confusion(out, result)
    if worst := result.mistakes(chosen["mistakes"]):
        tables.mistakes(out, worst, digits)


def _name_of_digits(
    wanted: DigitsOptions, paths: Sequence[Path], loaded: "Sequence[Weights]"
) -> str | None:
    """Return the data set to use: without a word from the user, that of the weights' training."""
    if wanted.dataset or wanted.data_dir:
        return wanted.dataset
    named = {each.dataset: path for path, each in zip(paths, loaded, strict=True) if each.dataset}
    if len(named) > 1:
        told = ", ".join(f"{path} on {name}" for name, path in named.items())
        raise UsageError(f"the nets were trained on different digits ({told}): name --dataset")
    return next(iter(named), None)


def _evaluate(weights: "Weights", digits: "Digits") -> "Evaluation":
    from threadpoolctl import threadpool_limits

    from mnist_bp.evaluation import evaluate

    net = weights.net()
    with threadpool_limits(weights.recipe.threads if weights.recipe else 1, user_api="blas"):
        return evaluate(net, digits)


@app.command(
    epilog=_examples(
        "mnist-bp predict weights.npz my-seven.jpg",
        "mnist-bp predict weights.npz scans/*.png --json",
    )
)
def predict(
    weights: Annotated[Path, typer.Argument(help="The weights file.", metavar="WEIGHTS")],
    images: Annotated[
        list[Path],
        typer.Argument(
            help="Pictures of one digit each, of any size: dark on light or light on dark, "
            "scanned, drawn or photographed.",
            metavar="IMAGE...",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Tell which digit a picture shows, and show the digit as the net sees it.

    A picture that cannot be used is reported, and the others are still done; the exit status is 1
    then, or 2 if nothing else was wrong than paths where there is no file.
    """
    from threadpoolctl import threadpool_limits

    from mnist_bp import console, picture, tables
    from mnist_bp.evaluation import answers
    from mnist_bp.layers import softmax
    from mnist_bp.weights import load

    loaded = load(weights)
    net = loaded.net()
    results: list[dict[str, Any]] = []
    digits, statuses = [], set()
    with (
        # The matrices are small: more threads would only wait for each other.
        threadpool_limits(1, user_api="blas"),
        console.steps_bar(len(images), show=len(images) > 1, unit="picture") as advance,
    ):
        for file in images:
            try:
                digit = picture.prepared(picture.ink_of(picture.read(file)))
                probabilities = softmax(answers(net, digit[None]).astype(float))[0].tolist()
            except (PictureError, NoFileError) as error:
                statuses.add(error.exit_status)
                message = console.one_line(error)
                results.append({"file": str(file), "error": message})
                _complain(f"{console.one_line(file)}: {message}")
            else:
                best = max(probabilities)
                results.append(
                    {
                        "file": str(file),
                        "digit": probabilities.index(best),
                        "probability": best,
                        "probabilities": probabilities,
                    }
                )
                digits.append(digit)
            advance()
    done = [(each["file"], each["probabilities"]) for each in results if "digit" in each]
    if as_json:
        _print_json(weights=str(weights), pictures=results)
    elif len(images) > 1 and done:
        tables.predictions(console.results(), f"{console.one_line(weights)} on pictures", done)
    elif done:
        tables.prediction(console.results(), done[0][0], digits[0], done[0][1])
    if statuses:
        raise typer.Exit(min(statuses))


def _read(wanted: DigitsOptions, name: str | None, *splits: str) -> "list[Digits]":
    from mnist_bp import console
    from mnist_bp.data.mnist import read_digits

    return read_digits(splits, name, wanted.data_dir, wanted.mirror or (), console.bytes_bar)


def _read_or_draw(wanted: DigitsOptions, *splits: str) -> "list[Digits]":
    """Read the digits that are wanted, or go on with synthetic ones where MNIST is out of reach."""
    try:
        return _read(wanted, wanted.dataset, *splits)
    except DownloadError as error:
        if wanted.dataset:
            raise
        from mnist_bp import console
        from mnist_bp.data.digits import SYNTHETIC

        console.warn(f"MNIST could not be reached: {error}")
        console.warn("going on with the synthetic digits instead of MNIST")
        return _read(wanted, SYNTHETIC, *splits)


def _check_outputs(output: Path, log: Path | None) -> None:
    """Find out before the work, not after it, that its results have no place to go."""
    _check_output("--output", output)
    if log:
        _check_output("--log", log)
        if log.resolve() == output.resolve():
            raise UsageError(f"--log {log} is where the weights go: name another file")


def _check_report(report: Path, weights: Path) -> None:
    """Find out before the work that the report has no place to go."""
    _check_output("--report", report)
    if report.resolve() == weights.resolve():
        raise UsageError(f"--report {report} is the weights file: name another file")


def _check_output(option: str, path: Path) -> None:
    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise UsageError(f"{option} {path}: this is a folder or a device, not a file")
    try:
        try_out(path)
    except OSError as error:
        raise UsageError(f"{option} {path}: it cannot be written: {error.strerror}") from error


def _write_report(
    path: Path, result: "Evaluation", digits: "Digits", weights: "Weights", title: str
) -> None:
    from mnist_bp import console
    from mnist_bp.report import page

    # A path may have bytes that are no letters.
    html = page(result, digits, weights, title=title).encode(errors="replace")
    try:
        with replacing(path) as file:
            file.write(html)
    except OSError as error:
        raise MnistBpError(f"{path} cannot be written: {error.strerror}") from error
    console.say(f"saved {path} ({len(html) / 1e6:.1f} MB)")


def _print_json(**values: Any) -> None:
    from mnist_bp import console

    console.results().print(json.dumps(values), soft_wrap=True, markup=False)
