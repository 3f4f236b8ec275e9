import csv
import json
import math
import os
import signal
from typing import Literal

import pytest
import torch
from torch_geometric.data import Data

from nrae_geometric.callbacks import CurveRecorder
from nrae_geometric.configs import ConfigError, ExperimentConfig, load_config
from nrae_geometric.experiments import run_experiment
from nrae_geometric.registry import MODELS, DatasetSettings, register_dataset
from nrae_geometric.training.checkpoint import load_checkpoint

SMALL = {
    "training.num_epochs": 3,
    **{f"model.{network}.l_hidden": [16, 16, 16] for network in ("encoder", "decoder")},
}


def run(name, logdir, overrides=None, **options):
    config = load_config(name, {**SMALL, **(overrides or {})})
    defaults = {"device": "cpu", "logdir": logdir, "progress": False, "animate": False}
    return run_experiment(config, **{**defaults, **options})


@pytest.mark.parametrize(
    "name",
    ["NRAEL_toy_denoising", pytest.param("AE_mnist_rotated", marks=pytest.mark.slow)],
)
def test_experiment_leaves_its_files(name, small_mnist, tmp_path):
    result = run(name, tmp_path, small_mnist if "mnist" in name else None, animate=True)

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
    state = load_checkpoint(result.directory / "checkpoint.pt")
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

    def record_and_press_ctrl_c(self, trainer, model):
        record(self, trainer, model)
        if trainer.epoch == 1:
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


@pytest.fixture
def cloud():
    """A kind of points in space without a known manifold or a known size."""

    class Cloud:
        def __getitem__(self, index):
            return Data(x=torch.randn(30, 3, generator=torch.Generator().manual_seed(0)))

    @register_dataset
    class CloudSettings(DatasetSettings):
        dataset: Literal["cloud"]

        def build(self, seed):
            return Cloud()

    return {"dataset": "cloud", "batch_size": 10, "graph": {"num_nn": 4}}


@pytest.fixture
def in_space():
    settings = load_config("NRAEL_toy_denoising", SMALL).to_dict()
    settings["model"]["x_dim"] = 3
    return settings


def test_points_without_a_known_manifold_are_measured_without_it(cloud, in_space, tmp_path):
    in_space["data"] = {"training": cloud}
    config = ExperimentConfig.from_dict(in_space)
    result = run_experiment(config, device="cpu", logdir=tmp_path, progress=False)

    assert result.animation is None
    assert "embedding_quality" in result.metrics
    assert "manifold_distance" not in result.metrics


def test_test_points_without_a_known_manifold_give_their_error(cloud, in_space, tmp_path):
    in_space["data"] = {"training": cloud, "test": {**cloud, "graph": None}}
    config = ExperimentConfig.from_dict(in_space)
    result = run_experiment(config, device="cpu", logdir=tmp_path, progress=False)

    x = result.data.x
    with torch.no_grad():
        error = (result.model(x) - x).square().sum(1).mean().item()
    assert result.metrics == {"reconstruction_error": pytest.approx(error, rel=1e-4)}


