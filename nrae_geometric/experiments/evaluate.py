"""Measures of a finished experiment."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Data, Dataset

from nrae_geometric.atomic import write_json
from nrae_geometric.configs import ExperimentConfig, load_config
from nrae_geometric.experiments.build import build_graph, build_model, build_test_points
from nrae_geometric.experiments.folder import CHECKPOINT, CONFIG, METRICS, check_fingerprint
from nrae_geometric.locking import FolderLock
from nrae_geometric.metrics import (
    evaluate_supervised,
    evaluate_unsupervised,
    smallest_connected_k,
)
from nrae_geometric.nn import AE
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
        directory (str or os.PathLike): The results of
            :func:`~nrae_geometric.experiments.run_experiment`.
        device (str, int or torch.device, optional): As in
            :class:`~nrae_geometric.training.Trainer`. (default: :obj:`"auto"`)

    Returns:
        The measures of :func:`~nrae_geometric.metrics.evaluate_supervised` and of
        :func:`~nrae_geometric.metrics.evaluate_unsupervised`, each a number or a
        dictionary of numbers, ``None`` where one is not finite. Other entries of ``metrics.json``
        stay.

    Raises:
        FileNotFoundError: If there is no experiment, or no file to read points from.
        ValueError: If the run is not finished, its files are damaged or do not belong together,
            or the device is not there.
    """
    directory = Path(directory)
    device = resolve_device(device)
    _check_finished(directory)
    with FolderLock(directory):
        return _evaluate(directory, device)


def _evaluate(directory: Path, device: torch.device) -> dict[str, Any]:
    config = load_config(directory / CONFIG)
    before = _metrics_before(directory / METRICS)
    state = load_checkpoint(directory / CHECKPOINT)
    check_fingerprint(state, config, directory)
    completed = state["completed_epochs"]
    if completed != config.training.num_epochs and state["stop_reason"] is None:
        raise ValueError(
            f"{directory} is not finished: {completed} of {config.training.num_epochs} epochs; "
            f"train on with --resume first"
        )
    dataset = config.data.training.build(config.seed)
    points = build_graph(dataset[0].to(device), config.data.training)
    model = build_model(config.model, points.x.shape[1:]).to(points.x.device)
    try:
        model.load_state_dict(state["model"])
    except RuntimeError as error:
        raise ValueError(
            f"{directory / CHECKPOINT} is of another model than config.yml: {error}"
        ) from None
    metrics = measure_supervised(config, dataset, model, points)
    metrics |= measure_unsupervised(model, points)
    write_json(directory / METRICS, before | metrics)
    return metrics


def measure_supervised(
    config: ExperimentConfig, dataset: Dataset, model: AE, points: Data
) -> dict[str, Any]:
    """Returns the measures against the truth, as far as it is known.

    Args:
        config (ExperimentConfig): The experiment.
        dataset (Dataset): What ``config.data.training`` has built.
        model (AE): The trained model.
        points (Data): The training points and their graph.

    Returns:
        Those of :func:`~nrae_geometric.metrics.evaluate_supervised`: without a known manifold the
        measures of the test points alone, and none without test points.
    """
    test = build_test_points(config, dataset)
    manifold = dataset.manifold() if hasattr(dataset, "manifold") else None
    return evaluate_supervised(model, points, test, manifold)


def measure_unsupervised(model: AE, points: Data) -> dict[str, Any]:
    """Returns the measures of :func:`~nrae_geometric.metrics.evaluate_unsupervised`.

    Args:
        model (AE): The trained model.
        points (Data): The training points. Without edges they get those of the smallest connected
            k-nearest-neighbor graph, with k up to 10.
    """
    if points.edge_index.size(1) == 0:
        largest = min(_LARGEST_K, len(points.x) - 1)
        points = KNNGraph(smallest_connected_k(points.x, largest) or largest)(points)
    return evaluate_unsupervised(model, points)


def _check_finished(directory: Path) -> None:
    for name in (CONFIG, CHECKPOINT):
        if not (directory / name).is_file():
            raise FileNotFoundError(
                f"{directory} does not hold a finished experiment: there is no {name}; give the "
                f"folder that nrae train names at its end, such as results/NRAEL_toy_denoising"
            )


def _metrics_before(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({error}); remove it") from None
    if not isinstance(before, dict):
        raise ValueError(f"{path} should hold a JSON object; remove it")
    return before
