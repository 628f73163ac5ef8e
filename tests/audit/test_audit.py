"""Checking a reader's own code: mistakes are found and named, right code passes, in any style."""

import json
import os
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
        "(line 8; `from my_old_functions import softmax` fails)",
    ),
    "loss_mean_left_out.ipynb": ("SoftmaxWithLoss", "3.000 times too large: the batch size is 3"),
    "loss_mean_over_all_entries.py": ("Loss", "4.000 times too small: the number of columns is 4"),
    "loss_softmax_over_axis_0.py": ("SoftmaxWithLoss", "rows do not sum to 1: softmax over axis 0"),
    "loss_softmax_over_the_whole_batch.ipynb": (
        "SoftmaxWithLoss",
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


def test_an_import_that_fails_is_a_warning_that_names_it(results):
    assert results[MISTAKES / "import_fails.py"].warnings == [
        "line 2: `from my_old_functions import softmax` fails: No module named 'my_old_functions'"
    ]


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
