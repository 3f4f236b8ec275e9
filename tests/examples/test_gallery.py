"""The gallery of real data, shortened to few points and epochs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


def run(folder, *arguments):
    environment = {name: value for name, value in os.environ.items() if name != "NRAE_DATA"}
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "examples" / "gallery.py",
            "--quick",
            "--device",
            "cpu",
            *arguments,
        ],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The folder of the pictures and the process, after too few epochs to learn anything."""
    folder = tmp_path_factory.mktemp("gallery")
    return folder / "results" / "gallery", run(folder)


@pytest.mark.parametrize("name", ["breast_cancer", "digits"])
def test_picture_of_each_data_set_is_written(results, name):
    with Image.open(results[0] / f"{name}.png") as picture:
        assert picture.width > picture.height > 500


def test_table_has_four_measures_of_each_data_set(results):
    rows = {line[:14].strip(): line[28:].split() for line in results[1].stdout.splitlines()}
    for name in ("breast cancer", "digits"):
        seconds, *measures = map(float, rows[name])
        assert seconds > 0
        assert len(measures) == 3
        assert max(measures) <= 1


def test_mnist_is_left_out_with_advice_and_progress_goes_to_standard_error(results):
    assert "MNIST is left out" in results[1].stdout
    assert "NRAE_DATA" in results[1].stdout
    assert results[1].stderr.count("Learning ") == 2


@pytest.mark.skipif("NRAE_DATA" not in os.environ, reason="needs MNIST")
def test_mnist_is_drawn_where_its_folder_is_named(tmp_path):
    run(tmp_path, "--data", os.environ["NRAE_DATA"])

    assert (tmp_path / "results" / "gallery" / "mnist.png").stat().st_size > 0
