"""Measures of a fitted estimator for its own points, and how to read them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nrae_geometric.metrics import embedding_quality, intrinsic_dimension, shortcut_edges
from nrae_geometric.metrics._common import NotApplicableError
from nrae_geometric.nn.evaluation import encode_data, evaluating
from nrae_geometric.persistence import StoredTransformer

Measures = dict[str, float | None]
"""The measures by their names, None where one has no value."""

MOST_POINTS = 5000
"""Of more points, a random part is measured."""
MOST_NODES = 20 * MOST_POINTS
"""Edges of larger graphs are not measured."""
_NUM_NEIGHBORS = 10
_MOST_COUNTED, _WELL_KEPT = 2000, 0.9

_TRUSTED, FEW_TRUSTED = 0.95, 0.9
READINGS = {
    "trustworthiness": "1 where no point from far away has moved in among a point's neighbors; a "
    f"slightly farther one costs little. Above {_TRUSTED} regions can be trusted; below "
    f"{FEW_TRUSTED} some points only seem near",
    "continuity": "1 is best: points near each other in the data are near in the picture; below "
    "0.9 the manifold was torn or folded",
    "neighborhood recall": "the share of each point's exact nearest neighbors that are kept in "
    "the picture; noise makes it small where the others are high",
    "reconstruction R²": "the share of the points' variance that the picture keeps: 1 if they can "
    "be decoded exactly, 0 if no better than their mean",
    "torn edges": "the share of the graph's edges that are more than five times too long in the "
    "picture; 0 is best",
}
"""One sentence on each measure."""


def nearness_in_words(trustworthiness: float) -> str:
    """Returns what the title of a picture says of its trustworthiness."""
    if trustworthiness >= _TRUSTED:
        return "nearby here is nearby in the data"
    if trustworthiness >= FEW_TRUSTED:
        return "most that is nearby here is nearby in the data"
    return "some points only seem near"


class Quality(NamedTuple):
    """How good a fitted estimator is for its own points.

    Attributes:
        measures (dict): The measures of :data:`READINGS`, None where one has no value.
        num_measured (int): The number of points that they are of.
        more_latents (int, optional): See :func:`suggest_latents`.
    """

    measures: Measures
    num_measured: int
    more_latents: int | None


def measure(estimator: StoredTransformer, points: NDArray[Any]) -> Quality:
    """Measures a fitted estimator, on at most 5000 of its points.

    Args:
        estimator (StoredTransformer): The estimator.
        points (numpy.ndarray): The points that it was fitted to ``[N, *shape]``.
    """
    rows = measured_rows(len(points))
    # In the unit of the model, where each column of a table may have one of its own.
    x = (points[rows].reshape(len(rows), -1) - estimator.center_) / estimator.scale_
    z = estimator.embedding_[rows]
    recon = estimator.inverse_transform(z).reshape(len(rows), -1)
    values = measure_latents(x, z, (recon - estimator.center_) / estimator.scale_)
    graph = estimator.graph_
    if graph.num_nodes <= MOST_NODES:
        with evaluating(estimator.model_):
            latents = encode_data(estimator.model_, graph)
        values["torn edges"] = torn_fraction(latents, graph.edge_index, graph.get("edge_length"))
    return Quality(values, len(rows), suggest_latents(x, z.shape[1], values))


def measured_rows(num_points: int) -> NDArray[np.int64]:
    """Returns the sorted rows of at most 5000 points."""
    return np.sort(np.random.default_rng(0).permutation(num_points)[:MOST_POINTS])


def measure_latents(x: NDArray[Any], z: NDArray[Any], recon: NDArray[Any]) -> Measures:
    """Returns the measures of :data:`READINGS` that follow no edges; torn edges have no value yet.

    Args:
        x (numpy.ndarray): Centered and scaled points ``[N, D]``.
        z (numpy.ndarray): Their latents ``[N, d]``.
        recon (numpy.ndarray): Their reconstructions ``[N, D]``.
    """
    values: Measures = dict.fromkeys(READINGS)
    k = min(_NUM_NEIGHBORS, (len(x) - 1) // 2)
    if k > 0:
        quality = embedding_quality(x, z, k)
        values["trustworthiness"] = quality.trustworthiness
        values["continuity"] = quality.continuity
        values["neighborhood recall"] = quality.neighborhood_recall
    with np.errstate(divide="ignore", invalid="ignore"):
        values["reconstruction R²"] = 1 - float(np.square(x - recon).sum() / _deviation(x))
    return {name: _finite(value) for name, value in values.items()}


def torn_fraction(z: Any, edge_index: Any, edge_length: Any = None) -> float | None:
    """Returns the share of edges that are too long in latent space, where there are edges."""
    try:
        return _finite(shortcut_edges(z, edge_index, edge_length=edge_length).fraction)
    except NotApplicableError:
        return None


def suggest_latents(x: NDArray[Any], dim: int, measures: Measures) -> int | None:
    """Returns the dimension of points where latents are fewer and lose a tenth of the variance.

    Args:
        x (numpy.ndarray): Centered and scaled points ``[N, D]``, of which at most 2000 are used.
        dim (int): The number of latents.
        measures (dict): The measures of the latents.

    Returns:
        int or None: The intrinsic dimension, or None where there is nothing to suggest.
    """
    kept = measures["reconstruction R²"]
    if kept is None or kept >= _WELL_KEPT or len(x) < 3:
        return None
    try:
        dimension = intrinsic_dimension(x[:: -(-len(x) // _MOST_COUNTED)])
    except NotApplicableError:
        return None
    rounded = round(min(dimension, x.shape[1]))
    return rounded if rounded > dim else None


def reason_of_absence(name: str, num_points: int, num_edges: int) -> str:
    """Returns why a measure of points and the edges between them has no value."""
    if name == "torn edges" and num_points > MOST_NODES:
        return f"measured in graphs of up to {MOST_NODES:,} points"
    if name == "torn edges" and num_edges == 0:
        return "no edges join these points"
    if name in ("trustworthiness", "continuity", "neighborhood recall") and num_points < 3:
        return "measured from three points on"
    if name == "reconstruction R²" and num_points < 2:
        return "one point does not vary"
    return "not a finite number"


def _deviation(x: NDArray[Any]) -> float:
    return float(np.square(x - x.mean(axis=0)).sum())


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
