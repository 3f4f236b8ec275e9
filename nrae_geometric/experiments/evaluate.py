"""All metrics of a finished experiment."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Data

from nrae_geometric.atomic import write_json
from nrae_geometric.configs import ExperimentConfig, load_config
from nrae_geometric.experiments.build import build_graph, build_model, build_test_points
from nrae_geometric.metrics import smallest_connected_k
from nrae_geometric.metrics.suite import (
    LABEL_FREE_METRICS,
    measure,
    measure_by_name,
)
from nrae_geometric.training.checkpoint import load_checkpoint
from nrae_geometric.training.device import resolve_device
from nrae_geometric.transforms import KNNGraph

# A graph with more neighbors takes shortcuts sooner than it joins what belongs together.
_LARGEST_K = 10


def evaluate_experiment(
    directory: str | os.PathLike[str], *, device: str | int | torch.device = "auto"
) -> dict[str, Any]:
    """Measures a finished experiment in every way, and adds the result to its ``metrics.json``.

    Metrics that follow edges take the graph that the experiment was trained with, or, if that is
    an autoencoder's without any, the smallest connected k-nearest-neighbor graph, with k up to 10.

    Args:
        directory: The results of :func:`~nrae_geometric.training.run_experiment`.
        device: As in :class:`~nrae_geometric.training.Trainer`.

    Returns:
        The metrics of :func:`~nrae_geometric.metrics.suite.measure` and of
        :data:`~nrae_geometric.metrics.suite.LABEL_FREE_METRICS`, each a number or a dictionary
        of numbers, ``None`` where one is not finite. Other entries of ``metrics.json`` stay.

    Raises:
        FileNotFoundError: If there is no experiment, or no MNIST.
        ValueError: If the run is not finished, its files are damaged or do not belong together,
            or the device is not there.
    """
    directory = Path(directory)
    config = _finished_config(directory)
    state = load_checkpoint(directory / "checkpoint.pt")
    completed = state.get("completed_epochs", 0)
    if completed < config.training.num_epochs:
        raise ValueError(
            f"{directory} is not finished: {completed} of {config.training.num_epochs} epochs; "
            f"train on with --resume first"
        )
    dataset = config.data.training.build(config.seed)
    points = build_graph(dataset[0].to(resolve_device(device)), config.data.training)
    model = build_model(config.model, points.x.shape[1:]).to(points.x.device)
    try:
        model.load_state_dict(state["model"])
    except RuntimeError as error:
        raise ValueError(
            f"{directory / 'checkpoint.pt'} is of another model than config.yml: {error}"
        ) from None
    metrics = measure(model, points, build_test_points(config, dataset), dataset.manifold())
    metrics |= measure_by_name(LABEL_FREE_METRICS, model, _with_edges(points))
    _merge(directory / "metrics.json", metrics)
    return metrics


def _finished_config(directory: Path) -> ExperimentConfig:
    for name in ("config.yml", "checkpoint.pt"):
        if not (directory / name).is_file():
            raise FileNotFoundError(
                f"{directory} does not hold a finished experiment: there is no {name}; give the "
                f"folder that nrae train names at its end, such as results/NRAEL_toy_denoising"
            )
    return load_config(directory / "config.yml")


def _with_edges(points: Data) -> Data:
    if points.edge_index.size(1) > 0:
        return points
    largest = min(_LARGEST_K, len(points.x) - 1)
    return KNNGraph(smallest_connected_k(points.x, largest) or largest)(points)


def _merge(path: Path, metrics: dict[str, Any]) -> None:
    before: Any = {}
    if path.is_file():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is not valid JSON ({error}); remove it") from None
    if not isinstance(before, dict):
        raise ValueError(f"{path} should hold a JSON object; remove it")
    write_json(path, before | metrics)
