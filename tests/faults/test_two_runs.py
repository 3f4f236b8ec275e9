"""A folder belongs to one run at a time, and other runs are told which process has it."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

SMALL = [
    *("--device", "cpu", "--no-animation", "--data.training.num_data", "20"),
    *("--model.encoder.l_hidden", "[8, 8, 8]", "--model.decoder.l_hidden", "[8, 8, 8]"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A run that goes on until it is stopped."""
    logdir = tmp_path_factory.mktemp("running")
    directory = logdir / "AE_toy_denoising"
    command = ["train", "AE_toy_denoising", "--training.num_epochs", "1000000", *SMALL]
    process = subprocess.Popen(
        [sys.executable, "-m", "nrae_geometric", *command, "--logdir", str(logdir)],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    for _ in range(600):
        if (directory / "checkpoint.pt").exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    assert process.poll() is None
    yield process, directory
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert {path.name for path in directory.iterdir()} <= {
        "checkpoint.pt",
        "checkpoint.previous.pt",
        "config.yml",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "AE_toy_denoising", *SMALL],
        ["train", "AE_toy_denoising", *SMALL, "--seed", "5"],
        ["train", "AE_toy_denoising", *SMALL, "--resume", "--training.num_epochs", "1000000"],
        ["train", "NRAEL_toy_denoising", *SMALL, "--exp_name", "AE_toy_denoising"],
    ],
)
def test_second_run_in_a_folder_is_refused(nrae, running, arguments):
    process, directory = running
    config = (directory / "config.yml").read_bytes()
    ended = nrae(*arguments, "--logdir", directory.parent)

    assert ended.code == 2
    assert f"{directory} is in use by another run, process {process.pid};" in ended.err
    assert (directory / "config.yml").read_bytes() == config


def test_evaluation_of_a_running_experiment_is_refused(nrae, running):
    process, directory = running
    ended = nrae("evaluate", directory, "--device", "cpu")

    assert ended.code == 2
    assert f"process {process.pid}" in ended.err


def test_run_in_another_folder_is_none_of_its_business(nrae, running):
    _, directory = running
    arguments = ["train", "AE_toy_denoising", *SMALL, "--training.num_epochs", "2"]
    assert nrae(*arguments, "--exp_name", "other", "--logdir", directory.parent).code == 0


def test_folder_is_free_after_a_kill(nrae, tmp_path):
    arguments = ["train", "AE_toy_denoising", *SMALL, "--logdir", tmp_path]
    ended = nrae(*arguments, "--training.num_epochs", "100000", number=signal.SIGKILL, seconds=0.7)
    assert ended.code == -signal.SIGKILL
    assert nrae(*arguments, "--training.num_epochs", "2").code == 0
    assert not [path for path in (tmp_path / "AE_toy_denoising").iterdir() if path.name[0] == "."]


def test_two_searches_in_a_folder_are_refused(nrae, tmp_path):
    pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
    from nrae_geometric.locking import FolderLock

    np.save(tmp_path / "points.npy", np.random.default_rng(0).normal(size=(20, 2)))
    with FolderLock(tmp_path / "tune_points"):
        ended = nrae("tune", tmp_path / "points.npy", "--device", "cpu", "--logdir", tmp_path)

    assert ended.code == 2
    assert f"in use by another run, process {os.getpid()};" in ended.err
