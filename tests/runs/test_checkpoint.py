"""The checkpoint: what it holds, how it is written, and what is refused."""

import errno
import io
import json
import re
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from helpers import change_arrays, four_arrays
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_bp import TwoLayerNet, files
from mnist_bp.errors import UsageError, WeightsError
from mnist_bp.runs import checkpoint as checkpoints
from mnist_bp.runs.checkpoint import Checkpoint, EpochResult, load_checkpoint, save_checkpoint
from mnist_bp.runs.recipe import Recipe
from mnist_bp.runs.run import Run

PARAMS = TwoLayerNet(784, 5, 10, dtype=np.float32, rng=0).params
CHECKPOINT = Checkpoint(
    PARAMS,
    Recipe(hidden=5, activation="sigmoid"),
    dataset="custom",
    digests=("aa", "bb"),
    history=[EpochResult(0, 2.3, 0.1, 0.11, 0.5), EpochResult(1, 1.5, 0.6, 0.61, 0.7)],
    step_losses=np.array([2.0, 1.0], np.float32),
    optimizer={"velocity.W1": np.ones((784, 5), np.float32)},
)


def test_a_file_holds_all_that_was_saved(tmp_path):
    save_checkpoint(tmp_path / "w.npz", CHECKPOINT)

    loaded = load_checkpoint(tmp_path / "w.npz")

    for name, array in PARAMS.items():
        assert np.array_equal(loaded.params[name], array)
        assert loaded.params[name].dtype == array.dtype
    assert np.array_equal(loaded.step_losses, CHECKPOINT.step_losses)
    assert np.array_equal(loaded.optimizer["velocity.W1"], np.ones((784, 5)))
    for field in ("recipe", "dataset", "digests", "epochs", "history", "activation"):
        assert getattr(loaded, field) == getattr(CHECKPOINT, field)
    assert loaded.versions == checkpoints.versions()


def test_plain_numpy_reads_the_file_and_finds_the_parameters_first(tmp_path):
    save_checkpoint(tmp_path / "w.npz", CHECKPOINT)

    with np.load(tmp_path / "w.npz") as archive:
        assert archive.files[:4] == ["W1", "b1", "W2", "b2"]
        assert all(archive[name].dtype != object for name in archive.files)
        assert archive["history"]["test_accuracy"].tolist() == [0.11, 0.61]


def test_the_four_arrays_are_enough(tmp_path):
    np.savez(tmp_path / "w.npz", **PARAMS)

    loaded = load_checkpoint(tmp_path / "w.npz")

    assert loaded.activation == "relu"
    assert loaded.recipe is None
    assert list(loaded.history) == []


@pytest.mark.parametrize(
    ("dtype", "becomes"), [("f2", "f4"), ("f4", "f4"), ("f8", "f8"), (">f4", "f4"), (">f8", "f8")]
)
def test_every_usual_type_of_number_is_read(tmp_path, dtype, becomes):
    np.savez(tmp_path / "w.npz", **{name: array.astype(dtype) for name, array in PARAMS.items()})

    loaded = load_checkpoint(tmp_path / "w.npz")

    assert {array.dtype for array in loaded.params.values()} == {np.dtype(becomes)}
    assert np.allclose(loaded.params["W1"], PARAMS["W1"], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"b1": None}, "it lacks b1"),
        ({"W1": None, "b2": None}, "it lacks W1, b2"),
        ({"b1": np.zeros(6)}, r"has W1 of shape \(784, 5\), expected 784 x 6"),
        ({"W2": np.zeros((5, 9))}, r"has W2 of shape \(5, 9\), expected 5 x 10"),
        ({"W1": np.zeros(784)}, r"has W1 of shape \(784,\), expected 784 x 5"),
        (four_arrays(hidden=0), "has no hidden unit"),
        ({"W1": np.zeros((784, 5), int)}, "has W1 of type int64"),
        ({"W1": np.zeros((784, 5), complex)}, "has W1 of type complex128"),
        ({"W1": np.zeros((784, 5), np.longdouble)}, f"has W1 of type {np.dtype('g')}"),
        ({"b2": np.full(10, "a")}, "has b2 of type <U1"),
        ({"b2": np.full(10, np.nan)}, "has numbers in b2 that are not finite"),
        ({"b2": np.full(10, np.inf)}, "has numbers in b2 that are not finite"),
        ({"W1": np.full((784, 5), {})}, "has W1 of type object"),
    ],
)
def test_arrays_that_fit_no_network_are_refused(tmp_path, change, message):
    arrays = {name: array for name, array in (PARAMS | change).items() if array is not None}
    np.savez(tmp_path / "w.npz", **arrays)

    with pytest.raises(WeightsError, match=message) as caught:
        load_checkpoint(tmp_path / "w.npz")
    assert "w.npz" in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"PK\x03\x04 but no zip", b"\x80\x04N."], ids=repr
)
def test_a_file_that_is_not_an_archive_is_refused(tmp_path, content):
    (tmp_path / "w.npz").write_bytes(content)

    with pytest.raises(WeightsError, match="is not a weights file"):
        load_checkpoint(tmp_path / "w.npz")


