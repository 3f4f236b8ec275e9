"""``nrae report``."""

import json

import pytest
import torch

from nrae_geometric import __version__
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
