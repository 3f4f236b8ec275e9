"""How good a trained model is, with and without a known manifold to compare it to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from nrae_geometric.metrics import (
    decoder_distortion,
    embedding_quality,
    geodesic_correlation,
    graph_diagnostics,
    graph_geodesic_correlation,
    latent_order,
    manifold_distance,
    reconstruction_error,
    shortcut_edges,
    shortcut_segments,
)
from nrae_geometric.nn import AE

# So many random points determine the neighborhood scores to about one percent.
_NUM_NEIGHBORHOODS = 2000


@dataclass(frozen=True)
class Trained:
    """A trained model and what to measure it on.

    Attributes:
        model: In evaluation mode.
        points: The training points, with a graph for the metrics that follow its edges.
        z: Their latents ``[N, d]``.
        test: Clean points ``x`` and their true coordinate ``y``, not trained on; may be empty.
        manifold: Points that cover the true manifold densely, in the order of their ``y``; may
            be empty.
    """

    model: AE
    points: Data
    z: Tensor
    test: Data
    manifold: Data


Metric = Callable[[Trained], dict[str, Any] | float]


def _reconstruction_error(trained: Trained) -> float:
    x = trained.test.x
    return reconstruction_error(x, trained.model(x, trained.test.edge_index)).item()


def _latent_order(trained: Trained) -> dict[str, Any]:
    z = trained.model.encode(trained.test.x, trained.test.edge_index)
    return latent_order(z, trained.test.y)._asdict()


def _geodesic_correlation(trained: Trained) -> dict[str, Any]:
    manifold = trained.manifold
    step = manifold.x.flatten(1).diff(dim=0).norm(dim=1)
    arc_length = torch.cat([step.new_zeros(1), step.cumsum(0)])
    z = trained.model.encode(manifold.x, manifold.edge_index)
    return geodesic_correlation(z, arc_length)._asdict()


def _manifold_distance(trained: Trained) -> dict[str, Any]:
    return manifold_distance(trained.model.decode, trained.z, trained.manifold.x)._asdict()


def _embedding_quality(trained: Trained) -> dict[str, Any]:
    k = min(5, (len(trained.z) - 1) // 2)
    quality = embedding_quality(trained.points.x, trained.z, k, num_samples=_NUM_NEIGHBORHOODS)
    return quality._asdict()


def _graph_geodesic_correlation(trained: Trained) -> dict[str, Any]:
    points = trained.points
    return graph_geodesic_correlation(trained.z, points.x, points.edge_index)._asdict()


def _shortcut_edges(trained: Trained) -> dict[str, Any]:
    edges = shortcut_edges(trained.z, trained.points.edge_index, trained.points.x)
    return {"fraction": edges.fraction, "largest_stretch": edges.stretch.max().item()}


def _shortcut_segments(trained: Trained) -> dict[str, Any]:
    points = trained.points
    segments = shortcut_segments(trained.model.decode, trained.z, points.x, points.edge_index)
    return {
        "fraction": segments.fraction,
        "largest_departure": segments.departure.max().item(),
        "num_segments": segments.num_segments,
    }


def _decoder_distortion(trained: Trained) -> dict[str, Any]:
    distortion = decoder_distortion(trained.model.decode, trained.z)
    return {
        "median_condition_number": distortion.condition_number.median().item(),
        "largest_condition_number": distortion.condition_number.max().item(),
        "smallest_volume": distortion.volume.min().item(),
        "median_volume": distortion.volume.median().item(),
        "largest_volume": distortion.volume.max().item(),
        "isometry_deviation": distortion.isometry_deviation.mean().item(),
    }


def _graph(trained: Trained) -> dict[str, Any]:
    graph = graph_diagnostics(trained.points.edge_index, len(trained.z))
    return {
        "num_components": graph.num_components,
        "smallest_degree": int(graph.degree.min()),
        "median_degree": int(graph.degree.median()),
        "largest_degree": int(graph.degree.max()),
    }


KNOWN_MANIFOLD_METRICS: dict[str, Metric] = {
    "reconstruction_error": _reconstruction_error,
    "latent_order": _latent_order,
    "geodesic_correlation": _geodesic_correlation,
    "manifold_distance": _manifold_distance,
}
"""Metrics against the truth, by the name of their function in :mod:`nrae_geometric.metrics`."""

LABEL_FREE_METRICS: dict[str, Metric] = {
    "embedding_quality": _embedding_quality,
    "graph_geodesic_correlation": _graph_geodesic_correlation,
    "shortcut_edges": _shortcut_edges,
    "shortcut_segments": _shortcut_segments,
    "decoder_distortion": _decoder_distortion,
    "graph_diagnostics": _graph,
}
"""Metrics of the points, their graph and the model alone."""


@torch.no_grad()
def measure(model: AE, points: Data, test: Data, manifold: Data) -> dict[str, Any]:
    """Compares what a model has learned with the known manifold.

    Args:
        model: A trained model.
        points: The training points, with their graph for an encoder that takes it.
        test: Clean points ``x`` and their true coordinate ``y``, not trained on.
        manifold: Points that cover the true manifold densely, in the order of their ``y``.

    Returns:
        ``reconstruction_error`` of the test points, ``latent_order`` of the test points (one
        latent and one true coordinate alone), ``geodesic_correlation`` of the latents of the
        manifold with its arc length (one true coordinate alone), and ``manifold_distance`` (one
        or two latent coordinates); see :mod:`nrae_geometric.metrics`. Numbers and dictionaries of
        numbers, ``None`` where one is not finite.
    """
    trained = _trained(model, points, test, manifold)
    names = set(KNOWN_MANIFOLD_METRICS)
    if test.y is None or test.y.dim() != 1 or trained.z.size(1) != 1:
        names.remove("latent_order")
    if manifold.y is None or manifold.y.dim() != 1:
        names.remove("geodesic_correlation")
    if trained.z.size(1) > 2:
        names.remove("manifold_distance")
    return _values(trained, [name for name in KNOWN_MANIFOLD_METRICS if name in names])


@torch.no_grad()
def measure_by_name(
    names: Iterable[str],
    model: AE,
    points: Data,
    test: Data | None = None,
    manifold: Data | None = None,
) -> dict[str, Any]:
    """Measures what is asked for.

    Args:
        names: Names of :data:`KNOWN_MANIFOLD_METRICS`, which need ``test`` and ``manifold``, and
            of :data:`LABEL_FREE_METRICS`, which need edges between the points.
        model: A trained model.
        points: The training points and their graph.
        test: As in :func:`measure`.
        manifold: As in :func:`measure`.

    Returns:
        For each name a number or a dictionary of numbers; ``None`` where one is not finite.
    """
    return _values(_trained(model, points, test, manifold), names)


def _trained(model: AE, points: Data, test: Data | None, manifold: Data | None) -> Trained:
    model.eval()
    points, test, manifold = (
        _placed_with(model, data or Data()) for data in (points, test, manifold)
    )
    return Trained(model, points, model.encode(points.x, points.edge_index), test, manifold)


def _placed_with(model: AE, data: Data) -> Data:
    parameter = next(model.parameters())
    x = None if data.x is None else data.x.to(parameter)
    return Data(x=x, y=data.y, edge_index=data.edge_index).to(parameter.device)


def _values(trained: Trained, names: Iterable[str]) -> dict[str, Any]:
    metrics = KNOWN_MANIFOLD_METRICS | LABEL_FREE_METRICS
    return {name: _json_values(metrics[name](trained)) for name in names}


def _json_values(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json_values(item) for key, item in value.items()}
    # JSON has no infinity, such as the condition number where a direction is lost.
    return value if isfinite(value) else None