def test_a_single_array_is_refused(tmp_path):
    with (tmp_path / "w.npz").open("wb") as file:
        np.save(file, np.zeros(3))

    with pytest.raises(WeightsError, match="is not a weights file: File is not a zip file"):
        load_checkpoint(tmp_path / "w.npz")


def test_a_file_cut_short_anywhere_is_refused(tmp_path, full):
    save_checkpoint(tmp_path / "w.npz", CHECKPOINT)
    content = (tmp_path / "w.npz").read_bytes()
    for length in range(0, len(content), 1 if full else 997):
        (tmp_path / "w.npz").write_bytes(content[:length])
        with pytest.raises(WeightsError, match="is not a weights file"):
            load_checkpoint(tmp_path / "w.npz")


def test_arrays_of_other_names_are_ignored(tmp_path):
    others = {"W3": np.zeros(3), "order": np.full(5, {}), "optimizer.t": np.array("x")}
    np.savez(tmp_path / "four.npz", **PARAMS, **others)
    save_checkpoint(tmp_path / "run.npz", CHECKPOINT)
    change_arrays(tmp_path / "run.npz", **others | {"order": np.arange(3)})

    for name in ("four.npz", "run.npz"):
        loaded = load_checkpoint(tmp_path / name)
        assert np.array_equal(loaded.params["W1"], PARAMS["W1"])
    assert list(loaded.optimizer) == ["velocity.W1"]


def test_a_zip_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("letter.txt", "Dear reader")

    with pytest.raises(WeightsError, match="is not a weights file"):
        load_checkpoint(tmp_path / "w.npz")


def test_a_file_that_unpacks_to_far_more_is_refused(tmp_path):
    bomb = PARAMS | {"W1": np.zeros((784, 30_000), np.float32)}
    np.savez_compressed(tmp_path / "w.npz", **bomb)
    assert (tmp_path / "w.npz").stat().st_size < 1e6

    with pytest.raises(WeightsError, match="unpacks to far more bytes than it has: refused"):
        load_checkpoint(tmp_path / "w.npz")


def test_a_header_that_claims_more_than_there_is_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    )
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        for name in PARAMS:
            archive.writestr(f"{name}.npy", header.getvalue() + bytes(64))

    with pytest.raises(WeightsError, match=r"has b1 of shape \(1000000000000,\)"):
        load_checkpoint(tmp_path / "w.npz")


def test_a_compressed_file_is_read(tmp_path):
    np.savez_compressed(tmp_path / "w.npz", **PARAMS)

    assert np.array_equal(load_checkpoint(tmp_path / "w.npz").params["W1"], PARAMS["W1"])


def mutations(whole):
    """Return a strategy of functions that change some bytes of a file, mostly of its headers."""
    places = st.integers(0, len(whole)) | st.sampled_from(
        [
            match.start() + shift
            for match in re.finditer(b"PK|NUMPY|descr|shape", whole)
            for shift in range(0, 60, 3)
        ]
    )
    flip = st.builds(
        lambda i, new: lambda b: b[:i] + new + b[i + len(new) :],
        places,
        st.binary(min_size=1, max_size=6),
    )
    cut = st.builds(lambda i, j: lambda b: b[: min(i, j)] + b[max(i, j) :], places, places)
    swap = st.builds(
        lambda i, j, n: lambda b: b[:i] + b[j : j + n] + b[i + n :],
        places,
        places,
        st.integers(1, 400),
    )
    return st.lists(flip | cut | swap, min_size=1, max_size=3)


