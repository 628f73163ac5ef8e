"""The command `explain`: what it prints, what it takes, and its messages."""

import json
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

import mnist_bp.graph
from mnist_bp.cli.app import main
from mnist_bp.layers import Exp

SHOPPING = ("(apple * 2 + orange * 3) * tax", "apple=100", "orange=150", "tax=1.1")

PRINTED = """\
(apple * 2 + orange * 3) * tax = 715.0000000000001

        100      200      650      715
 apple ────── × ────── + ────── × ───────
        2.2   │  1.1   │  1.1   │  1
              │        │        │
        2     │        │        │
     2 ───────╯        │        │
        110            │        │
                       │        │
        150      450   │        │
orange ────── × ───────╯        │
        3.3   │  1.1            │
              │                 │
        3     │                 │
     3 ───────╯                 │
        165                     │
                                │
        1.1                     │
   tax ─────────────────────────╯
        650

edges
 from                             to               value             gradient
──────────────────────────────────────────────────────────────────────────────
 apple                             ×                 100                  2.2
 2                                 ×                   2   110.00000000000001
 apple * 2                         +                 200                  1.1
 orange                            ×                 150   3.3000000000000003
 3                                 ×                   3                  165
 orange * 3                        +                 450                  1.1
 apple * 2 + orange * 3            ×                 650                  1.1
 tax                               ×                 1.1                  650
 (apple * 2 + orange * 3) * tax        715.0000000000001                    1

gradients
 name               gradient   sum of
──────────────────────────────────────
 apple                   2.2
 orange   3.3000000000000003
 tax                     650
"""


def test_a_formula_is_drawn_and_listed(command):
    done = command("explain", *SHOPPING)

    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert lines[: PRINTED.count("\n")] == PRINTED.splitlines()


def test_the_sum_of_the_gradients_of_a_name_is_shown_with_its_parts(command):
    done = command("explain", "x * y + x", "x=2", "y=5")

    row = done.stdout.split("gradients")[1].splitlines()[3]
    assert row.split() == ["x", "6", "5", "+", "1"]


def test_json(command):
    done = command("explain", "2 * x + x", "x=0.5", "--json")

    assert json.loads(done.stdout) == {
        "value": 1.5,
        "gradients": {"x": 3},
        "edges": [
            {"from": "2", "to": "2 * x", "value": 2, "gradient": 0.5},
            {"from": "x", "to": "2 * x", "value": 0.5, "gradient": 2},
            {"from": "x", "to": "2 * x + x", "value": 0.5, "gradient": 1},
            {"from": "2 * x", "to": "2 * x + x", "value": 1, "gradient": 1},
            {"from": "2 * x + x", "to": None, "value": 1.5, "gradient": 1},
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["-x + 2", "x=1"], 1),
        (["-x", "x=1"], -1),
        (["-h", "h=3", "-x"], None),
        (["-exp(-h)", "h=0"], -1),
        (["--(x)", "x=1"], 1),
        (["- x", "x=-1"], 1),
        (["--check", "-x + 2", "x=1"], 1),
        (["-x + 2", "--check", "x=1"], 1),
        (["--", "-x", "x=1"], -1),
        (["apple-orange", "apple=3", "orange=2"], 1),
        (["apple - orange", "apple=3", "orange=2"], 1),
        (["りんご * 사과", "りんご=3", "사과=2"], 6),
        (["ﬁ * 2", "fi=3"], 6),
        (["fi * 2", "ﬁ=3"], 6),
        (["x", " x = 3 "], 3),
        (["2 + 3"], 5),
    ],
    ids=str,
)
def test_what_an_expression_may_look_like(command, arguments, value):
    done = command("explain", "--json", *arguments)

    if value is None:
        assert done.stdout.startswith("Usage: mnist-bp explain")
    else:
        assert json.loads(done.stdout)["value"] == value


def test_zero_has_no_sign(command):
    done = command("explain", "relu(x) * -y", "x=-2", "y=0", "--check", "--svg", "graph.svg")

    assert not re.search(r"-0\b", done.stdout)
    assert ">-0<" not in (command.folder / "graph.svg").read_text()


def test_a_drawing_that_is_too_wide_is_left_out(command):
    formula = "exp(" * 12 + "-x" + ")" * 12

    done = command("explain", formula.replace("exp(", "log(1+", 11).replace("-x", "x"), "x=1")

    assert re.search(r"the drawing needs \d+ columns: use a wider terminal, or --svg", done.stdout)
    assert "──╯" not in done.stdout
    assert "edges" in done.stdout


def test_a_terminal_without_the_signs_gets_plain_ones(command):
    done = command(
        "explain", "x * y + x", "x=2", "y=5", env=os.environ | {"PYTHONIOENCODING": "ascii"}
    )

    assert "----+" in done.stdout or "-'" in done.stdout
    assert done.returncode == 0


