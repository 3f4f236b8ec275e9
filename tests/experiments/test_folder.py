"""A folder holds the files of one run, whatever ends the next one."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from torch_geometric.data import Data

from nrae_geometric.callbacks import CurveRecorder
from nrae_geometric.configs import load_config
from nrae_geometric.experiments import evaluate_experiment, run_experiment
from nrae_geometric.experiments.folder import RunFolder

FILES = {"config.yml", "checkpoint.pt", "history.csv", "metrics.json"}
SMALL = {
    "training.num_epochs": 3,
    **{f"model.{network}.l_hidden": [8, 8, 8] for network in ("encoder", "decoder")},
}


def run(logdir, overrides=None, name="AE_toy_denoising", **options):
    config = load_config(name, {**SMALL, **(overrides or {})})
    defaults = {"device": "cpu", "logdir": logdir, "progress": False, "animate": False}
    return run_experiment(config, **{**defaults, **options})


def contents(directory):
    """The files but for the checkpoint before the last, which only some runs live to write."""
    files = {path.name: path.read_bytes() for path in directory.iterdir()}
    files.pop("checkpoint.previous.pt", None)
    return files


@pytest.fixture
def finished(tmp_path):
    return run(tmp_path, animate=True).directory


def stop_after(monkeypatch, epoch):
    """Presses Ctrl-C in an epoch."""
    epoch_end = RunFolder.on_epoch_end

    def stop(self, trainer, model):
        epoch_end(self, trainer, model)
        if trainer.epoch == epoch:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(RunFolder, "on_epoch_end", stop)


@pytest.mark.parametrize(
    ("overrides", "error"),
    [
        ({"seed": 2**32}, ValueError),
        ({"optimizer.lr": 1e30}, FloatingPointError),
        ({"model.encoder.out_activation": "swish"}, ValueError),
        ({"training.init": "pca", "model.z_dim": 3}, ValueError),
        ({"data.training": {"dataset": "file", "path": "no.npy", "batch_size": 8}}, OSError),
    ],
)
def test_run_that_fails_before_its_first_checkpoint_leaves_the_files_of_the_one_before(
    finished, overrides, error
):
    before = contents(finished)
    with pytest.raises(error):
        run(finished.parent, overrides)

    assert contents(finished) == before


@pytest.mark.parametrize("overrides", [{"seed": 2**32}, {"training.init": "pca", "model.z_dim": 3}])
def test_run_that_fails_before_it_starts_leaves_no_folder(tmp_path, overrides):
    with pytest.raises(ValueError):
        run(tmp_path / "new" / "results", overrides)

    assert not list(tmp_path.iterdir())


def test_stopped_run_leaves_nothing_that_an_earlier_one_made(finished, monkeypatch):
    stop_after(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        run(finished.parent, {"seed": 2})

    assert set(contents(finished)) == {"config.yml", "checkpoint.pt"}
    assert load_config(finished / "config.yml").seed == 2


def test_longer_run_that_is_stopped_leaves_nothing_of_the_shorter_one(finished, monkeypatch):
    longer = {"training.num_epochs": 9}
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        with pytest.raises(KeyboardInterrupt):
            run(finished.parent, longer, resume=True)
    assert set(contents(finished)) == {"config.yml", "checkpoint.pt"}
    with pytest.raises(ValueError, match="6 of 9 epochs"):
        evaluate_experiment(finished, device="cpu")

    assert len(run(finished.parent, longer, resume=True).history) == 9


def test_animation_of_another_model_goes_with_its_run(tmp_path):
    directory = run(tmp_path, animate=True).directory
    other = {"exp_name": "AE_toy_denoising", **SMALL}
    run(tmp_path, other, name="NRAEL_toy_denoising", animate=True)

    assert set(contents(directory)) == {*FILES, "NRAEL_training.gif"}


def test_files_of_somebody_else_stay(finished):
    (finished / "notes.txt").write_text("mine")
    run(finished.parent, {"seed": 2})

    assert (finished / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"optimizer.lr": 0.01}, r"other settings \(optimizer.lr\)"),
        ({"seed": 2, "training.num_epochs": 9}, r"other settings \(seed\)"),
        ({"model.decoder.activation": ["relu"] * 3}, r"\(model.decoder.activation\)"),
        ({"training.num_epochs": 2}, "3 epochs already, more than the 2"),
    ],
)
def test_refused_resumption_changes_nothing(finished, overrides, message):
    before = contents(finished)
    with pytest.raises(ValueError, match=message):
        run(finished.parent, overrides, resume=True)

    assert contents(finished) == before


@pytest.mark.parametrize("overrides", [{"seed": 2}, {"model.encoder.activation": ["tanh"] * 3}])
def test_checkpoint_of_another_run_with_the_same_shapes_is_refused(finished, tmp_path, overrides):
    other = run(tmp_path / "other", overrides).directory
    shutil.copy(other / "checkpoint.pt", finished)
    before = contents(finished)
    with pytest.raises(ValueError, match="another model, or other settings"):
        run(finished.parent, resume=True)
    with pytest.raises(ValueError, match="another model, or other settings"):
        evaluate_experiment(finished, device="cpu")

    assert contents(finished) == before


def test_run_killed_between_its_first_checkpoint_and_its_configuration_goes_on(
    finished, tmp_path, monkeypatch
):
    """The new checkpoint lies beside the configuration and the measures of the run before."""
    expected = run(tmp_path / "other", {"seed": 2})
    with monkeypatch.context() as patch:
        stop_after(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "stopped", {"seed": 2})
    shutil.copy(tmp_path / "stopped" / finished.name / "checkpoint.pt", finished)
    with pytest.raises(ValueError, match="another model, or other settings"):
        evaluate_experiment(finished, device="cpu")
    resumed = run(finished.parent, {"seed": 2}, resume=True)

    assert resumed.history == expected.history
    assert resumed.metrics == expected.metrics
    assert set(contents(finished)) == FILES
    assert load_config(finished / "config.yml").seed == 2


def test_resuming_a_finished_run_keeps_its_animation(finished):
    before = contents(finished)
    run(finished.parent, resume=True)

    assert contents(finished).keys() == before.keys()
    assert contents(finished)["AE_training.gif"] == before["AE_training.gif"]


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_folder_that_is_removed_during_the_run_is_made_anew(tmp_path, monkeypatch, epoch):
    record = CurveRecorder.on_epoch_end

    def remove(self, trainer, model):
        record(self, trainer, model)
        if trainer.epoch == epoch:
            shutil.rmtree(tmp_path / "AE_toy_denoising")

    monkeypatch.setattr(CurveRecorder, "on_epoch_end", remove)
    directory = run(tmp_path, animate=True).directory

    assert set(contents(directory)) == {*FILES, "AE_training.gif"}
    assert json.loads((directory / "metrics.json").read_text())


@pytest.mark.parametrize("name", ["write_csv", "write_json", "write_animation"])
def test_folder_that_is_removed_at_the_end_is_an_error_that_names_it(tmp_path, monkeypatch, name):
    from nrae_geometric.experiments import run as module

    write = getattr(module, name)

    def remove(*arguments):
        shutil.rmtree(tmp_path / "AE_toy_denoising")
        write(*arguments)

    monkeypatch.setattr(module, name, remove)
    with pytest.raises(FileNotFoundError, match=r"AE_toy_denoising lacks config.yml, checkpoint"):
        run(tmp_path, animate=True)


def test_evaluation_names_damaged_measures_before_it_measures(finished, monkeypatch):
    (finished / "metrics.json").write_text("{")
    monkeypatch.setattr(Data, "to", pytest.fail)
    with pytest.raises(ValueError, match=r"metrics\.json is not valid JSON"):
        evaluate_experiment(finished, device="cpu")


def test_leftovers_of_a_killed_run_go_with_the_next(finished):
    leftover = Path(finished) / ".nrae-0123456789ab-0123456789ab.pt"
    leftover.write_bytes(b"half")
    run(finished.parent)

    assert not leftover.exists()
