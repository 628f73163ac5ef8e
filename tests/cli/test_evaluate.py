"""The command evaluate: tables, JSON, ensembles, and weights that cannot be used."""

import json

import numpy as np
import pytest
from helpers import SHORT, four_arrays


def test_evaluate_prints_its_tables(inline, command, digits_folder, trained):
    done = inline("evaluate", trained, "--mistakes", 3, "--data-dir", digits_folder)

    assert done.returncode == 0
    assert "on custom, test digits" in done.stdout
    assert "95 % interval" in done.stdout
    assert "of 200" in done.stdout
    assert "precision" in done.stdout
    assert "confusion" in done.stdout


def test_evaluate_prints_json(inline, command, digits_folder, trained):
    for split, samples in (("test", 200), ("train", 530)):
        done = inline("evaluate", trained, "--split", split, "--json", "--data-dir", digits_folder)
        report = json.loads(done.stdout)

        assert done.stdout.count("\n") == 1
        assert list(report) == [
            "dataset",
            "split",
            "samples",
            "errors",
            "accuracy",
            "interval",
            "loss",
            "calibration_error",
            "confusion",
            "per_class",
            "weights",
        ]
        assert report["weights"] == [str(trained)]
        assert (report["split"], report["samples"]) == (split, samples)
        assert report["accuracy"] == (samples - report["errors"]) / samples
        assert sum(map(sum, report["confusion"])) == samples
        assert [each["digit"] for each in report["per_class"]] == list(range(10))


def test_the_mistakes_that_are_asked_for_are_in_the_json(inline, digits_folder, trained):
    words = ("evaluate", trained, "--mistakes", 2, "--json", "--data-dir", digits_folder)
    mistakes = json.loads(inline(*words).stdout)["mistakes"]

    assert len(mistakes) == 2
    assert list(mistakes[0]) == ["index", "label", "prediction", "probability"]
    assert mistakes[0]["probability"] >= mistakes[1]["probability"]


def test_evaluate_agrees_with_the_last_row_of_train(inline, command, digits_folder, trained):
    with np.load(trained) as archive:
        last = archive["history"][-1]
    report = inline("evaluate", trained, "--json", "--data-dir", digits_folder)

    assert json.loads(report.stdout)["accuracy"] == last["test_accuracy"]


def test_several_weights_files_are_one_ensemble(inline, command, digits_folder):
    digits = ("--data-dir", digits_folder)
    names = ["a.npz", "b.npz"]
    for seed, name in enumerate(names):
        inline("train", *SHORT, "--seed", seed, *digits, "--output", name)

    shown = inline("evaluate", *names, *digits).stdout
    told = json.loads(inline("evaluate", *names, "--json", *digits).stdout)
    alone = [json.loads(inline("evaluate", name, "--json", *digits).stdout) for name in names]

    assert "an ensemble of 2 on custom, test digits" in shown
    assert [each["weights"] for each in told["members"]] == names
    assert [each["errors"] for each in told["members"]] == [each["errors"] for each in alone]
    assert told["samples"] == 200
    assert told["loss"] < max(each["loss"] for each in alone)
    for name, each in zip(names, alone, strict=True):
        (row,) = [line for line in shown.splitlines() if line.strip().startswith(name)]
        assert row.split()[1:3] == [f"{each['accuracy']:.4f}", str(each["errors"])]


def test_an_ensemble_trained_on_different_digits_needs_a_word(
    inline, command, digits_folder, trained
):
    inline("train", *SHORT, "--dataset", "synthetic", "--output", "drawn.npz")

    done = inline("evaluate", trained, "drawn.npz")

    assert done.returncode == 2
    assert "the nets were trained on different digits" in done.stderr
    assert "name --dataset" in done.stderr


def test_one_bad_file_of_an_ensemble_is_named(inline, command, digits_folder, trained):
    (command.folder / "bad.npz").write_text("this is not it")

    done = inline("evaluate", trained, "bad.npz", "--data-dir", digits_folder)

    assert done.returncode == 1
    assert done.stdout == ""
    assert "bad.npz is not a weights file" in done.stderr


def test_evaluate_computes_with_the_activation_of_the_recipe(inline, command, digits_folder):
    digits = ("--data-dir", digits_folder)
    sigmoid = ("--activation", "sigmoid", "--lr", 1, "--weight-init-std", 0.1)
    inline("train", "--epochs", 8, "--hidden", 8, *sigmoid, *digits)
    with np.load(command.folder / "weights.npz") as archive:
        last = archive["history"][-1]

    report = json.loads(inline("evaluate", "weights.npz", "--json", *digits).stdout)

    assert report["accuracy"] == last["test_accuracy"]
    assert report["accuracy"] > 0.5