def test_a_picture_is_written(command):
    done = command("explain", *SHOPPING, "--svg", "graph.svg", "--json")

    assert done.stderr == "saved graph.svg\n"
    root = ElementTree.parse(command.folder / "graph.svg").getroot()
    gradients = [each.text for each in root.iter() if each.get("class") == "gradient"]
    assert "110" in gradients


def test_the_check_compares_gradients_with_difference_quotients(command):
    done = command(
        "explain", "log(a) + 1000 + (b - 0.3)**2 + relu(c)", "a=1e-6", "b=0.3", "c=0", "--check"
    )

    assert done.returncode == 0
    rows = [line.split() for line in done.stdout.splitlines()[-4:]]
    assert [row[-1] for row in rows if row] == ["holds", "holds", "kink"]


def test_the_check_leaves_the_graph_as_it_was(command):
    formula = "+".join(f"(x*y+{number})" for number in range(90))
    plain, checked = (
        command("explain", formula, "x=0.5", "y=3", "--json", *check)
        for check in ((), ("--check",))
    )

    before, after = json.loads(plain.stdout), json.loads(checked.stdout)
    assert before.items() <= after.items()
    assert after["passed"]


class WrongExp(Exp):
    """Its gradient is that of the identity."""

    def backward(self, dout):
        return dout


def test_the_check_finds_a_wrong_gradient(monkeypatch, capsys):
    monkeypatch.setitem(mnist_bp.graph.LAYERS, "exp", WrongExp)
    monkeypatch.setattr(
        sys, "argv", ["mnist-bp", "explain", "exp(x) + y", "x=0.1", "y=1", "--check"]
    )

    with pytest.raises(SystemExit) as stopped:
        main()

    assert stopped.value.code == 1
    shown = capsys.readouterr()
    assert "FAILS" in shown.out
    assert shown.err == "Error: the gradient check does not hold for x\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x * y"], "these names need a value, such as x=1.5: x, y"),
        (["x", "y"], "'y' is not a value such as x=1.5, without spaces; the formula comes first"),
        (["x + b", "x=1", "b", "=", "-1"], "'b' is not a value such as x=1.5, without spaces"),
        (["x + b", "x=1", "b=", "-1"], "'-1' is not a value such as x=1.5, without spaces"),
        (["b=-1", "x + b"], "'x + b' is not a value such as x=1.5, without spaces; the formula"),
        (["x + b, b = -1"], "a formula has no equals sign; the values follow it, such as x=-1\n"),
        (["x", "x=1", "y=2"], "'y' is not in the formula, whose names are: x"),
        (["x", "x=one"], "x must be a finite number, not 'one'"),
        (["x", "x=1e999"], "x must be a finite number, not '1e999'"),
        (["1 / x", "x=0"], "1 / x: division by zero or nearly zero (x = 0.0)"),
        (["log(x)", "x=-1"], "log(x): log needs a positive number (x = -1.0)"),
        (["exp(x)", "x=1000"], "exp(x): the result is too large a number"),
        (["x.real", "x=1"], "the formula cannot be read here: it may only have numbers, names"),
        (["x", "\x1b[31m=1"], "'\\x1b[31m' is not in the formula"),
        (["\x1b[m", "x=1"], "\n  ?[m\n  ^"),
        (["-\x1b[m"], "\n  -?[m\n   ^"),
        (["x", "x=\x1b[31m"], "x must be a finite number, not '\\x1b[31m'"),
        (["x", "x=1", "x=" + "9" * 100_000], "x must be a finite number, not '999"),
        (["-" * 100_000 + "x"], "the formula must have 1 to 2,000 characters, not 100,001"),
        (["x", "x=1", "--svg", "no/graph.svg"], "--svg no/graph.svg: there is no folder no"),
        (["x", "x=1", "--svg", "."], "--svg .: this is a folder"),
        (["x", "x=1", "--chek"], "No such option: --chek"),
        ([], "Missing argument 'EXPRESSION|NAME'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_usage_is_one_short_message(command, arguments, message):
    done = command("explain", *arguments)

    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("Error: ") == 1
    assert len(done.stderr) < 500
    assert "\x1b" not in done.stderr
    assert done.stdout == ""


def test_the_help_shows_examples_that_run(command):
    shown = command("explain", "--help").stdout
    examples = re.findall(r"mnist-bp (explain .*)", shown.split("Examples:")[1])

    assert len(examples) > 1
    for example in examples:
        done = subprocess.run(
            f"{sys.executable} -m mnist_bp {example}", shell=True, cwd=command.folder, check=True
        )
        assert done.returncode == 0


def test_help_needs_no_numpy(command):
    script = (
        "import sys, mnist_bp.cli.explain; print('numpy' in sys.modules, 'rich' in sys.modules)"
    )

    assert command(shell=[sys.executable, "-c", script]).stdout.split() == ["False", "False"]
