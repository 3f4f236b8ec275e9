"""The example script of the Swiss roll, shortened to a few epochs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


def run(folder, *arguments):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "swiss_roll.py", "--device", "cpu", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def spiral(tmp_path_factory):
    """The results' folder and what was printed, after too few epochs to learn the spiral."""
    folder = tmp_path_factory.mktemp("spiral")
    return folder / "results" / "swiss_roll", run(folder, "--epochs", "3")


def test_table_has_one_row_for_each_model_and_all_start_in_the_right_order(spiral):
    rows = [line for line in spiral[1].stdout.splitlines() if line.startswith(("AE", "NRAE"))]
    assert [row.split()[0] for row in rows] == ["AE", "NRAE-L", "NRAE-Q"]
    assert ["wrong connectivity" in row for row in rows] == [False, False, False]


def test_progress_of_each_model_is_shown(spiral):
    assert spiral[1].stderr.count("3/3") >= 3


def test_figure_shows_the_three_models_side_by_side(spiral):
    with Image.open(spiral[0] / "comparison.png") as picture:
        assert picture.width > 2 * picture.height


@pytest.mark.parametrize("name", ["AE", "NRAEL", "NRAEQ"])
def test_animation_of_each_model_is_written(spiral, name):
    with Image.open(spiral[0] / f"{name}_training.gif") as animation:
        assert animation.n_frames >= 3


def test_sheet_is_unrolled_into_a_plane_in_a_folder_of_its_own(tmp_path):
    done = run(tmp_path, "--dim", "3", "--init", "random", "--epochs", "1", "--logdir", "runs")
    files = [file.name for file in (tmp_path / "runs" / "swiss_roll_3d").iterdir()]
    assert files == ["comparison.png"]
    assert done.stdout.count("wrong connectivity") == 3
