"""Digits on disk: every layout that is read, and every fault that is refused with a message."""

import gzip
import tracemalloc
from datetime import timedelta

import numpy as np
import pytest
from fuzzing import mutations
from helpers import draw_digits, write_idx
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_bp import load_mnist
from mnist_bp.data.folder import UserFolder
from mnist_bp.data.idx import LARGEST, read_idx
from mnist_bp.data.sources import read_digits
from mnist_bp.errors import DataError, UsageError


def write_digits(folder, name="{stem}-idx{dimensions}-ubyte", **arrays):
    """Write a small data set; `arrays` replaces some of its four arrays."""
    for stem, count in (("train", 30), ("t10k", 20)):
        images, labels = draw_digits(count, seed=count)
        for kind, array in (("images", images), ("labels", labels)):
            array = arrays.get(f"{stem}_{kind}", array)
            file = name.format(stem=f"{stem}-{kind}", dimensions=3 if kind == "images" else 1)
            write_idx(folder / file, array)
    return folder


@pytest.mark.parametrize(
    "layout",
    [
        "{stem}-idx{dimensions}-ubyte",
        "{stem}-idx{dimensions}-ubyte.gz",
        "{stem}.idx{dimensions}-ubyte",
        "{stem}.idx{dimensions}-ubyte.gz",
        "MNIST/raw/{stem}-idx{dimensions}-ubyte",
        "MNIST/raw/{stem}-idx{dimensions}-ubyte.gz",
    ],
)
def test_every_usual_layout_is_read(tmp_path, layout):
    train, test = read_digits(["train", "test"], data_dir=write_digits(tmp_path, layout))

    images, labels = draw_digits(30, seed=30)
    assert np.array_equal(train.images, images)
    assert np.array_equal(train.labels, labels)
    assert train.images.dtype == np.uint8
    assert len(test) == 20
    assert train.dataset == "custom"


def test_the_chapters_call(tmp_path):
    (x_train, t_train), (x_test, t_test) = load_mnist(data_dir=write_digits(tmp_path))

    assert x_train.shape == (30, 784)
    assert x_train.dtype == np.float32
    assert 0 <= x_train.min() < x_train.max() <= 1
    assert t_train.shape == (30,)
    assert x_test.shape == (20, 784)
    assert t_test.max() <= 9


def test_the_chapters_call_with_every_option(tmp_path):
    (x_train, t_train), _ = load_mnist(
        normalize=False, flatten=False, one_hot_label=True, data_dir=write_digits(tmp_path)
    )

    images, labels = draw_digits(30, seed=30)
    assert np.array_equal(x_train, images)
    assert np.array_equal(t_train, np.eye(10)[labels])


def test_the_folder_may_be_named_by_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_BP_DATA_DIR", str(write_digits(tmp_path)))

    assert len(read_digits(["train"])[0]) == 30


def test_a_folder_that_does_not_exist_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="nowhere is not a folder"):
        read_digits(["train"], data_dir=tmp_path / "nowhere")


def test_missing_files_are_named_and_a_named_folder_is_left_alone(tmp_path):
    write_digits(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()

    with pytest.raises(DataError, match=r"lacks t10k-labels.*mnist-bp download --data-dir"):
        read_digits(["test"], data_dir=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3 + 1  # the three files, and the test's home


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"train_images": np.zeros((30, 14, 14))}, r"shape \(30, 14, 14\), expected \(N, 28, 28\)"),
        ({"train_labels": np.zeros(29)}, "30 images, but 29 labels"),
        ({"train_labels": np.full(30, 10)}, "holds 10, expected digits from 0 to 9"),
        ({"train_images": np.zeros((0, 28, 28)), "train_labels": np.zeros(0)}, "no digits"),
        ({"train_images": np.zeros(30)}, "begins with 00 00 08 01, expected 00 00 08 03"),
    ],
)
def test_files_that_do_not_hold_digits_are_refused(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message) as caught:
        read_digits(["train"], data_dir=write_digits(tmp_path, **arrays))
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"", "begins with , expected"),
        (lambda content: b"<html>" + content, "begins with 3c 68 74 6d"),
        (lambda content: content[:10], "ends within its header"),
        (lambda content: content[:-1], "cut short: 23,519 of the 30 x 28 x 28 bytes"),
        (lambda content: content + b"\0", "goes on after the 30 x 28 x 28 bytes"),
        (lambda content: content[:4] + b"\xff" * 12 + content[16:], "too large"),
        (lambda content: content[:4] + bytes(4) + b"\xff" * 8, "too large"),
        (lambda content: content[:4] + b"\xff" * 4 + bytes(8), "too large"),
    ],
)
def test_a_file_that_is_not_a_whole_idx_file_is_refused(tmp_path, suffix, damage, message):
    folder = write_digits(tmp_path, f"{{stem}}-idx{{dimensions}}-ubyte{suffix}")
    path = folder / f"train-images-idx3-ubyte{suffix}"
    if suffix:
        path.write_bytes(gzip.compress(damage(gzip.decompress(path.read_bytes()))))
    else:
        path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(DataError, match=message) as caught:
        read_digits(["train"], data_dir=folder)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-4],
        lambda content: content[:100],
        lambda content: content[:-8] + b"\0\0\0\0" + content[-4:],
        lambda content: content[:50] + b"\xff\xff\xff\xff" + content[54:],
        lambda content: b"not gzip",
    ],
)
def test_a_damaged_gzip_is_refused(tmp_path, damage):
    folder = write_digits(tmp_path, "{stem}-idx{dimensions}-ubyte.gz")
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(DataError, match=r"ubyte\.gz cannot be read"):
        read_digits(["train"], data_dir=folder)