def headers():
    """Return a strategy of the headers of arrays, right and wrong."""
    lengths = st.sampled_from([0, 1, 2, 5, 10, 784, 785, 10**6, 10**12, 2**63, -1, -5, 2.5, None])
    shape = st.lists(lengths, max_size=3).map(tuple) | st.just("5")
    kinds = ["<f4", ">f8", "<f2", "<i8", "<U0", "<U9", "|V0", "|V64", "|O", "|S9", "<c8", "f4,f4"]
    kinds += [
        "(10000,10000)f4",
        "<M8[s]",
        "nonsense",
        [("epoch", "<i8")],
        checkpoints._HISTORY.descr,
    ]
    return st.fixed_dictionaries(
        {"descr": st.sampled_from(kinds), "fortran_order": st.booleans(), "shape": shape}
    )


def array_file(header, content, version=1):
    text = repr(header).encode()
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + content


def small_file(path):
    """Save a checkpoint of one hidden unit; return its bytes and its members'."""
    params = TwoLayerNet(784, 1, 10, dtype=np.float16, rng=0).params
    small = replace(CHECKPOINT, params=params, recipe=Recipe(hidden=1), optimizer={})
    save_checkpoint(path, small)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return path.read_bytes(), members


def test_no_mutation_of_a_file_does_more_than_be_read_or_refused(tmp_path, full):
    path = tmp_path / "w.npz"
    whole, members = small_file(path)

    def load():
        tracemalloc.start()
        try:
            loaded = load_checkpoint(path)
        except WeightsError as error:
            assert str(path) in str(error)
        else:
            assert loaded.params["W1"].shape[0] == 784
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < 250e6

    examples = settings(max_examples=10_000 if full else 150, deadline=None)

    @examples
    @given(mutations(whole))
    def change_bytes(changes):
        changed = whole
        for change in changes:
            changed = change(changed)
        path.write_bytes(changed)
        load()

    @examples
    @given(
        st.sampled_from(sorted(members)),
        st.binary(max_size=80)
        | st.builds(array_file, headers(), st.binary(max_size=80), st.integers(1, 4)),
        st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    )
    def change_an_array(name, content, packing):
        with zipfile.ZipFile(path, "w", packing) as archive:
            for other, whole_array in members.items():
                archive.writestr(other, content if other == name else whole_array)
        load()

    change_bytes()
    change_an_array()


def test_a_file_of_a_newer_version_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "FORMAT", 3)
    save_checkpoint(tmp_path / "w.npz", CHECKPOINT)
    monkeypatch.undo()
    change_arrays(tmp_path / "w.npz", array_of_the_future=np.zeros(3), history=None)

    with pytest.raises(WeightsError, match="newer version"):
        load_checkpoint(tmp_path / "w.npz")


ROW = np.zeros(2, checkpoints._HISTORY)
ROW["epoch"] = 0, 1


