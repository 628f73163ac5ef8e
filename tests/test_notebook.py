"""In a notebook, results show themselves: a run, an evaluation, a computation graph."""

import xml.etree.ElementTree

import pytest

from mnist_bp import Graph, Recipe, Run, evaluate

CELLS = {
    "from mnist_bp import Graph, Recipe, evaluate, load_digits, train\n"
    "digits, test = load_digits('train'), load_digits('test')\n"
    "train(Recipe(epochs=3, hidden=8, lr=0.5), digits, test)": "image/svg+xml",
    "evaluate(_.net, *test)": "text/html",
    "graph = Graph('(apple * 2 + orange * 3) * tax', apple=100, orange=150, tax=1.1)\n"
    "graph.backward()\n"
    "graph": "image/svg+xml",
}


def test_a_run_shows_its_learning_curve(dataset):
    run = Run(Recipe(epochs=3, hidden=8, lr=0.5, validation=100), dataset[0])
    assert run._repr_svg_() is None  # There is nothing to see yet.

    rows = list(run)

    picture = xml.etree.ElementTree.fromstring(run._repr_svg_())
    lines = [each.get("points").split() for each in picture.findall(".//{*}polyline")]
    texts = [each.text for each in picture.findall("{*}text")]
    assert [len(points) for points in lines] == [3, 3]
    assert texts[0] == "accuracy after each epoch: held-out, and (dashed) train"
    accuracies = [each for row in rows[1:] for each in (row.train_accuracy, row.test_accuracy)]
    assert texts[1:3] == [f"{min(accuracies):.4f}", f"{max(accuracies):.4f}"]
    assert texts[3:] == ["epoch 1", "epoch 3"]


def test_one_epoch_is_a_curve_too(dataset):
    run = Run(Recipe(epochs=1, hidden=2), *dataset)

    for _ in run:
        xml.etree.ElementTree.fromstring(run._repr_svg_())


def test_an_evaluation_shows_its_table_and_a_graph_its_picture(dataset):
    run = Run(Recipe(hidden=2), *dataset)

    assert evaluate(run.net, *dataset[1])._repr_html_().count("<tr>") == 11
    xml.etree.ElementTree.fromstring(Graph("x * y", x=2, y=3)._repr_svg_())


def test_a_notebook_shows_them(digits_folder, tmp_path, monkeypatch, full):
    if not full:
        pytest.skip("runs with --full")
    nbformat, preprocessors = map(pytest.importorskip, ("nbformat", "nbconvert.preprocessors"))
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, CELLS)))
    monkeypatch.setenv("MNIST_BP_DATA_DIR", str(digits_folder))

    preprocessors.ExecutePreprocessor(timeout=120).preprocess(
        notebook, {"metadata": {"path": str(tmp_path)}}
    )

    for cell, kind in zip(notebook.cells, CELLS.values(), strict=True):
        assert kind in cell.outputs[-1]["data"]
