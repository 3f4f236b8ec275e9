import csv
import json
import math
import os
import signal
from pathlib import Path

import pytest
import torch

from nrae_geometric.callbacks import CurveRecorder
from nrae_geometric.configs import ExperimentConfig, experiment_names, load_config
from nrae_geometric.experiments import run_experiment

SMALL = {
    "training.num_epochs": 3,
    **{f"model.{network}.l_hidden": [16, 16, 16] for network in ("encoder", "decoder")},
}


def run(name, logdir, overrides=None, **options):
    config = load_config(name, {**SMALL, **(overrides or {})})
    defaults = {"device": "cpu", "logdir": logdir, "progress": False, "animate": False}
    return run_experiment(config, **{**defaults, **options})


@pytest.mark.parametrize("name", experiment_names())
def test_every_published_experiment_runs_and_leaves_its_files(name, tmp_path):
    if "mnist" in name and not (Path(os.environ.get("NRAE_DATA", "")) / "mnist").is_dir():
        pytest.skip("NRAE_DATA names no folder with mnist/ in it")
    result = run(name, tmp_path, animate=True)

    animation = f"{name.split('_')[0]}_training.gif"
    assert result.directory == tmp_path / name
    assert result.animation == tmp_path / name / animation
    assert {path.name for path in result.directory.iterdir()} == {
        "config.yml",
        "checkpoint.pt",
        "history.csv",
        "metrics.json",
        animation,
    }
    assert result.animation.read_bytes()[:6] in (b"GIF87a", b"GIF89a")


def test_files_hold_what_the_result_holds(tmp_path):
    result = run("NRAEL_toy_denoising", tmp_path)

    assert load_config(result.directory / "config.yml") == result.config
    assert json.loads((result.directory / "metrics.json").read_text()) == result.metrics
    with (result.directory / "history.csv").open(newline="") as file:
        rows = [
            {"epoch": int(row["epoch"]), "loss": float(row["loss"]), "lr": float(row["lr"])}
            for row in csv.DictReader(file)
        ]
    assert rows == result.history
    state = torch.load(result.directory / "checkpoint.pt", weights_only=True)
    for name, value in result.model.state_dict().items():
        assert torch.equal(state["model"][name], value)


def test_metrics_are_those_of_the_clean_test_points(tmp_path):
    result = run("AE_toy_denoising", tmp_path)

    x = torch.linspace(-math.pi, math.pi, 1000)
    clean = torch.stack([x, x.sin()], dim=1)
    with torch.no_grad():
        error = (result.model(clean) - clean).square().sum(1).mean().item()
    assert result.metrics["reconstruction_error"] == pytest.approx(error, rel=1e-4)
    assert 0 <= result.metrics["latent_order"]["spearman"] <= 1
    assert result.metrics["manifold_distance"]["hausdorff"] > 0


def test_same_configuration_gives_the_same_result(tmp_path):
    results = [
        run("NRAEQ_toy_denoising", tmp_path / str(i), {"seed": seed})
        for i, seed in enumerate((1, 1, 2))
    ]
    assert results[0].history == results[1].history
    assert results[0].metrics == results[1].metrics
    assert results[0].history != results[2].history


def test_stopped_experiment_resumes_to_the_uninterrupted_result(tmp_path, monkeypatch):
    name = "NRAEL_toy_geometry_preserving"
    expected = run(name, tmp_path / "whole", animate=True)
    record = CurveRecorder.on_epoch_end

    def record_and_press_ctrl_c(self, epoch, loss, model):
        record(self, epoch, loss, model)
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(CurveRecorder, "on_epoch_end", record_and_press_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            run(name, tmp_path / "stopped", animate=True)
    resumed = run(name, tmp_path / "stopped", resume=True, animate=True)

    assert resumed.history == expected.history
    assert resumed.metrics == expected.metrics


def test_finished_experiment_resumes_for_more_epochs(tmp_path):
    run("AE_toy_denoising", tmp_path)
    longer = run("AE_toy_denoising", tmp_path, {"training.num_epochs": 5}, resume=True)

    assert [record["epoch"] for record in longer.history] == list(range(5))


def test_resuming_another_experiment_is_an_error(tmp_path):
    run("AE_toy_denoising", tmp_path)
    with pytest.raises(ValueError, match="other settings"):
        run("AE_toy_denoising", tmp_path, {"optimizer.lr": 0.01}, resume=True)


def test_resuming_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        run("AE_toy_denoising", tmp_path, resume=True)


def test_failed_run_leaves_no_results_of_an_earlier_one(tmp_path):
    directory = run("AE_toy_denoising", tmp_path).directory
    with pytest.raises(FloatingPointError):
        run("AE_toy_denoising", tmp_path, {"optimizer.lr": 1e30})

    assert [path.name for path in directory.iterdir()] == ["config.yml"]


def test_two_latent_dimensions_train_without_an_animation(tmp_path):
    result = run("NRAEL_toy_denoising", tmp_path, {"model.z_dim": 2}, animate=True)

    assert result.animation is None
    assert "latent_order" not in result.metrics
    assert "manifold_distance" in result.metrics


def test_missing_test_section_means_the_clean_curve(tmp_path):
    settings = load_config("AE_toy_denoising", SMALL).to_dict()
    expected = run("AE_toy_denoising", tmp_path / "with")
    del settings["data"]["test"]
    result = run_experiment(
        ExperimentConfig.from_dict(settings),
        device="cpu",
        logdir=tmp_path / "without",
        progress=False,
        animate=False,
    )
    assert result.metrics == expected.metrics
