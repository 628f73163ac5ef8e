"""The weights file: what it holds, how it is written, and what is refused."""

import errno
import io
import re
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_bp import TwoLayerNet, files
from mnist_bp.errors import UsageError, WeightsError
from mnist_bp.runs import checkpoint as weights_file
from mnist_bp.runs.checkpoint import Checkpoint, EpochResult, load_checkpoint, save_checkpoint
from mnist_bp.runs.recipe import Recipe

PARAMS = TwoLayerNet(784, 5, 10, dtype=np.float32, rng=0).params
CHECKPOINT = Checkpoint(
    PARAMS,
    Recipe(hidden=5, activation="sigmoid"),
    dataset="custom",
    digests=("aa", "bb"),
    epochs=2,
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
    for field in ("recipe", "dataset", "digests", "epochs", "batches", "history", "activation"):
        assert getattr(loaded, field) == getattr(CHECKPOINT, field)
    assert loaded.versions == weights_file.versions()


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
    assert loaded.history == []


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
        ({"b1": None}, "lacks b1"),
        ({"W1": None, "b2": None}, "lacks W1, b2"),
        ({"b1": np.zeros(6)}, r"W1 has shape \(784, 5\), expected \(784, 6\)"),
        ({"W2": np.zeros((5, 9))}, r"W2 has shape \(5, 9\), expected \(5, 10\)"),
        ({"W1": np.zeros(784)}, r"W1 has shape \(784,\), expected \(784, 5\)"),
        ({"W1": np.zeros((784, 5), int)}, "W1 has type int64, expected float16, float32"),
        ({"W1": np.zeros((784, 5), complex)}, "W1 has type complex128, expected float16"),
        ({"b2": np.full(10, "a")}, "b2 has type <U1, expected float16"),
        ({"b2": np.full(10, np.nan)}, "b2 holds numbers that are not finite"),
        ({"b2": np.full(10, np.inf)}, "b2 holds numbers that are not finite"),
        ({"W1": np.array([{}])}, "is not a weights file: W1.npy holds Python objects"),
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
def test_a_file_that_is_no_archive_is_refused(tmp_path, content):
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


def test_extra_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "w.npz", **PARAMS, W3=np.zeros(3))

    with pytest.raises(WeightsError, match="holds more than weights: W3"):
        load_checkpoint(tmp_path / "w.npz")


def test_a_zip_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("letter.txt", "Dear reader")

    with pytest.raises(WeightsError, match="is not a weights file"):
        load_checkpoint(tmp_path / "w.npz")


def test_a_file_that_unpacks_to_far_more_is_refused(tmp_path):
    bomb = PARAMS | {"W1": np.zeros((784, 200_000), np.float32)}
    np.savez_compressed(tmp_path / "w.npz", **bomb)
    assert (tmp_path / "w.npz").stat().st_size < 1e6

    with pytest.raises(WeightsError, match=r"unpacks to 627,2\d\d,\d+ bytes: refused"):
        load_checkpoint(tmp_path / "w.npz")


def test_a_header_that_claims_more_than_there_is_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    )
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        for name in PARAMS:
            archive.writestr(f"{name}.npy", header.getvalue() + bytes(64))

    with pytest.raises(WeightsError, match=r"W1.npy claims the shape \(1000000000000,\)"):
        load_checkpoint(tmp_path / "w.npz")


def test_a_compressed_file_is_read(tmp_path):
    np.savez_compressed(tmp_path / "w.npz", **PARAMS)

    assert np.array_equal(load_checkpoint(tmp_path / "w.npz").params["W1"], PARAMS["W1"])


def test_no_mutation_of_a_file_does_more_than_be_read_or_refused(tmp_path_factory, full):
    path = tmp_path_factory.mktemp("mutated") / "w.npz"
    small = replace(CHECKPOINT, params=TwoLayerNet(784, 1, 10, dtype=np.float16, rng=0).params)
    save_checkpoint(path, replace(small, recipe=Recipe(hidden=1), optimizer={}))
    whole = path.read_bytes()
    places = st.integers(0, len(whole)) | st.sampled_from(
        [
            match.start() + shift
            for match in re.finditer(b"PK|NUMPY|descr", whole)
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

    @settings(max_examples=3000 if full else 300, deadline=None)
    @given(st.lists(flip | cut | swap, min_size=1, max_size=3))
    def check(mutations):
        changed = whole
        for mutation in mutations:
            changed = mutation(changed)
        path.write_bytes(changed)
        try:
            loaded = load_checkpoint(path)
        except WeightsError as error:
            assert str(path) in str(error)
        else:
            assert loaded.params["W1"].shape[0] == 784

    tracemalloc.start()
    check()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300e6


def test_a_file_of_a_newer_version_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(weights_file, "FORMAT", 2)
    save_checkpoint(tmp_path / "w.npz", CHECKPOINT)
    monkeypatch.undo()
    with np.load(tmp_path / "w.npz") as archive:
        np.savez(tmp_path / "w.npz", **archive, array_of_the_future=np.zeros(3))

    with pytest.raises(WeightsError, match="newer version"):
        load_checkpoint(tmp_path / "w.npz")


@pytest.mark.parametrize(
    "change", [{"recipe": "lr = 'x'"}, {"recipe": "?"}, {"progress": 3}, {"history": [1, 2]}]
)
def test_a_damaged_record_is_refused(tmp_path, change):
    save_checkpoint(tmp_path / "w.npz", CHECKPOINT)
    with np.load(tmp_path / "w.npz") as archive:
        arrays = dict(archive)
    np.savez(tmp_path / "w.npz", **arrays | change)

    with pytest.raises(WeightsError, match="damaged record"):
        load_checkpoint(tmp_path / "w.npz")


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


def test_an_older_file_gets_a_second_name_that_was_free(tmp_path):
    path = tmp_path / "w.npz"
    assert files.back_up(path) is None
    for generation in ("first", "second", "third"):
        path.unlink(missing_ok=True)
        path.write_text(generation)
        files.back_up(path)

    found = {each.name: each.read_text() for each in tmp_path.glob("w*")}
    assert found == {
        "w.npz": "third",
        "w.1.npz": "first",
        "w.2.npz": "second",
        "w.3.npz": "third",
    }


def test_what_is_evaluated_is_what_was_saved(tmp_path):
    sigmoid = replace(CHECKPOINT, recipe=Recipe(hidden=5, activation="sigmoid"))
    save_checkpoint(tmp_path / "w.npz", sigmoid)
    loaded = load_checkpoint(tmp_path / "w.npz")

    net = TwoLayerNet.from_params(loaded.params, loaded.activation)

    x = np.random.default_rng(0).random((3, 784), np.float32)
    assert np.array_equal(net.predict(x), TwoLayerNet.from_params(PARAMS, "sigmoid").predict(x))