def test_mistakes_are_drawn_in_characters_where_there_are_no_colours(
    inline, digits_folder, tmp_path
):
    rng = np.random.default_rng(0)
    shapes = {"W1": (784, 3), "b1": 3, "W2": (3, 10), "b2": 10}
    np.savez(tmp_path / "w.npz", **{name: rng.normal(size=s) for name, s in shapes.items()})

    done = inline("evaluate", tmp_path / "w.npz", "--mistakes", 3, "--data-dir", digits_folder)

    assert done.stdout.count(", predicted ") == 3
    assert "the 3 most confident mistakes" in done.stdout
    assert "##" in done.stdout


def test_a_weights_file_that_cannot_be_used_is_one_message_and_exit_status_1(
    inline, digits_folder, tmp_path
):
    (tmp_path / "w.npz").write_bytes(b"no archive")

    done = inline("evaluate", tmp_path / "w.npz", "--data-dir", digits_folder)

    assert done.returncode == 1
    assert "w.npz is not a weights file" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_net_whose_logits_are_not_finite_is_one_message(inline, command, digits_folder):
    np.savez(command.folder / "w.npz", **four_arrays(value=1e38, dtype=np.float32))

    done = inline("evaluate", "w.npz", "--json", "--data-dir", digits_folder)

    assert done.returncode == 1
    assert done.stdout == ""
    assert "w.npz cannot be evaluated: the net's logits are not finite" in done.stderr
    assert "RuntimeWarning" not in done.stderr


HUGE = {
    "tiny times huge": {"W1": 1e-300, "W2": 1e300},
    "a huge bias": {"b2": 1.7e308},
    "logits far apart in single precision": {"b2": [3e38, -3e38] + 8 * [0.0], "W1": 0, "W2": 0},
    "logits far apart": {"b2": [1e299, -1e299] + 8 * [0.0], "W1": 0, "W2": 0},
}


@pytest.mark.parametrize("name", HUGE)
def test_finite_but_huge_weights_give_numbers_or_one_message(command, digits_folder, name):
    dtype = np.float32 if "single" in name else np.float64
    arrays = four_arrays(dtype=dtype)
    for key, value in HUGE[name].items():
        arrays[key][...] = value
    np.savez(command.folder / "w.npz", **arrays)
    arguments = ("evaluate", "w.npz", "--data-dir", digits_folder)

    table, report = command(*arguments, "--mistakes", 2), command(*arguments, "--json")

    for done in (table, report):
        assert done.returncode in (0, 1)
        # NumPy's own warnings are not among the lines.
        _, *lines = done.stderr.splitlines()
        message = "Error: w.npz cannot be evaluated: the net's logits are not finite"
        assert [line.split(": its")[0] for line in lines] == [message] * done.returncode
        assert "nan" not in (done.stdout + done.stderr).lower()
    if report.returncode == 0:
        json.loads(report.stdout, parse_constant=lambda word: pytest.fail(word))


def test_the_same_file_twice_is_an_ensemble_of_two(inline, digits_folder, trained):
    arguments = ("evaluate", trained, trained, "--data-dir", digits_folder)

    table, report = inline(*arguments), json.loads(inline(*arguments, "--json").stdout)

    assert table.returncode == 0
    assert "an ensemble of 2" in table.stdout
    assert [each["weights"] for each in report["members"]] == [str(trained)] * 2


def test_digits_of_ones_own_are_asked_for_by_the_option(inline, digits_folder, trained, cache):
    done = inline("evaluate", trained)

    assert done.returncode == 1
    assert "--data-dir" in done.stderr


@pytest.mark.posix
def test_a_report_is_never_written_over_the_weights(inline, command, digits_folder, trained):
    before = trained.read_bytes()
    (command.folder / "link.npz").symlink_to(trained)

    for name in (trained.name, "link.npz"):
        done = inline("evaluate", trained, "--report", name, "--data-dir", digits_folder)
        assert done.returncode == 2
        assert f"--report {name} is the file of the weights" in done.stderr
    assert trained.read_bytes() == before


def test_a_wide_net_takes_little_memory(command, digits_folder, peak_of):
    np.savez_compressed(command.folder / "w.npz", **four_arrays(10_000, 0.0))
    assert (command.folder / "w.npz").stat().st_size < 250_000

    assert peak_of("evaluate", "w.npz", "--data-dir", digits_folder) < 300
