"""Correlations between latent and geodesic distances."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from nrae_geometric.geodesics.graph import distance_graph, power_of_two, shortest_paths
from nrae_geometric.metrics._common import (
    Array,
    NotApplicableError,
    as_edges,
    as_points,
    check_same_length,
    pearson,
    sample_rows,
    spearman,
)
from nrae_geometric.metrics.suite import Evaluation, register_measure
from nrae_geometric.neighbors.ranking import distance_matrix
from nrae_geometric.nn.evaluation import encode_data


class GeodesicCorrelation(NamedTuple):
    """Correlation between latent and geodesic distances over pairs of points.

    Attributes:
        pearson (float): Linear correlation, in [-1, 1]; 1 for a latent that is the manifold up to
            scale and rigid motion.
        spearman (float): Rank correlation, in [-1, 1].
        num_pairs (int): Number of pairs that were compared.
    """

    pearson: float
    spearman: float
    num_pairs: int


@torch.no_grad()
def geodesic_correlation(
    z: Array, y: Array, *, num_samples: int | None = 1000, seed: int = 0
) -> GeodesicCorrelation:
    r"""Returns the correlation between latent distances and true geodesic distances.

    The geodesic distance is taken from intrinsic coordinates, :math:`\lVert y_i - y_j \rVert`.
    That is the distance along the manifold where :math:`y` is its arc length (curves) or its flat,
    unrolled coordinates (surfaces such as the Swiss roll); for any other parameter of a curve only
    the rank correlation is meaningful.

    One minus the squared Pearson correlation is the residual variance of `Tenenbaum, de Silva and
    Langford, "A Global Geometric Framework for Nonlinear Dimensionality Reduction", Science 2000
    <https://doi.org/10.1126/science.290.5500.2319>`_.

    Args:
        z (torch.Tensor or ndarray): Latents ``[N, *]``.
        y (torch.Tensor or ndarray): True intrinsic coordinates ``[N]`` or ``[N, p]``.
        num_samples (int, optional): Number of random points whose pairs are compared; :obj:`None`
            for all points. (default: :obj:`1000`)
        seed (int, optional): Seed of that choice. (default: :obj:`0`)

    Returns:
        GeodesicCorrelation: Both correlations, 0 if a distance is constant, and the pair count.

    Raises:
        ValueError: If there are fewer than three points, or rows do not correspond.
    """
    latents, coordinates = as_points(z, "z"), as_points(y, "y")
    check_same_length(z=latents, y=coordinates)
    rows = _sampled_points(len(latents), num_samples, seed)
    return _correlate(_pair_distances(latents[rows]), _pair_distances(coordinates[rows]))


@torch.no_grad()
def graph_geodesic_correlation(
    z: Array,
    x: Array,
    edge_index: Array,
    *,
    edge_length: Array | None = None,
    num_samples: int | None = 300,
    seed: int = 0,
) -> GeodesicCorrelation:
    r"""Returns the correlation between latent distances and shortest paths through a graph.

    An edge can be traveled both ways. Pairs in different components have no distance and are left
    out. Needs no ground truth, but trusts the graph: where it takes a shortcut, so does this
    distance. The shortest paths are Dijkstra's, on the CPU.

    Source: as for :func:`geodesic_correlation`.

    Args:
        z (torch.Tensor or ndarray): Latents ``[N, *]``.
        x (torch.Tensor or ndarray): Points ``[N, *shape]``.
        edge_index (torch.Tensor or ndarray): Graph over the points ``[2, E]``.
        edge_length (torch.Tensor or ndarray, optional): The lengths of the edges ``[E]``, in any
            metric. (default: Euclidean lengths)
        num_samples (int, optional): Number of random points whose pairs are compared; :obj:`None`
            for all points. (default: :obj:`300`)
        seed (int, optional): Seed of that choice. (default: :obj:`0`)

    Returns:
        GeodesicCorrelation: Both correlations, 0 if a distance is constant, and the pair count.

    Raises:
        ValueError: If there are fewer than three points, rows do not correspond, or the sampled
            points are not joined by any path.
    """
    latents, points = as_points(z, "z"), as_points(x, "x")
    check_same_length(z=latents, x=points)
    rows = _sampled_points(len(latents), num_samples, seed)
    graph = distance_graph(points, *as_edges(edge_index, edge_length))
    distance = torch.from_numpy(shortest_paths(graph, rows.numpy(), rows.numpy()))
    upper = torch.triu_indices(len(rows), len(rows), offset=1)
    geodesic = distance[upper[0], upper[1]]
    reachable = geodesic.isfinite()
    if not reachable.any():
        raise NotApplicableError(
            "no two of the sampled points are joined by a path; use a graph with more neighbors"
        )
    return _correlate(
        _pair_distances(latents[rows])[reachable.to(latents.device)], geodesic[reachable]
    )


def _sampled_points(num_points: int, num_samples: int | None, seed: int) -> Tensor:
    rows = sample_rows(num_points, num_samples, seed)
    if len(rows) < 3:
        raise NotApplicableError(
            f"{len(rows)} points have no distances to correlate; at least 3 are needed"
        )
    return rows


def _pair_distances(points: Tensor) -> Tensor:
    """Distances of all pairs ``i < j`` in row-major order and some unit, which does not matter."""
    points = points.double() / power_of_two(points)
    first, second = torch.triu_indices(len(points), len(points), offset=1, device=points.device)
    return distance_matrix(points, points)[first, second]


def _correlate(latent: Tensor, geodesic: Tensor) -> GeodesicCorrelation:
    return GeodesicCorrelation(
        pearson=pearson(latent, geodesic),
        spearman=spearman(latent, geodesic),
        num_pairs=len(latent),
    )


@register_measure("geodesic_correlation", supervised=True, needs=["manifold"])
def measure_geodesic_correlation(evaluation: Evaluation) -> dict[str, Any]:
    """Correlation between latent distances on the true curve and its arc length in between."""
    manifold = evaluation.manifold
    if manifold.y is None or manifold.y.numel() != len(manifold.x):
        raise NotApplicableError("a manifold without one coordinate y a point has no arc length")
    step = manifold.x.flatten(1).diff(dim=0).norm(dim=1)
    arc_length = torch.cat([step.new_zeros(1), step.cumsum(0)])
    z = encode_data(evaluation.model, manifold)
    return geodesic_correlation(z, arc_length)._asdict()


@register_measure("graph_geodesic_correlation", supervised=False, needs=["edges"])
def measure_graph_geodesic_correlation(evaluation: Evaluation) -> dict[str, Any]:
    """Correlation between latent distances and shortest paths through the points' graph."""
    points = evaluation.points
    return graph_geodesic_correlation(
        evaluation.z, points.x, points.edge_index, edge_length=points.get("edge_length")
    )._asdict()
