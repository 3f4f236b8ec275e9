"""``nrae report``."""

import json
import re
import shlex

import numpy as np
import pytest
import torch

from nrae_geometric import ManifoldAutoencoder, __version__
from nrae_geometric.cli import main


@pytest.fixture
def model(fit, tmp_path, curve_file):
    assert fit(curve_file(".csv"), "--label-column", "half") == 0
    return tmp_path / "model.nrae"


def test_page_of_a_model_has_labels_and_columns(model, tmp_path, capsys):
    page = tmp_path / "folder" / "page.html"
    points = tmp_path / "points.csv"
    capsys.readouterr()
    arguments = ["--points", str(points), "--label-column", "half", "--out", str(page), "--json"]
    assert main(["report", str(model), *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == page.stat().st_size
    text = page.read_text(encoding="utf-8")
    assert '"classes": ["left", "right"]' in text
    assert '"names": ["x", "y"]' in text
    assert f"nrae_geometric {__version__}, torch {torch.__version__}" in text


def command_of(page):
    text = page.read_text(encoding="utf-8")
    content = json.loads(re.search(r'id="content">(.*?)</script>', text, re.DOTALL)[1])
    return shlex.split(content["shell_command"]), content["command_note"]


def test_command_of_the_page_fits_the_same_model_again(model, tmp_path, monkeypatch):
    page = tmp_path / "page.html"
    points = tmp_path / "points.csv"
    options = ["--points", str(points), "--label-column", "half"]
    assert main(["report", str(model), *options, "--out", str(page)]) == 0
    command, note = command_of(page)
    assert command[:3] == ["nrae", "fit", str(points)]
    assert note == ""
    monkeypatch.chdir(tmp_path)
    assert main(command[1:]) == 0
    again, first = (ManifoldAutoencoder.load(each) for each in ("again.nrae", model))
    np.testing.assert_array_equal(again.embedding_, first.embedding_)


def test_command_names_the_columns_where_they_are_not_all(fit, curve_file, tmp_path):
    points, page = curve_file(".csv"), tmp_path / "page.html"
    assert fit(points, "--columns", "y,x") == 0
    options = ["--points", str(points), "--label-column", "half"]
    assert main(["report", str(tmp_path / "model.nrae"), *options, "--out", str(page)]) == 0
    command, _ = command_of(page)
    assert command[command.index("--columns") + 1] == "y,x"


def test_command_says_what_it_cannot_know(fit, curve, tmp_path):
    points, init = tmp_path / "points.npy", tmp_path / "init.npy"
    np.save(points, curve[0])
    np.save(init, np.random.default_rng(0).normal(size=(40, 2)))
    assert fit(points, "--init", str(init), "--random-state", "null") == 0
    page = tmp_path / "page.html"
    assert main(["report", str(tmp_path / "model.nrae"), "--out", str(page)]) == 0
    command, note = command_of(page)
    assert command[2] == "POINTS"
    assert command[command.index("--init") + 1] == "LATENTS.npy"
    for word in ("POINTS is", "LATENTS.npy is", "not the same"):
        assert word in note
    others = tmp_path / "others.npy"
    np.save(others, curve[0][:10])
    arguments = ["report", str(tmp_path / "model.nrae"), "--points", str(others)]
    assert main([*arguments, "--out", str(page)]) == 0
    assert command_of(page)[0][2] == "POINTS"


def test_units_are_given_by_column(model, tmp_path):
    page = tmp_path / "page.html"
    assert main(["report", str(model), "--unit", "x=m/s", "--unit=y=kg", "--out", str(page)]) == 0
    assert '"units": {"0": ["x", "m/s"], "1": ["y", "kg"]}' in page.read_text(encoding="utf-8")


def test_points_learned_from_are_the_default(model, tmp_path, capsys):
    capsys.readouterr()
    assert main(["report", str(model), "--out", str(tmp_path / "page.html")]) == 0
    assert "page.html" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "page.png"], "the name of a page ends in .html"),
        (["--label-column", "half", "--out", "page.html"], "--label-column needs --points"),
        (["--unit", "z=m", "--out", "page.html"], "'z', which is no column; there are x, y"),
        (["--image-shape", "3,3", "--out", "page.html"], "image_shape must be"),
    ],
)
def test_mistake_is_one_line_and_nothing_is_written(model, tmp_path, capsys, arguments, message):
    capsys.readouterr()
    *options, out = arguments
    assert main(["report", str(model), *options, str(tmp_path / out)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / out).exists()


def test_unit_without_a_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["report", "model.nrae", "--unit", "kg", "--out", "page.html"])
    assert "must be such as 'mass=kg', got 'kg'" in capsys.readouterr().err


def test_folder_without_a_run_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "page.html")]) == 2
    assert "holds no run" in capsys.readouterr().err