def test_points_that_do_not_fit_are_named_once_they_are_read(cloud, in_space, tmp_path):
    in_space["data"], in_space["model"]["x_dim"] = {"training": cloud}, 2
    config = ExperimentConfig.from_dict(in_space)
    with pytest.raises(ConfigError, match=r"model\.x_dim: each point has 3 values, got 2"):
        run_experiment(config, device="cpu", logdir=tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


def test_nothing_is_recorded_without_an_animation(tmp_path):
    state = load_checkpoint(run("AE_toy_denoising", tmp_path).directory / "checkpoint.pt")
    assert not state["callbacks"]


@pytest.mark.parametrize(
    "start",
    [
        {"training.init": "geodesic", "data.training.graph.num_nn": 6},
        {"training.init": "pca"},
    ],
)
def test_plain_autoencoder_starts_from_an_embedding(tmp_path, start):
    result = run("AE_toy_denoising", tmp_path, start)
    assert result.metrics["latent_order"]["spearman"] > 0.95


def test_unknown_activation_lists_the_known_ones_and_leaves_earlier_results(tmp_path):
    directory = run("AE_toy_denoising", tmp_path).directory
    with pytest.raises(ValueError, match="unknown activation 'swish'; choose one of 'relu', "):
        run("AE_toy_denoising", tmp_path, {"model.encoder.out_activation": "swish"})
    assert (directory / "metrics.json").is_file()


@pytest.mark.parametrize(
    ("model", "order"),
    [
        ({"arch": "nrae", "order": 2, "neighbor_weight": 3.0}, 2),
        ({"arch": "nrael", "kernel": {"type": "gaussian", "bandwidth": 0.5}}, 1),
    ],
)
def test_nrae_has_settings_beyond_the_published_ones(tmp_path, model, order):
    settings = load_config("NRAEL_toy_denoising", SMALL).to_dict()
    del settings["model"]["kernel"]
    settings["model"] |= model
    config = ExperimentConfig.from_dict(settings)
    options = {"device": "cpu", "logdir": tmp_path, "progress": False, "animate": False}
    assert run_experiment(config, **options).model.order == order


def test_geodesic_start_is_one_key(tmp_path):
    small = {f"model.{network}.l_hidden": [64, 64, 64] for network in ("encoder", "decoder")}
    settings = {"training.num_epochs": 10, "training.init": "geodesic", **small}
    result = run("NRAEL_toy_geometry_preserving", tmp_path, settings)

    assert result.metrics["latent_order"]["spearman"] > 0.99


def test_start_cannot_change_when_an_experiment_is_resumed(tmp_path):
    name = "NRAEL_toy_geometry_preserving"
    run(name, tmp_path)
    with pytest.raises(ValueError, match="other settings"):
        run(name, tmp_path, {"training.init": "geodesic"}, resume=True)


def test_run_without_a_first_checkpoint_starts_anew_when_resumed(tmp_path):
    expected = run("AE_toy_denoising", tmp_path)
    (expected.directory / "checkpoint.pt").unlink()
    resumed = run("AE_toy_denoising", tmp_path, resume=True)

    assert resumed.history == expected.history


def test_random_state_of_the_program_is_left_alone(tmp_path):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    run("AE_toy_denoising", tmp_path)

    assert torch.rand(1) == expected


@pytest.mark.parametrize("animate_first", [True, False])
def test_run_is_resumed_with_or_without_an_animation(tmp_path, animate_first):
    run("AE_toy_denoising", tmp_path, animate=animate_first)
    longer = {"training.num_epochs": 5}
    result = run("AE_toy_denoising", tmp_path, longer, resume=True, animate=not animate_first)
    assert (result.animation is None) == animate_first
    assert len(result.history) == 5


def test_name_in_place_of_a_configuration_is_named():
    with pytest.raises(TypeError, match=r"as load_config\(name\) returns it, got 'AE_toy_den"):
        run_experiment("AE_toy_denoising")


@pytest.mark.parametrize("init", ["pca", "geodesic"])
def test_model_of_given_coordinates_is_trained_and_goes_on(tmp_path, init):
    overrides = {"model.arch": "grae", "training.init": init}
    if init == "geodesic":
        overrides["data.training.graph.num_nn"] = 6
    run("AE_toy_denoising", tmp_path, {**overrides, "training.num_epochs": 2})
    resumed = run("AE_toy_denoising", tmp_path, overrides, resume=True)
    whole = run("AE_toy_denoising", tmp_path / "whole", overrides)
    assert len(resumed.history) == 3
    # The first two epochs of another number are at other rates.
    assert math.isfinite(resumed.history[-1]["loss"])
    assert whole.history[-1]["loss"] < whole.history[0]["loss"] * 1.5


@pytest.mark.parametrize("arch", [name for name in MODELS if name not in ("nrael", "nraeq")])
def test_every_model_is_trained_from_a_file(tmp_path, arch):
    overrides = {"model.arch": arch, "training.num_epochs": 2, "training.init": "pca"}
    if MODELS[arch].needs_graph:
        overrides |= {"data.training.graph.num_nn": 6, "data.training.graph.bs_nn": 2}
    result = run("AE_toy_denoising", tmp_path, overrides)
    assert all(math.isfinite(record["loss"]) for record in result.history)
    assert math.isfinite(result.metrics["latent_order"]["spearman"])
