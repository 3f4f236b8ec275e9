"""Correlation between latent and geodesic distances."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nrae_geometric.metrics._checks import (
    as_points,
    check_edge_index,
    check_positive,
    check_same_length,
)
from nrae_geometric.metrics._correlation import pearson, spearman
from nrae_geometric.metrics._edges import edge_lengths, symmetrize
from nrae_geometric.metrics._sampling import sample_rows

# Shortest paths fill this many entries of a [sources, N] block at a time.
_ENTRIES_PER_BLOCK = 2**24


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
    z: Tensor, y: Tensor, *, num_samples: int | None = 1000, seed: int = 0
) -> GeodesicCorrelation:
    r"""Correlation between latent distances and true geodesic distances.

    The geodesic distance is taken from intrinsic coordinates, :math:`\lVert y_i - y_j \rVert`.
    That is the distance along the manifold where :math:`y` is its arc length (curves) or its flat,
    unrolled coordinates (surfaces such as the Swiss roll); for any other parameter of a curve only
    the rank correlation is meaningful.

    One minus the squared Pearson correlation is the residual variance of `Tenenbaum, de Silva and
    Langford, "A Global Geometric Framework for Nonlinear Dimensionality Reduction", Science 2000
    <https://doi.org/10.1126/science.290.5500.2319>`_.

    Args:
        z (Tensor): Latents ``[N, *]``.
        y (Tensor): True intrinsic coordinates ``[N]`` or ``[N, p]``.
        num_samples (int, optional): Number of random points whose pairs are compared; ``None`` for
            all points. (default: ``1000``)
        seed (int): Seed of that choice. (default: ``0``)

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
    z: Tensor, x: Tensor, edge_index: Tensor, *, num_samples: int | None = 300, seed: int = 0
) -> GeodesicCorrelation:
    r"""Correlation between latent distances and shortest paths through a graph over the points.

    An edge is as long as the distance of its two points, and can be travelled both ways. Pairs in
    different components have no distance and are left out. Needs no ground truth, but trusts the
    graph: where it takes a shortcut, so does this distance. The shortest paths are Dijkstra's, on
    the CPU.

    Source: as for :func:`geodesic_correlation`.

    Args:
        z (Tensor): Latents ``[N, *]``.
        x (Tensor): Points ``[N, *shape]``.
        edge_index (Tensor): Graph over the points ``[2, E]``.
        num_samples (int, optional): Number of random points whose pairs are compared; ``None`` for
            all points. (default: ``300``)
        seed (int): Seed of that choice. (default: ``0``)

    Returns:
        GeodesicCorrelation: Both correlations, 0 if a distance is constant, and the pair count.

    Raises:
        ValueError: If there are fewer than three points, rows do not correspond, or the sampled
            points are not joined by any path.
    """
    latents, points = as_points(z, "z"), as_points(x, "x")
    check_same_length(z=latents, x=points)
    check_edge_index(edge_index, len(points))
    rows = _sampled_points(len(latents), num_samples, seed)
    geodesic = _shortest_paths(points, edge_index, rows)
    reachable = geodesic.isfinite()
    if not reachable.any():
        raise ValueError(
            "no two of the sampled points are joined by a path; use a graph with more neighbors"
        )
    return _correlate(_pair_distances(latents[rows])[reachable.to(z.device)], geodesic[reachable])


def _sampled_points(num_points: int, num_samples: int | None, seed: int) -> Tensor:
    if num_samples is not None:
        check_positive(num_samples, "num_samples")
    rows = sample_rows(num_points, num_samples, seed)
    if len(rows) < 3:
        raise ValueError(
            f"{len(rows)} points have no distances to correlate; at least 3 are needed"
        )
    return rows


def _pair_distances(points: Tensor) -> Tensor:
    """Distances of all pairs ``i < j`` in row-major order, as those of the upper triangle."""
    return torch.pdist(points.double())


def _shortest_paths(points: Tensor, edge_index: Tensor, rows: Tensor) -> Tensor:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    edges = symmetrize(edge_index, len(points))
    length = edge_lengths(points.double(), edges).cpu().numpy()
    # csgraph takes an explicit zero (two equal points) for an edge of no length, as it should.
    graph = csr_array((length, tuple(edges.cpu().numpy())), shape=(len(points), len(points)))
    blocks = rows.split(max(1, _ENTRIES_PER_BLOCK // len(points)))
    distance = np.concatenate([dijkstra(graph, indices=b.numpy())[:, rows.numpy()] for b in blocks])
    upper = torch.triu_indices(len(rows), len(rows), offset=1)
    return torch.from_numpy(distance)[upper[0], upper[1]]


def _correlate(latent: Tensor, geodesic: Tensor) -> GeodesicCorrelation:
    return GeodesicCorrelation(
        pearson=pearson(latent, geodesic),
        spearman=spearman(latent, geodesic),
        num_pairs=len(latent),
    )
