"""On a full disk a command ends in one line with the file's name, and earlier files are whole."""

import json
from contextlib import contextmanager

import numpy as np
import pytest

from nrae_geometric.configs import load_config
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.training.checkpoint import load_checkpoint
from nrae_geometric.tuning import tune

resource = pytest.importorskip("resource", reason="needs limits of the size of files")

SETTINGS = [
    "NRAEL_toy_denoising",
    *("--training.num_epochs", "3", "--data.training.num_data", "20", "--device", "cpu"),
    *("--model.encoder.l_hidden", "[8, 8, 8]", "--model.decoder.l_hidden", "[8, 8, 8]"),
]
FILES = {
    "config.yml",
    "checkpoint.pt",
    "history.csv",
    "metrics.json",
    "NRAEL_training.gif",
    "checkpoint.previous.pt",
}


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def assert_one_line(ended, directory):
    assert ended.code == 2
    assert "Traceback" not in ended.err
    [line] = [line for line in ended.err.splitlines() if line.startswith("nrae: ")]
    assert ended.err.rstrip().endswith(line)
    assert str(directory) in line
    assert "make room" in line


@pytest.fixture(scope="module")
def finished(nrae, tmp_path_factory):
    logdir = tmp_path_factory.mktemp("finished")
    assert nrae("train", *SETTINGS, "--logdir", logdir).code == 0
    return logdir / "NRAEL_toy_denoising"


# The configuration has about 1000 bytes, the checkpoint 40 000, the animation more.
@pytest.mark.parametrize("largest", [0, 300, 5000, 20_000])
def test_new_run_names_the_file(nrae, tmp_path, largest):
    directory = tmp_path / "NRAEL_toy_denoising"
    ended = nrae("train", *SETTINGS, "--logdir", tmp_path, largest=largest)

    assert_one_line(ended, directory)
    if directory.exists():
        assert {path.name for path in directory.iterdir()} <= FILES
    assert nrae("train", *SETTINGS, "--logdir", tmp_path).code == 0


def test_animation_that_does_not_fit_leaves_all_else(nrae, finished, tmp_path):
    sizes = {name: len(content) for name, content in contents(finished).items()}
    ended = nrae(
        *("train", *SETTINGS, "--logdir", tmp_path),
        largest=max(size for name, size in sizes.items() if not name.endswith(".gif")) + 2000,
    )
    directory = tmp_path / "NRAEL_toy_denoising"
    if sizes["NRAEL_training.gif"] < max(sizes.values()):
        pytest.skip("the animation is smaller than the checkpoint")
    assert_one_line(ended, directory / "NRAEL_training.gif")
    assert json.loads((directory / "metrics.json").read_text())


@pytest.mark.parametrize("arguments", [["--seed", "2"], ["--resume", "--training.num_epochs", "6"]])
@pytest.mark.parametrize("largest", [0, 500, 8000])
def test_earlier_files_are_whole(nrae, finished, arguments, largest):
    before = contents(finished)
    ended = nrae(
        *("train", *SETTINGS, *arguments, "--logdir", finished.parent),
        largest=largest,
    )
    assert_one_line(ended, finished)
    after = contents(finished)
    for name in ("checkpoint.pt", "config.yml", "metrics.json", "NRAEL_training.gif"):
        assert after[name] == before[name]
    assert load_checkpoint(finished / "checkpoint.pt")["completed_epochs"] == 3
    assert load_config(finished / "config.yml").seed == 1


def test_measures_of_an_evaluation_name_their_file(nrae, finished):
    before = contents(finished)
    ended = nrae("evaluate", finished, "--device", "cpu", largest=100)

    assert_one_line(ended, finished / "metrics.json")
    assert contents(finished) == before


@contextmanager
def largest_file(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("largest", "name"), [(0, "trials.journal"), (1500, "trials.journal"), (9000, "tuning.png")]
)
def test_search_names_its_file_and_goes_on_later(tmp_path, largest, name):
    pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
    points = np.random.default_rng(0).normal(size=(20, 2))
    model = ManifoldAutoencoder(
        hidden_layer_sizes=(4,), init="random", max_epochs=1, random_state=0, device="cpu"
    )
    options = {"num_trials": 2, "num_folds": 2, "num_repeats": 1, "progress": False}
    with largest_file(largest), pytest.raises(OSError) as error:
        tune(points, model, directory=tmp_path, **options)
    assert error.value.filename == str(tmp_path / name)

    tune(points, model, directory=tmp_path, **options)
    assert {path.name for path in tmp_path.iterdir()} == {
        "best.json",
        "trials.csv",
        "trials.journal",
        "tuning.png",
    }


@pytest.mark.parametrize("arguments", [["list"], ["--version"], ["train", "--help"]])
def test_output_that_cannot_be_written_is_no_traceback(nrae, arguments):
    ended = nrae(*arguments, output="/dev/full")

    assert "Traceback" not in ended.err
    if arguments == ["list"]:  # argparse passes over what it cannot print
        assert ended.code == 2
        assert "No space left" in ended.err
