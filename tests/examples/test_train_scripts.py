"""The published command lines, from a folder that has no configs/ in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = [
    *("--training.num_epochs", "2", "--model.encoder.l_hidden", "[8, 8, 8]"),
    *("--model.decoder.l_hidden", "[8, 8, 8]"),
]


def run(script, config, folder, *arguments):
    return subprocess.run(
        [sys.executable, ROOT / "examples" / script, "--config", config, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_published_synthetic_command_line_works_from_any_folder(tmp_path):
    config = "configs/NRAEL_toy_denoising.yml"
    done = run("train_synthetic.py", config, tmp_path, "--device", "cpu", *SMALL)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "NRAEL_toy_denoising" / "NRAEL_training.gif").is_file()


@pytest.mark.skipif(
    not (Path(os.environ.get("NRAE_DATA", "")) / "mnist").is_dir(),
    reason="NRAE_DATA names no folder with mnist/ in it",
)
def test_published_mnist_command_line_works_from_any_folder(tmp_path):
    config = "configs/AE_mnist_shifted.yml"
    done = run("train_MNIST.py", config, tmp_path, "--device", "cpu", "--logdir", "runs", *SMALL)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "AE_mnist_shifted" / "AE_training.gif").is_file()


def test_fault_exits_with_2_and_no_traceback(tmp_path):
    done = run(
        "train_synthetic.py", "configs/NRAEL_toy_denoising.yml", tmp_path, "--model.zdim", "1"
    )

    assert done.returncode == 2
    assert "did you mean model.z_dim?" in done.stderr
    assert "Traceback" not in done.stderr
