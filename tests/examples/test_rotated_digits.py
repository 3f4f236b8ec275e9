"""The example script of the rotated digit, shortened to a few epochs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
ARGUMENTS = ["--device", "cpu", "--epochs", "2", "--digit", "7"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The results' folder and what was printed, after too few epochs to learn the orbit."""
    folder = tmp_path_factory.mktemp("digit")
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "rotated_digits.py", *ARGUMENTS],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "results" / "rotated_digits", done.stdout


def test_table_has_one_row_for_each_model_and_names_a_wrong_order(results):
    names = [line.split()[0] for line in results[1].splitlines() if "connectivity" in line]
    assert names == ["AE", "NRAE-L"]


def test_figure_shows_a_strip_for_the_truth_and_for_each_model(results):
    with Image.open(results[0] / "orbits.png") as picture:
        assert picture.width > picture.height


@pytest.mark.parametrize("name", ["AE", "NRAEL"])
def test_animation_of_each_model_is_written(results, name):
    with Image.open(results[0] / f"{name}_training.gif") as animation:
        assert animation.n_frames > 1