def test_digits_that_are_not_mnists_are_used_with_a_warning(tmp_path, caplog):
    read_digits(["train", "test"], data_dir=write_digits(tmp_path))

    assert [record.getMessage() for record in caplog.records] == [
        f"the digits in {tmp_path} are not MNIST's"
    ]


def test_digits_that_are_not_mnists_are_refused_where_mnist_is_asked_for(tmp_path):
    with pytest.raises(DataError, match="does not hold the data set mnist, but custom"):
        read_digits(["train"], "mnist", data_dir=write_digits(tmp_path))


def test_a_folder_and_the_synthetic_digits_exclude_each_other(tmp_path):
    with pytest.raises(UsageError, match="are drawn, not read from"):
        read_digits(["train"], "synthetic", data_dir=tmp_path)


def test_digits_of_ones_own_need_a_folder():
    with pytest.raises(DataError, match=r"custom .* name the folder"):
        read_digits(["train"], "custom")


def test_a_data_set_that_is_unknown_is_named_with_those_that_are_known(tmp_path):
    for data_dir in (None, write_digits(tmp_path)):
        with pytest.raises(DataError) as caught:
            read_digits(["test"], "fashion", data_dir=data_dir)
        known = "choose from mnist, synthetic, custom"
        assert str(caught.value) == f"the data set fashion is unknown; {known}"


def test_weights_of_an_unknown_data_set_are_one_message(command):
    command("train", "--dataset", "synthetic", "--epochs", 1, "--hidden", 2)
    with np.load(command.folder / "weights.npz") as archive:
        np.savez(command.folder / "other.npz", **dict(archive) | {"dataset": "fashion"})

    done = command("evaluate", "other.npz")

    assert done.returncode == 1
    assert "fashion is unknown; choose from mnist, synthetic" in done.stderr
    assert "None" not in done.stderr


@pytest.mark.parametrize("announced", [60_000, LARGEST // 28**2, 4_000_000])
def test_a_small_file_that_unpacks_to_gigabytes_takes_little_memory(tmp_path, announced):
    path = tmp_path / "bomb.gz"
    header = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (announced, 28, 28))
    # The parts of a gzip file unpack one after the other: three gigabytes in three megabytes.
    path.write_bytes(gzip.compress(header) + 60 * gzip.compress(bytes(50_000_000), 9))
    tracemalloc.start()

    with pytest.raises(DataError, match=r"goes on after|too large"):
        read_idx(path, 3)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size < 4e6
    assert peak < 220e6


IMAGES, LABELS = draw_digits(3, seed=0)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_any_mutation_of_a_file_is_read_or_refused(tmp_path_factory, full, suffix):
    folder = tmp_path_factory.mktemp("mutated")
    for stem in ("train", "t10k"):
        write_idx(folder / f"{stem}-images-idx3-ubyte{suffix}", IMAGES)
        write_idx(folder / f"{stem}-labels-idx1-ubyte{suffix}", LABELS)
    paths = [folder / f"train-{name}-ubyte{suffix}" for name in ("images-idx3", "labels-idx1")]
    whole = {path: path.read_bytes() for path in paths}

    @settings(max_examples=10_000 if full else 100, deadline=timedelta(seconds=10))
    @given(path=st.sampled_from(paths), unzipped=st.booleans(), mutation=mutations())
    def check(path, unzipped, mutation):
        if suffix and unzipped:
            changed = gzip.compress(mutation(gzip.decompress(whole[path])))
        else:
            changed = mutation(whole[path])
        path.write_bytes(changed)
        tracemalloc.start()
        try:
            digits = UserFolder(folder).read("train")
        except DataError as error:
            assert str(folder) in str(error)
        else:
            assert digits.images.shape == (len(digits), 28, 28)
            assert 0 <= digits.labels.min() <= digits.labels.max() <= 9
        finally:
            path.write_bytes(whole[path])
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < 220e6

    check()


@pytest.mark.mnist
def test_the_real_digits_are_known_by_their_digests(mnist):
    train, test = read_digits(["train", "test"], "mnist")

    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.dataset == test.dataset == "mnist"
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
