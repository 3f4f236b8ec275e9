"""A run that is killed at any time goes on with ``--resume`` to the files of one that was not."""

import random
import signal
import sys

import pytest
import torch

from nrae_geometric.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and signals")

SETTINGS = [
    "NRAEL_toy_denoising",
    *("--training.num_epochs", "60", "--data.training.num_data", "20", "--device", "cpu"),
    *("--model.encoder.l_hidden", "[8, 8, 8]", "--model.decoder.l_hidden", "[8, 8, 8]"),
    "--no-animation",
]


@pytest.fixture(scope="module")
def train(nrae):
    """Trains; returns the exit code and how long it took."""

    def train(logdir, *arguments, **options):
        ended = nrae("train", *SETTINGS, "--logdir", str(logdir), *arguments, **options)
        return ended.code, ended.seconds

    return train


@pytest.fixture(scope="module")
def whole(train, tmp_path_factory):
    """The files of a run that nobody has stopped, and how long it took."""
    logdir = tmp_path_factory.mktemp("whole")
    train(logdir / "warm")
    code, seconds = train(logdir)
    assert code == 0
    return logdir / "NRAEL_toy_denoising", seconds


def assert_same_results(directory, expected):
    for name in ("config.yml", "history.csv", "metrics.json"):
        assert (directory / name).read_bytes() == (expected / name).read_bytes()
    ours, theirs = (load_checkpoint(each / "checkpoint.pt") for each in (directory, expected))
    for name, value in theirs["model"].items():
        assert torch.equal(ours["model"][name], value)
    files = {path.name for path in directory.iterdir()} - {"checkpoint.previous.pt"}
    assert files == {"config.yml", "checkpoint.pt", "history.csv", "metrics.json"}


@pytest.mark.parametrize(
    ("signal_name", "code", "count"), [("SIGKILL", -9, 10), ("SIGTERM", 143, 3), ("SIGINT", 130, 3)]
)
def test_killed_run_resumes_to_the_same_bits(train, whole, tmp_path, signal_name, code, count):
    expected, seconds = whole
    chance = random.Random(signal_name)
    for i in range(count):
        logdir = tmp_path / str(i)
        found, _ = train(
            logdir,
            number=getattr(signal, signal_name),
            seconds=seconds * chance.uniform(0.05, 0.95),
        )
        assert found in (code, 0)
        directory = logdir / expected.name
        has_started = (directory / "config.yml").exists() or (directory / "checkpoint.pt").exists()
        assert train(logdir, *(["--resume"] if has_started else []))[0] == 0
        assert_same_results(directory, expected)


def test_run_that_is_killed_again_and_again_resumes_to_the_same_bits(train, whole, tmp_path):
    expected, seconds = whole
    chance = random.Random(0)
    directory = tmp_path / expected.name
    for _ in range(6):
        resume = ["--resume"] if (directory / "config.yml").exists() else []
        seconds_left = seconds * chance.uniform(0.2, 0.6)
        train(tmp_path, *resume, number=signal.SIGKILL, seconds=seconds_left)
    resume = ["--resume"] if (directory / "config.yml").exists() else []
    assert train(tmp_path, *resume)[0] == 0
    assert_same_results(directory, expected)


def test_killed_rerun_leaves_measures_of_its_own_configuration_alone(train, whole, tmp_path):
    _, seconds = whole
    directory = tmp_path / "NRAEL_toy_denoising"
    chance = random.Random(1)
    for seed in (2, 3, 4):
        assert train(tmp_path, "--seed", str(seed))[0] == 0
        before = (directory / "metrics.json").read_bytes()
        again = ["--seed", str(seed + 100)]
        moment = seconds * chance.uniform(0.1, 0.8)
        train(tmp_path, *again, number=signal.SIGKILL, seconds=moment)
        has_new_config = f"seed: {seed + 100}" in (directory / "config.yml").read_text()
        state = load_checkpoint(directory / "checkpoint.pt")
        assert state["run"]["seed"] in ((seed + 100,) if has_new_config else (seed, seed + 100))
        if (directory / "metrics.json").exists() and state["completed_epochs"] < 60:
            assert not has_new_config
            assert (directory / "metrics.json").read_bytes() == before
        assert train(tmp_path, "--resume", "--seed", str(state["run"]["seed"]))[0] == 0
