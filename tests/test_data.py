"""Digits on disk: every layout that is read, and every fault that is refused with a word."""

import gzip
import shutil

import numpy as np
import pytest
from conftest import draw_digits, write_idx

from mnist_bp import load_mnist
from mnist_bp.data.mnist import open_dataset
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
    dataset = open_dataset(write_digits(tmp_path, layout))

    images, labels = draw_digits(30, seed=30)
    assert np.array_equal(dataset.train.images, images)
    assert np.array_equal(dataset.train.labels, labels)
    assert dataset.train.images.dtype == np.uint8
    assert len(dataset.test) == 20
    assert dataset.train.dataset == "custom"


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

    assert len(open_dataset().train) == 30


def test_a_folder_that_does_not_exist_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="nowhere is not a folder"):
        open_dataset(tmp_path / "nowhere")


def test_missing_files_are_named_and_a_named_folder_is_left_alone(tmp_path):
    write_digits(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()

    with pytest.raises(DataError, match=r"lacks t10k-labels.*mnist-bp download --data-dir"):
        open_dataset(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3 + 1  # the three files, and the test's home


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"train_images": np.zeros((30, 14, 14))}, "images of 14 x 14 pixels, expected 28 x 28"),
        ({"train_labels": np.zeros(29)}, "30 images, but .* 29 labels"),
        ({"train_labels": np.full(30, 10)}, "label 10, expected digits from 0 to 9"),
        ({"train_images": np.zeros((0, 28, 28)), "train_labels": np.zeros(0)}, "no labels at all"),
        ({"train_images": np.zeros(30)}, "begins with 00 00 08 01, expected 00 00 08 03"),
    ],
)
def test_digits_that_are_not_what_they_should_be_are_refused(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message):
        _ = open_dataset(write_digits(tmp_path, **arrays)).train


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"", "begins with , expected"),
        (lambda content: b"<html>" + content, "begins with 3c 68 74 6d"),
        (lambda content: content[:10], "ends within its header"),
        (lambda content: content[:-1], "cut short: .* 30 x 28 x 28 bytes, 23,519 follow"),
        (lambda content: content + b"\0", "goes on after the 30 x 28 x 28 bytes"),
        (lambda content: content[:4] + b"\xff" * 12 + content[16:], "cut short"),
    ],
)
def test_a_file_that_is_no_whole_idx_file_is_refused(tmp_path, suffix, damage, message):
    folder = write_digits(tmp_path, f"{{stem}}-idx{{dimensions}}-ubyte{suffix}")
    path = folder / f"train-images-idx3-ubyte{suffix}"
    if suffix:
        path.write_bytes(gzip.compress(damage(gzip.decompress(path.read_bytes()))))
    else:
        path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(DataError, match=message) as caught:
        _ = open_dataset(folder).train
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-4],
        lambda content: content[:100],
        lambda content: content[:-8] + b"\0\0\0\0" + content[-4:],
        lambda content: content[:50] + b"\xff\xff\xff\xff" + content[54:],
        lambda content: b"no gzip at all",
    ],
)
def test_a_damaged_gzip_is_refused(tmp_path, damage):
    folder = write_digits(tmp_path, "{stem}-idx{dimensions}-ubyte.gz")
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(DataError, match=r"ubyte\.gz cannot be read"):
        _ = open_dataset(folder).train


def test_other_digits_in_the_tools_own_cache_are_damage(cache, digits_folder):
    shutil.copytree(digits_folder, cache)

    with pytest.raises(DataError, match="damaged; run: mnist-bp download --force"):
        _ = open_dataset().train


@pytest.mark.mnist
def test_the_real_digits_are_known_by_their_digests(mnist):
    dataset = open_dataset(mnist)

    assert (len(dataset.train), len(dataset.test)) == (60_000, 10_000)
    assert dataset.train.dataset == dataset.test.dataset == "mnist"
    assert dataset.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
