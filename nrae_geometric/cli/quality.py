"""Measures of a fitted estimator for its own points, and how to read them."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nrae_geometric.estimator import ManifoldAutoencoder

MOST_POINTS = 5000
"""Of more points, a random part is measured."""
_NUM_NEIGHBORS = 10

READINGS = {
    "trustworthiness": "1 is best: points near each other in the picture are near in the data; "
    "below 0.9 some only seem to be neighbors",
    "continuity": "1 is best: points near each other in the data are near in the picture; below "
    "0.9 the manifold was torn or folded",
    "neighborhood recall": "the share of each point's nearest neighbors that are its nearest in "
    "the picture too; noise makes it small where the others are high",
    "reconstruction R²": "the share of the points' variance that the picture keeps: 1 if they can "
    "be decoded exactly, 0 if no better than their mean",
    "torn edges": "the share of the graph's edges that are more than five times too long in the "
    "picture; 0 is best",
}
"""One sentence on each measure."""


def measure(
    estimator: "ManifoldAutoencoder", points: "NDArray[Any]"
) -> tuple[dict[str, float | None], int]:
    """Measures a fitted estimator, on at most 5000 of its points.

    Args:
        estimator (ManifoldAutoencoder): The estimator.
        points (numpy.ndarray): The points that it was fitted to ``[N, *shape]``.

    Returns:
        tuple[dict, int]: The measures of :data:`READINGS`, ``None`` where one has no value, and
        the number of points that they are of.
    """
    from nrae_geometric.metrics import embedding_quality, shortcut_edges
    from nrae_geometric.nn.evaluation import encode_data, evaluating

    num_points = len(points)
    rows = np.sort(np.random.default_rng(0).permutation(num_points)[:MOST_POINTS])
    # In the unit of the model, where each column of a table may have one of its own.
    x = (points[rows].reshape(len(rows), -1) - estimator.center_) / estimator.scale_
    z = estimator.embedding_[rows]
    values: dict[str, float | None] = dict.fromkeys(READINGS)
    k = min(_NUM_NEIGHBORS, (len(rows) - 1) // 2)
    if k > 0:
        quality = embedding_quality(x, z, k)
        values["trustworthiness"] = quality.trustworthiness
        values["continuity"] = quality.continuity
        values["neighborhood recall"] = quality.neighborhood_recall
    recon = estimator.inverse_transform(z).reshape(len(rows), -1)
    error = x - (recon - estimator.center_) / estimator.scale_
    values["reconstruction R²"] = 1 - float(np.square(error).sum() / _deviation(x))
    graph = estimator.graph_
    if graph.num_nodes <= 20 * MOST_POINTS:
        with evaluating(estimator.model_):
            latents = encode_data(estimator.model_, graph)
        torn = shortcut_edges(latents, graph.edge_index, edge_length=graph.edge_length)
        values["torn edges"] = torn.fraction
    return {name: _finite(value) for name, value in values.items()}, len(rows)


def _deviation(x: "NDArray[Any]") -> float:
    return float(np.square(x - x.mean(axis=0)).sum())


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
