import json

import pytest
import torch

from nrae_geometric.configs import load_config
from nrae_geometric.datasets import SinCurve
from nrae_geometric.experiments import run_experiment
from nrae_geometric.experiments.evaluate import evaluate_experiment
from nrae_geometric.metrics import (
    embedding_quality,
    geodesic_correlation,
    shortcut_edges,
    shortcut_segments,
    smallest_connected_k,
)
from nrae_geometric.registry import MEASURES
from nrae_geometric.training.checkpoint import load_checkpoint, save_checkpoint
from nrae_geometric.transforms import KNNGraph

SMALL = {
    "training.num_epochs": 3,
    **{f"model.{network}.l_hidden": [16, 16, 16] for network in ("encoder", "decoder")},
}


@pytest.fixture
def finished(tmp_path):
    def train(name="NRAEL_toy_denoising", overrides=None):
        config = load_config(name, {**SMALL, **(overrides or {})})
        return run_experiment(config, device="cpu", logdir=tmp_path, progress=False, animate=False)

    return train


def test_label_free_metrics_are_those_of_the_trained_model(finished):
    result = finished()
    metrics = evaluate_experiment(result.directory, device="cpu")

    data = KNNGraph(10)(SinCurve(50, 0.3, seed=1)[0])
    with torch.no_grad():
        z = result.model.encode(data.x)
    edges = shortcut_edges(z, data.edge_index, edge_length=data.edge_length)
    segments = shortcut_segments(
        result.model.decode, z, data.x, data.edge_index, edge_length=data.edge_length
    )
    assert metrics["embedding_quality"] == embedding_quality(data.x, z, 5)._asdict()
    assert metrics["shortcut_edges"]["fraction"] == edges.fraction
    assert metrics["shortcut_segments"]["largest_departure"] == segments.departure.max().item()
    assert metrics["graph_diagnostics"]["num_components"] == 1
    assert metrics["graph_diagnostics"]["smallest_degree"] >= 10


def test_metrics_of_training_are_found_again_and_joined_by_the_others(finished):
    result = finished()
    evaluate_experiment(result.directory, device="cpu")

    written = json.loads((result.directory / "metrics.json").read_text())
    assert {name: written[name] for name in result.metrics} == result.metrics
    assert set(written) == set(MEASURES)


def test_geodesic_correlation_is_that_of_the_arc_length_of_the_sine(finished):
    result = finished()
    metrics = evaluate_experiment(result.directory, device="cpu")

    manifold = SinCurve().manifold()
    t = torch.linspace(-torch.pi, torch.pi, 200_001, dtype=torch.float64)
    speed = (1 + t.cos() ** 2).sqrt()
    length = torch.cat([torch.zeros(1), torch.cumulative_trapezoid(speed, t)])
    nearest = torch.searchsorted(t, manifold.y.double()).clamp(max=len(t) - 1)
    with torch.no_grad():
        expected = geodesic_correlation(result.model.encode(manifold.x), length[nearest])
    assert metrics["geodesic_correlation"]["pearson"] == pytest.approx(expected.pearson, abs=1e-4)


def test_other_entries_of_the_metrics_file_stay(finished):
    result = finished()
    path = result.directory / "metrics.json"
    path.write_text('{"note": "mine", "reconstruction_error": -1}')
    evaluate_experiment(result.directory, device="cpu")

    written = json.loads(path.read_text())
    assert written["note"] == "mine"
    assert written["reconstruction_error"] == result.metrics["reconstruction_error"]


def test_autoencoder_is_measured_on_the_smallest_connected_graph(finished):
    result = finished("AE_toy_geometry_preserving")
    metrics = evaluate_experiment(result.directory, device="cpu")

    k = smallest_connected_k(result.data.x)
    assert metrics["graph_diagnostics"]["num_components"] == 1
    assert metrics["graph_diagnostics"]["smallest_degree"] == k


def test_two_latent_dimensions_are_measured_without_an_order(finished):
    result = finished(overrides={"model.z_dim": 2})
    metrics = evaluate_experiment(result.directory, device="cpu")

    assert "latent_order" not in metrics
    assert metrics["decoder_distortion"]["largest_condition_number"] > 1


def test_what_is_not_finite_is_null(finished):
    result = finished()
    state = load_checkpoint(result.directory / "checkpoint.pt")
    state["model"] = {name: torch.zeros_like(value) for name, value in state["model"].items()}
    save_checkpoint(result.directory / "checkpoint.pt", state)

    assert (
        evaluate_experiment(result.directory, device="cpu")["decoder_distortion"][
            "largest_condition_number"
        ]
        is None
    )


def test_unfinished_run_is_an_error(finished):
    directory = finished().directory
    state = load_checkpoint(directory / "checkpoint.pt")
    save_checkpoint(directory / "checkpoint.pt", {**state, "completed_epochs": 2})

    with pytest.raises(ValueError, match="2 of 3 epochs"):
        evaluate_experiment(directory)


@pytest.mark.parametrize("missing", ["config.yml", "checkpoint.pt"])
def test_missing_file_is_named(finished, missing):
    directory = finished().directory
    (directory / missing).unlink()

    with pytest.raises(FileNotFoundError, match=missing):
        evaluate_experiment(directory)


def test_checkpoint_of_another_model_is_an_error(finished):
    directory = finished().directory
    config = directory / "config.yml"
    config.write_text(config.read_text().replace("z_dim: 1", "z_dim: 2"))

    with pytest.raises(ValueError, match="another model"):
        evaluate_experiment(directory, device="cpu")


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_damaged_metrics_file_is_an_error(finished, content):
    directory = finished().directory
    (directory / "metrics.json").write_text(content)

    with pytest.raises(ValueError, match=r"metrics\.json"):
        evaluate_experiment(directory, device="cpu")