def row(**values):
    """Return a history whose second row has other values."""
    changed = ROW.copy()
    for name, value in values.items():
        changed[name][1] = value
    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": "lr = 'x'"}, "has a damaged recipe: lr must be a number above 0"),
        ({"recipe": "?"}, "has a damaged recipe: Invalid statement"),
        ({"recipe": "lr." + "a." * 2000 + "a = 1"}, "has a damaged recipe: lr must be"),
        ({"recipe": "lr = " + "[" * 4000}, "has a damaged recipe: it is nested too deeply"),
        ({"recipe": "a." * 60_000 + "a = 1"}, "has recipe of type <U120005"),
        ({"recipe": "hidden = 6"}, "has 5 hidden units, but a recipe for 6"),
        ({"recipe": np.array(["lr = 1"])}, r"has recipe of shape \(1,\)"),
        ({"recipe": np.array(b"lr = 1")}, "has recipe of type |S6"),
        ({"history": None}, "lacks history"),
        ({"history": [1, 2]}, "has history of type int64"),
        ({"history": ROW[0]}, r"has history of shape \(\), expected at most 100,001"),
        ({"history": ROW[["epoch", "loss"]].copy()}, "has a history of type"),
        ({"history": ROW.reshape(1, 2)}, r"has history of shape \(1, 2\)"),
        ({"history": row(loss=np.nan)}, "has a damaged history: its row 1"),
        ({"history": row(loss=1e308)}, "has a damaged history: its row 1"),
        ({"history": row(loss=-1)}, "has a damaged history: its row 1"),
        ({"history": row(epoch=2)}, "has a damaged history: its row 1"),
        ({"history": row(test_accuracy=1.1)}, "has a damaged history: its row 1"),
        ({"history": row(train_accuracy=np.nan)}, "has a damaged history: its row 1"),
        ({"history": row(seconds=np.inf)}, "has a damaged history: its row 1"),
        ({"step_losses": np.float32(1)}, r"has step_losses of shape \(\)"),
        ({"step_losses": np.ones(3, int)}, "has step_losses of type int64"),
        ({"step_losses": np.full(2, np.nan)}, "has numbers in step_losses that are not finite"),
        ({"dataset": None}, "lacks dataset"),
        ({"dataset": "x" * 101}, "has dataset of type <U101"),
        ({"dataset_sha256": ["a", "b", "c"]}, r"has dataset_sha256 of shape \(3,\)"),
        ({"dataset_sha256": ["a" * 65, "b"]}, "has dataset_sha256 of type <U65"),
        ({"versions": "x" * 1001}, "has versions of type <U1001"),
        ({"format": "2"}, "has format of type <U1"),
        ({"format": [2, 2]}, r"has format of shape \(2,\), expected one value"),
        ({"optimizer.velocity.W1": np.ones(3)}, "has optimizer.velocity.W1 of shape"),
        ({"optimizer.m.b1": np.full(5, "x")}, "has optimizer.m.b1 of type <U1"),
        ({"optimizer.m.b1": np.full(5, np.nan)}, "has numbers in optimizer.m.b1 that are not"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_damaged_record_is_refused(tmp_path, change, message):
    save_checkpoint(tmp_path / "w.npz", CHECKPOINT)
    change_arrays(tmp_path / "w.npz", **change)

    with pytest.raises(WeightsError, match=message.replace("|", "[|]")) as caught:
        load_checkpoint(tmp_path / "w.npz")
    assert str(caught.value).startswith(str(tmp_path / "w.npz"))
    assert len(str(caught.value)) < 1000


def header_of(descr, *shape):
    return array_file({"descr": descr, "fortran_order": False, "shape": shape}, b"")


def zeros(descr, count):
    """Return the file of an array of zeros, as an iterator of its pieces."""
    yield header_of(descr, count)
    size = count * np.dtype(descr).itemsize
    for start in range(0, size, 2**20):
        yield bytes(min(2**20, size - start))


def huge_header(megabytes):
    yield b"\x93NUMPY\x02\x00" + b"\xff\xff\xff\xff"
    for _ in range(megabytes):
        yield b" " * 2**20


SMALL_ROW = [(name, "|i1") for name in checkpoints._HISTORY.names]

HOSTILE = {
    "items of size 0": {"b1": [header_of("<U0", 10**12)]},
    "void items of size 0": {"history": [header_of("|V0", 10**12)]},
    "a shape that the bytes do not fill": {"step_losses": [header_of("<f4", 10**8)]},
    "digests of millions of characters": {"dataset_sha256": zeros("|S1", 60_000_000)},
    "digests of one long text each": {"dataset_sha256": zeros("<U7000000", 2)},
    "a history of millions of small rows": {"history": zeros(SMALL_ROW, 12_000_000)},
    "a history of a million rows": {"history": zeros(checkpoints._HISTORY.descr, 1_500_000)},
    "losses of one byte each": {"step_losses": zeros("|i1", 60_000_000)},
    "the losses of as many steps as fit": {"step_losses": zeros("<f2", 33_000_000)},
    "a header of 100 MB": {"b1": huge_header(100)},
    "a header of 62 MB": {"b1": huge_header(62)},
    "a header of 62 MB in the record": {"history": huge_header(62)},
    "an array of arrays": {"W1": [header_of("(30000,30000)f8")]},
    "a wide net": {
        "b1": zeros("<f2", 42_000),
        "W1": [header_of("<f2", 784, 42_000), *(bytes(84_000) for _ in range(784))],
        "W2": [header_of("<f2", 42_000, 10), bytes(840_000)],
        "recipe": None,
    },
}

LOAD_ALL = """
import json, re, resource, sys, time
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
from mnist_bp.errors import WeightsError
from mnist_bp.runs.checkpoint import load_checkpoint
for path in sys.argv[1:]:
    started, problem = time.monotonic(), ""
    try:
        load_checkpoint(path)
    except WeightsError as error:
        problem = str(error)
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    print(json.dumps([path, time.monotonic() - started, peak, problem]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux shows it")
def test_memory_is_bounded_by_what_a_file_has_not_by_what_it_claims(tmp_path):
    _, members = small_file(tmp_path / "whole.npz")
    paths = []
    for name, changes in HOSTILE.items():
        paths.append(tmp_path / f"{name}.npz")
        with zipfile.ZipFile(paths[-1], "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for member, content in members.items():
                pieces = changes.get(member.removesuffix(".npy"), [content])
                if pieces is not None:
                    with archive.open(member, "w") as file:
                        for piece in pieces:
                            file.write(piece)
        assert paths[-1].stat().st_size < 2e6

    done = subprocess.run(
        [sys.executable, "-c", LOAD_ALL, *paths], capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        path, seconds, megabytes, problem = json.loads(line)
        assert megabytes < 300, path
        assert seconds < 5, path
        if "as fit" not in path and "wide" not in path:
            assert problem.startswith(path)
            assert len(problem) < 1000
    assert len(done.stdout.splitlines()) == len(HOSTILE)


def test_a_path_without_a_file_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match=r"none.npz cannot be read: there is no such file"):
        load_checkpoint(tmp_path / "none.npz")
    with pytest.raises(UsageError, match="it is a folder"):
        load_checkpoint(tmp_path)


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    save_checkpoint(tmp_path / "w.npz", CHECKPOINT)
    before = (tmp_path / "w.npz").read_bytes()
    listing = sorted(tmp_path.iterdir())

    with pytest.raises(OSError, match="full"), files.replacing(tmp_path / "w.npz") as file:
        file.write(b"half of it")
        raise OSError(errno.ENOSPC, "the disk is full")

    assert (tmp_path / "w.npz").read_bytes() == before
    assert sorted(tmp_path.iterdir()) == listing


def test_saving_where_nothing_can_be_written_is_one_of_our_errors(tmp_path):
    with pytest.raises(WeightsError, match="cannot be written: No such file or directory"):
        save_checkpoint(tmp_path / "nowhere" / "w.npz", CHECKPOINT)


def test_a_saved_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "plain").touch()
    save_checkpoint(tmp_path / "w.npz", CHECKPOINT)

    assert (tmp_path / "w.npz").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_is_evaluated_is_what_was_saved(tmp_path):
    sigmoid = replace(CHECKPOINT, recipe=Recipe(hidden=5, activation="sigmoid"))
    save_checkpoint(tmp_path / "w.npz", sigmoid)
    loaded = load_checkpoint(tmp_path / "w.npz")

    net = TwoLayerNet.from_params(loaded.params, loaded.activation)

    x = np.random.default_rng(0).random((3, 784), np.float32)
    assert np.array_equal(net.predict(x), TwoLayerNet.from_params(PARAMS, "sigmoid").predict(x))


def test_a_run_is_saved_as_its_checkpoint(tmp_path, dataset):
    run = Run(Recipe(epochs=1, hidden=5), *dataset)
    list(run)

    save_checkpoint(tmp_path / "run.npz", run)
    save_checkpoint(tmp_path / "checkpoint.npz", run.checkpoint())

    assert (tmp_path / "run.npz").read_bytes() == (tmp_path / "checkpoint.npz").read_bytes()


def test_a_run_of_format_2_holds_nothing_that_can_be_derived(tmp_path):
    save_checkpoint(tmp_path / "w.npz", CHECKPOINT)

    with np.load(tmp_path / "w.npz") as archive:
        assert archive["format"] == 2
        assert not {"progress", "order", "optimizer.t"} & set(archive.files)


def test_a_checkpoint_says_what_it_is():
    assert repr(CHECKPOINT) == "<Checkpoint 784-5-10, 1 epochs on custom>"
    assert repr(Checkpoint(PARAMS)) == "<Checkpoint 784-5-10>"


def test_checkpoints_compare_by_identity():
    assert CHECKPOINT == CHECKPOINT
    assert replace(CHECKPOINT) != CHECKPOINT
    assert len({CHECKPOINT, replace(CHECKPOINT)}) == 2
