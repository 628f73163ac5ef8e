"""Checking a reader's own code: mistakes are found and named, right code passes, in any style."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mnist_bp.audit import check_files

HERE = Path(__file__).parent
MISTAKES, RIGHT = HERE / "mistakes", HERE / "right"

MISTAKE_REASONS = {
    "add_returns_one_gradient.py": ("AddLayer", "backward returns 1 gradient for 2 inputs"),
    "affine_adds_up.py": ("Dense", "first batch, but keeps something of it for the next: dW["),
    "affine_db_is_dw.ipynb": ("Affine", "db has the shape of W (6, 4), expected that of b (4,)"),
    "affine_db_mean.py": ("Affine", "db is 3.000 times too small: the batch size is 3"),
    "affine_db_missing.py": ("Affine", "there is no gradient of b"),
    "affine_db_not_summed.py": ("Affine", "db has the shape of dout (3, 4), expected that of b"),
    "affine_db_one_row.py": ("FullyConnected", "is row 0 of dout alone, expected the sum of its"),
    "affine_dw_transposed.py": ("Affine", "dW has the shape (4, 6), expected that of W (6, 4)"),
    "affine_dx_of_the_wrong_matrix.py": ("Affine", "raises ValueError: shapes (1,4) and (6,4)"),
    "backward_returns_nothing.py": ("Tanh", "backward returns None"),
    "constant_factor.py": ("MeanSquaredError", "dy is 2.000 times too small"),
    "exp_of_the_wrong_variable.py": ("Exp", "dx is dout * x, expected dout * y"),
    "functions_for_one_example.py": ("softmax", "rows do not sum to 1: softmax over the whole"),
    "import_fails.py": (
        "SoftmaxWithLoss",
        "name 'softmax' is not defined (line 8; in line 2, `from my_old_functions import softmax` "
        "fails: No module named 'my_old_functions')",
    ),
    "loss_mean_left_out.ipynb": ("SoftmaxWithLoss", "3.000 times too large: the batch size is 3"),
    "loss_mean_over_all_entries.py": ("Loss", "4.000 times too small: the number of columns is 4"),
    "loss_softmax_over_axis_0.py": ("SoftmaxWithLoss", "rows do not sum to 1: softmax over axis 0"),
    "loss_softmax_over_the_whole_batch.ipynb": (
        "softmax",
        "rows do not sum to 1: softmax over the whole batch?",
    ),
    "loss_sum_in_place_of_the_mean.py": ("SoftmaxCrossEntropy", "forward gives 9.46701, expected"),
    "loss_y_minus_t_given_y.py": (
        "CrossEntropy",
        "is the gradient with respect to the logits, not to y",
    ),
    "mul_operands_swapped.ipynb": ("MulLayer", "dx is the gradient with respect to y"),
    "net_computes_with_copies.py": ("OneLayer", "should be 0: the result does not depend on W"),
    "net_gradients_exchanged.py": ("Net", "b1 is the gradient with respect to b2"),
    "net_misspelt_layer.ipynb": ("TwoLayerNet", "raises KeyError: 'Affine1' (cell 3, line 27)"),
    "net_not_reversed.py": ("Network", "raises ValueError: matmul"),
    "net_wrong_names.py": ("Net", "there is no gradient of W1: it is given under 'dW1'"),
    "numpy_not_imported.py": ("Sigmoid", "raises NameError: name 'np' is not defined (line 3)"),
    "numpy_not_imported_for_the_hints.py": ("Relu", "raises NameError: name 'np' is not defined"),
    "reciprocal_sign_missing.py": ("Inverse", "dx has the wrong sign"),
    "relu_mask_inverted.ipynb": ("ReLULayer", "expected dout * (x > 0): the mask is inverted"),
    "relu_mask_inverted_both_ways.py": ("Relu", "is min(x, 0): the mask is inverted"),
    "relu_mask_missing.py": ("Relu", "dx is dout, expected dout * (x > 0): the mask is missing"),
    "relu_mask_of_the_batch_before.py": (
        "Activation",
        "is right for a first batch, but keeps something of it",
    ),
    "relu_mask_of_the_first_batch.py": ("Relu", "a batch of 3 then raises ValueError"),
    "sigmoid_half_a_derivative.py": ("Sigmoid", "dout * (1 - y), expected dout * y * (1 - y)"),
    "sigmoid_of_x.py": ("Sigmoid", "is dout * x * (1 - x), expected dout * y * (1 - y)"),
    "sigmoid_sign_of_the_exponent.py": ("Sigmoid", "forward gives [0, 3]: 0.818045, expected 0.18"),
    "softmax_layer_without_the_sum.py": ("Softmax", "dx is dout * y * (1 - y)"),
    "softmax_not_imported.ipynb": ("SoftmaxWithLoss", "NameError: name 'softmax' is not defined"),
    "subtract_sign_missing.py": ("Sub", "db has the wrong sign"),
}
"""Of each file, the class that fails, and what its reason says."""

SEVERAL_IN_A_FILE = [
    ("affine_bias_forgotten.py", "Affine", "forward gives [0, 3]: "),
    ("affine_bias_forgotten.py", "Affine", "db has the shape (), expected that of b (4,)"),
    ("many_more.py", "Sigmoid", "raises TypeError: unsupported operand type(s)"),
    (
        "many_more.py",
        "Sigmoid2",
        "raises AttributeError: 'Sigmoid2' object has no attribute 'ouut'",
    ),
    ("many_more.py", "Sigmoid3", "dx[0, 3]: backpropagation says -4.45"),
    ("many_more.py", "Sigmoid4", "dx is y * (1 - y), expected dout * y * (1 - y)"),
    ("many_more.py", "Tanh", "dx is dout * (1 - y), expected dout * (1 - y**2)"),
    ("many_more.py", "Add", "dx is dout * x, expected dout"),
    ("many_more.py", "Mul", "forward gives "),
    ("many_more.py", "BatchKept", "is right for a first batch, but keeps something of it"),
    (
        "many_more.py",
        "NpInt",
        "raises AttributeError: module 'numpy' has no attribute 'int'. (line",
    ),
    ("many_more.py", "ReluOfDout", "dx is dout * (dout > 0), expected dout * (x > 0): the mask is"),
    ("many_more.py", "Relu6", "dx is y, expected dout * (x > 0)"),
    ("many_more.py", "ReluOne", "dx is x > 0, expected dout * (x > 0)"),
    ("more_losses.py", "SoftmaxWithLoss", "rows do not sum to 1: softmax over the whole batch?"),
    ("more_losses.py", "Loss2", "dx is 4.000 times too large: the number of columns is 4"),
    ("more_losses.py", "Loss3", "dx has the wrong sign"),
    ("more_losses.py", "Loss4", "dx[0, 0]: backpropagation says -3.72"),
    ("more_losses.py", "CE5", "is the gradient with respect to the logits, not to y"),
    ("more_losses.py", "CE6", "dy is 3.000 times too large: the batch size is 3"),
    ("softmax_without_keepdims.py", "SoftmaxWithLoss", "raises ValueError: operands could not be"),
]

WARNINGS = {
    "relu_dout_in_place.ipynb": ("Relu", "backward writes into dout (cell 1, line 14)"),
    "relu_input_in_place.py": ("Relu", "forward writes into its input (line 7)"),
    "loss_labels_not_supported.py": ("SoftmaxWithLoss", "takes one-hot only: with labels, it"),
}

NOT_CHECKED = {
    "base_class.py": {"Layer", "Module", "Base"},
    "not_recognised.py": {"Attention", "ForwardOnly", "WithACache", "Averager"},
    "own_random.py": {"Dropout"},
    "second_volume.py": {"RNN", "Embedding", "Sequential"},
    "convolution_network.py": {"SimpleConvNet"},
    "typed.py": {"Layer"},
    "magics.ipynb": {"cell 6"},
}


LAST = "        dout = self.lastLayer.backward(dout)\n"
SUM = "np.sum(np.exp(x), axis=0)"
ORDER = "check the order: backward goes through the layers in reverse, the last layer first"
CHANGES = {
    "a network that cannot be constructed": (
        ('b2"] = np.zeros(output_size)', 'b2"] = np.zeros(hidden_size, output_size)'),
        {"TwoLayerNet": "raises TypeError: Cannot interpret '4' as a data type (line 103)"},
    ),
    "a network that cannot predict": (
        ("(hidden_size, output_size)", "(output_size, hidden_size)"),
        {"TwoLayerNet": "aligned: 7 (dim 1) != 4 (dim 0) (line 64; called from line 112)"},
    ),
    "a network that has no loss": (
        ("lastLayer.forward(y, t)", "lastLayer.forward(y)"),
        {"TwoLayerNet": "raises TypeError: SoftmaxWithLoss.forward() missing 1 required"},
    ),
    "a network that returns no loss": (
        ("return self.lastLayer", "self.lastLayer"),
        {"TwoLayerNet": "loss returns None"},
    ),
    "a network that has no gradient": (
        ('self.layers["Affine2"].db', "self.layers[2].db"),
        {"TwoLayerNet": "raises KeyError: 2 (line 131)"},
    ),
    "layers that are not reversed": (
        ("        layers.reverse()\n", ""),
        {"TwoLayerNet": f"(line 68; called from line 125); {ORDER}"},
    ),
    "a gradient without a forward pass": (
        ("        self.loss(x, t)\n", ""),
        {"TwoLayerNet": "raises AttributeError: 'NoneType' object has no attribute 'shape'"},
    ),
    "a forward pass without self": (
        ("def forward(self, x):\n        self.mask", "def forward(x):\n        self.mask"),
        {
            "Relu": "forward has no self: its first argument is x",
            "TwoLayerNet": "Relu.forward() takes 1 positional argument but 2 were given",
        },
    ),
    "a constructor without self": (
        ("def __init__(self, W, b):", "def __init__(W, b):"),
        {
            "Affine": "__init__ has no self: its first argument is W",
            "TwoLayerNet": "takes 2 positional arguments but 3 were given",
        },
    ),
    "a misspelt backward": (
        (
            "def backward(self, dout):\n        dout[self.mask]",
            "def bakward(self, dout):\n        dout[self.mask]",
        ),
        {"Relu": "it has no backward", "TwoLayerNet": "raises AttributeError: 'Relu' object has"},
    ),
    "a last layer that is skipped": (
        (LAST, ""),
        {"TwoLayerNet": ORDER},
    ),
    "a wrong softmax": (
        (SUM, "np.sum(np.exp(x))"),
        {
            "softmax": "for a batch, it gives [2, 1]: 0.190002, expected 0.932551",
            "SoftmaxWithLoss": "probably because softmax above is wrong",
            "TwoLayerNet": "probably because softmax above is wrong",
        },
    ),
    "a wrong cross entropy": (
        ("+ 1e-7)) / batch_size", "+ 1e-7))"),
        {
            "cross_entropy_error": "is 3.000 times too large: the batch size is 3",
            "SoftmaxWithLoss": "probably because cross_entropy_error above is wrong",
            "TwoLayerNet": "probably because cross_entropy_error above is wrong",
        },
    ),
    "a wrong layer": (
        ("np.sum(dout, axis=0)", "np.mean(dout, axis=0)"),
        {
            "Affine": "db is 3.000 times too small: the batch size is 3",
            "TwoLayerNet": "probably because Affine above is wrong",
        },
    ),
    "a layer that raises": (
        ("dout[self.mask]", "dout[self.msk]"),
        {
            "Relu": "no attribute 'msk' (line 50)",
            "TwoLayerNet": "(line 50; called from line 126); probably because Relu above is wrong",
        },
    ),
    "a softmax that overflows": (
        ("x = x - np.max(x, axis=0)", "pass"),
        {
            "softmax": "for inputs around 1000, it gives [0, 0]: nan, expected 0.797793: exp",
            "SoftmaxWithLoss": "for inputs around 1000 (subtract the largest input",
        },
    ),
    "weights in place of their gradient": (
        ('self.layers["Affine2"].dW', 'self.layers["Affine2"].W'),
        {"TwoLayerNet": "W2 has the values of W2 itself, not of its gradient"},
    ),
    "a numerical gradient with half the width": (
        ("/ (2 * h)", "/ h"),
        {"numerical_gradient": "is 2.000 times too large"},
    ),
    "a numerical gradient that leaves x changed": (
        ("        x[idx] = tmp_val\n", ""),
        {"numerical_gradient": "for a vector, it gives [3]: "},
    ),
    "a numerical gradient of vectors alone": (
        (
            "for idx in np.ndindex(x.shape):\n        tmp_val = x[idx]",
            "for idx in range(x.size):\n        tmp_val = float(x[idx])",
        ),
        {"numerical_gradient": "for a matrix, it raises TypeError"},
    ),
    "a numerical gradient of another kind": (
        ("def numerical_gradient(f, x):", "def numerical_gradient(f, x, params):"),
        {"numerical_gradient": "it takes f, x, params"},
    ),
    "a numerical gradient of a function without arguments": (
        ("fxh1 = f(x)", "fxh1 = f()"),
        {"numerical_gradient": "it is not called like ours: raises TypeError"},
    ),
    "sizes of MNIST": (("        y = self", "        x.reshape(-1, 784)\n        y = self"), {}),
    "an activation by its name": (
        (
            "output_size, weight_init_std=0.01):",
            "output_size, activation, weight_init_std=0.01):\n"
            "        {'relu': Relu, 'sigmoid': None}[activation]()",
        ),
        {},
    ),
    "ten classes": (
        ("        self.t = t\n", "        self.t = t = np.eye(10)[t]\n"),
        {
            "SoftmaxWithLoss": "takes labels only, not one-hot rows",
            "TwoLayerNet": "takes labels only, not one-hot rows",
        },
    ),
}
"""Changes of the chapter in one file, and what is then said besides a remark on its Relu."""


def check(file, **options):
    (result,) = check_files([file], **options)
    return result


def write(folder, source, name="mine.py"):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")
    return file


def by_name(result):
    return {each.name: each for each in result.classes}


@pytest.fixture(scope="module")
def results():
    """The results of all files here but the one that loops for ever, by file."""
    files = [file for file in HERE.rglob("*.[pi][yp]*") if file.parent != HERE]
    files.remove(MISTAKES / "loops_for_ever.py")
    return dict(zip(files, check_files(files), strict=True))


def test_no_file_of_mistakes_is_forgotten():
    named = {*MISTAKE_REASONS, *WARNINGS, "loops_for_ever.py"}
    named |= {file for file, _, _ in SEVERAL_IN_A_FILE}

    assert {each.name for each in MISTAKES.glob("*.[pi][yp]*")} == named


@pytest.mark.parametrize(
    ("file", "name", "reason"),
    [*((file, *found) for file, found in MISTAKE_REASONS.items()), *SEVERAL_IN_A_FILE],
)
def test_a_mistake_fails_and_is_named(results, file, name, reason):
    result = results[MISTAKES / file]

    assert not result.passed
    assert by_name(result)[name].result == "fails"
    assert reason in by_name(result)[name].reason


@pytest.mark.parametrize("file", WARNINGS)
def test_what_is_not_wrong_but_surprises_is_a_warning(results, file):
    name, reason = WARNINGS[file]

    result = results[MISTAKES / file]

    assert result.passed
    assert by_name(result)[name].result == "warning"
    assert reason in by_name(result)[name].reason


@pytest.mark.parametrize(
    "file", [str(each.relative_to(RIGHT)) for each in sorted(RIGHT.rglob("*.[pi][yp]*"))]
)
def test_right_code_in_any_style_passes(results, file):
    result = results[RIGHT / file]

    skipped = {each.name for each in result.classes if each.result == "not checked"}
    assert [each for each in result.classes if each.result == "fails"] == []
    assert result.passed
    assert skipped == NOT_CHECKED.get(file, set())


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """What is said of the chapter in one file after each of the changes."""
    folder = tmp_path_factory.mktemp("changed")
    chapter = (RIGHT / "whole_chapter.py").read_text()
    files = []
    for what, ((old, new), _) in CHANGES.items():
        assert chapter.count(old) == 1, old
        files.append(write(folder, chapter.replace(old, new), f"{what}.py"))
    return dict(zip(CHANGES, check_files(files), strict=True))


@pytest.mark.parametrize("what", CHANGES)
def test_each_change_is_named_where_it_is_and_nothing_else_is_blamed(changed, what):
    expected = CHANGES[what][1]

    reasons = {each.name: each.reason for each in changed[what].classes if each.reason}

    remark = reasons.pop("Relu", "") if "Relu" not in expected else ""
    assert not remark or remark.startswith("backward writes into dout")
    assert set(reasons) == set(expected)
    for name, reason in expected.items():
        assert reason in reasons[name]


def test_what_is_used_is_checked_first_wherever_it_is_defined(tmp_path):
    chapter = (RIGHT / "whole_chapter.py").read_text().replace(SUM, "np.sum(np.exp(x))")
    imports, *parts = re.split(r"^(?=def |class )", chapter, flags=re.M)

    result = check(write(tmp_path, "".join([imports, *reversed(parts)])))

    names = [each.name for each in result.classes]
    assert names.index("softmax") < names.index("SoftmaxWithLoss") < names.index("TwoLayerNet")
    assert by_name(result)["TwoLayerNet"].reason == "probably because softmax above is wrong"


def test_a_mistake_of_the_networks_own_is_not_blamed_on_a_layer(tmp_path):
    chapter = (RIGHT / "whole_chapter.py").read_text().replace("np.sum(dout", "np.mean(dout")
    file = write(tmp_path, chapter.replace('self.layers["Affine1"].db', 'self.layers["Afine1"].db'))

    results = by_name(check(file))

    assert results["Affine"].result == "fails"
    assert results["TwoLayerNet"].reason == "raises KeyError: 'Afine1' (line 129)"


def test_the_chapters_layers_are_recognised(results):
    kinds = {each.name: each.kind for each in results[RIGHT / "common" / "layers.py"].classes}

    assert kinds["Relu"] == "ReLU"
    assert kinds["Sigmoid"] == "Sigmoid"
    assert kinds["Affine"] == "Affine"
    assert kinds["SoftmaxWithLoss"] == "SoftmaxWithLoss"


def test_a_class_that_loops_for_ever_is_stopped_and_the_others_are_checked():
    results = by_name(check(MISTAKES / "loops_for_ever.py", seconds=3))

    assert results["Newton"].result == "fails"
    assert results["Newton"].reason == "did not end within 3 seconds"
    assert results["Exp"].result == results["Identity"].result == "holds"


def test_a_class_that_ends_the_process_fails_and_the_others_are_checked(tmp_path):
    file = write(
        tmp_path,
        "import os\n"
        "class Leaves:\n"
        "    def forward(self, x): os._exit(0)\n"
        "    def backward(self, dout): return dout\n"
        "class Identity:\n"
        "    def forward(self, x): return x\n"
        "    def backward(self, dout): return dout\n",
    )

    results = by_name(check(file))

    assert results["Leaves"] == ("Leaves", "unknown", "fails", "ended the process")
    assert results["Identity"].result == "holds"


def test_a_definition_that_does_not_end_is_stopped_and_the_others_are_checked(tmp_path):
    file = write(
        tmp_path,
        "class Endless:\n"
        "    while True: pass\n"
        "class Identity:\n"
        "    def forward(self, x): return x\n"
        "    def backward(self, dout): return dout\n",
    )

    results = by_name(check(file, seconds=3))

    assert results["line 1"].result == "not checked"
    assert results["Identity"].result == "holds"


def test_what_a_file_does_at_its_top_level_is_not_run(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    file = shutil.copy(RIGHT / "trains_at_top_level.py", folder)

    result = check(Path(file))

    assert result.passed
    assert result.left_out == 11
    assert [each.name for each in folder.iterdir()] == ["trains_at_top_level.py"]


def test_modules_beside_the_file_are_loaded_by_the_same_rule(tmp_path):
    write(
        tmp_path,
        "from pathlib import Path\n"
        "Path('it_ran.txt').write_text('no')\n"
        "class Relu:\n"
        "    def forward(self, x):\n"
        "        self.mask = x > 0\n"
        "        return x * self.mask\n"
        "    def backward(self, dout): return dout\n",
        "common/layers.py",
    )
    file = write(tmp_path, "from common.layers import *\n", "ch05/mine.py")

    relu = by_name(check(file))["Relu"]

    assert relu.result == "fails"
    assert relu.reason.endswith(f"from {tmp_path / 'common' / 'layers.py'}")
    assert sorted(each.name for each in tmp_path.rglob("*.*")) == ["layers.py", "mine.py"]


def test_an_import_that_fails_is_not_mentioned_where_nothing_needs_it(command):
    chapter = (RIGHT / "whole_chapter.py").read_text()
    file = write(command.folder, "from dataset.mnist import load_mnist\n" + chapter)

    done = command("gradcheck", file)

    assert done.returncode == 0
    assert done.stderr == ""
    assert "load_mnist" not in done.stdout


def test_a_class_that_needs_what_was_left_out_is_not_checked(tmp_path):
    file = write(
        tmp_path,
        "scale = read_scale()\n"
        "class Scale:\n"
        "    def forward(self, x): return scale * x\n"
        "    def backward(self, dout): return scale * dout\n",
    )

    (scale,) = check(file).classes

    assert scale.result == "not checked"
    assert "it needs scale" in scale.reason


def test_the_later_definition_of_a_name_counts(tmp_path):
    wrong = "class Twice:\n def forward(self, x): return 2 * x\n def backward(self, d): return d\n"
    cells = [wrong, wrong.replace("return d\n", "return 2 * d\n")]
    notebook = {"cells": [{"cell_type": "code", "source": each} for each in cells]}

    result = check(write(tmp_path, json.dumps(notebook), "mine.ipynb"))

    assert [each.result for each in result.classes] == ["holds"]


def test_a_difference_on_integers_is_a_warning(tmp_path):
    file = write(
        tmp_path,
        "import numpy as np\n"
        "class Half:\n"
        "    def forward(self, x):\n"
        "        out = np.zeros_like(x)\n"
        "        out[...] = x / 2\n"
        "        return out\n"
        "    def backward(self, dout): return dout / 2\n",
    )

    (half,) = check(file).classes

    assert half.result == "warning"
    assert half.reason == "with integers, it gives another result"


def test_the_command_prints_a_table_and_its_status_says_whether_all_hold(command):
    done = command("gradcheck", MISTAKES / "net_misspelt_layer.ipynb", RIGHT / "japanese.ipynb")

    assert done.returncode == 1
    assert "statements left out, which are not definitions: 3\n" in done.stdout
    assert "TwoLayerNet: raises KeyError: 'Affine1' (cell 3, line 27)" in done.stdout
    assert [line.split() for line in done.stdout.splitlines() if "TwoLayerNet  " in line] == [
        ["TwoLayerNet", "network", "FAILS"]
    ]
    assert done.stderr.strip().endswith(
        f"something fails in {MISTAKES / 'net_misspelt_layer.ipynb'}"
    )


def test_warnings_and_unknown_classes_are_no_failure(command):
    files = MISTAKES / "relu_dout_in_place.ipynb", RIGHT / "not_recognised.py"

    done = command("gradcheck", *files)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_json_has_nothing_in_it_that_the_file_prints(command):
    file = RIGHT / "gpu_or_not.py"

    done = command("gradcheck", file, MISTAKES / "numpy_not_imported.py", "--json")

    reason = "raises NameError: name 'np' is not defined (line 3)"
    sigmoid = {"name": "Sigmoid", "kind": "unknown", "result": "fails", "reason": reason}
    relu = {"name": "Relu", "kind": "ReLU", "result": "holds", "reason": ""}
    wrong = str(MISTAKES / "numpy_not_imported.py")
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "passed": False,
        "files": [
            {"file": str(file), "passed": True, "left_out": 1, "classes": [relu]},
            {"file": wrong, "passed": False, "left_out": 0, "classes": [sigmoid]},
        ],
    }


def test_a_folder_stands_for_its_files_and_a_table_at_the_end_counts_their_results(command):
    folder = command.folder / "homework"
    write(folder, (MISTAKES / "many_more.py").read_text(), "b.py")
    write(folder, (MISTAKES / "relu_dout_in_place.ipynb").read_text(), "a.ipynb")
    write(folder, "x = (", "c.py")
    write(folder, "", "notes.txt")
    write(folder, (RIGHT / "typed.py").read_text(), "older/d.py")

    done = command("gradcheck", "homework")

    _, _, overview = done.stdout.partition("all files\n")
    assert [line.split() for line in overview.splitlines() if "homework" in line] == [
        ["homework/a.ipynb", "-", "1", "-", "-"],
        ["homework/b.py", "-", "-", "12", "-"],
        ["homework/c.py", "(cannot", "be", "read)", "-", "-", "-", "-"],
    ]
    assert done.returncode == 1
    assert "notes.txt" not in done.stdout
    assert "d.py" not in done.stdout


def test_a_folder_without_files_to_check_is_wrong_usage(command):
    folder = command.folder / "empty"
    folder.mkdir()

    done = command("gradcheck", folder)

    assert done.returncode == 2
    assert done.stderr == (f"Error: {folder}: there is no Python file or notebook in this folder\n")


def test_an_empty_line_stands_between_what_is_said_of_two_classes(command):
    done = command("gradcheck", MISTAKES / "many_more.py")

    assert ")\n\nSigmoid2: " in done.stdout


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nowhere.py", None, "there is no such file"),
        ("notes.txt", "", "it is neither a Python file (.py) nor a notebook (.ipynb)"),
        ("old.py", "print 'hello'\n", "it cannot be read: "),
        ("cut.ipynb", '{"cells": [', "it cannot be read: "),
        ("list.ipynb", "[]", "it cannot be read: "),
        ("deep.py", "x = " + "(" * 10_000 + ")" * 10_000, "it cannot be read: "),
        ("zero.py", "x = '\0'", "it cannot be read: "),
    ],
)
def test_a_file_that_cannot_be_read_is_wrong_usage(command, name, content, message):
    file = command.folder / name
    if content is not None:
        file.write_text(content)

    done = command("gradcheck", file, RIGHT / "typed.py")

    assert done.returncode == 2
    assert f"{name}: {message}" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Affine" in done.stdout


def test_options_of_the_check_without_a_file_are_refused(command):
    done = command("gradcheck", RIGHT / "typed.py", "--hidden", 3)

    assert done.returncode == 2
    assert done.stderr == "Error: --hidden is for the check without a file\n"


def test_the_help_says_that_the_code_is_run(command):
    assert "Their code is run" in " ".join(command("gradcheck", "--help").stdout.split())


@pytest.mark.posix
def test_an_interrupt_ends_what_was_started(tmp_path):
    file = write(
        tmp_path,
        "import os, time\n"
        "class Waits:\n"
        "    def forward(self, x):\n"
        "        open('pid', 'w').write(str(os.getpid()))\n"
        "        time.sleep(8)\n"
        "        open('it_went_on', 'w')\n"
        "    def backward(self, dout): return dout\n",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "mnist_bp", "gradcheck", file], stderr=subprocess.PIPE, text=True
    )
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
        time.sleep(0.05)
    worker = int((tmp_path / "pid").read_text())

    process.send_signal(signal.SIGINT)

    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "Error: interrupted\n"
    assert not (tmp_path / "it_went_on").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
