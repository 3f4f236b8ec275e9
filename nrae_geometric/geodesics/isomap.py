"""Coordinates whose distances are those along the graph."""

import logging
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nrae_geometric.geodesics.components import joined
from nrae_geometric.geodesics.distance_graph import distance_graph
from nrae_geometric.geodesics.loops import Loop, loop_of
from nrae_geometric.geodesics.paths import landmark_distances
from nrae_geometric.geodesics.scaling import landmark_scaling
from nrae_geometric.geodesics.shortcuts import without_shortcuts

logger = logging.getLogger(__name__)

# Noisy curves leave less than 0.02, a Y half, a sheet twice as long as wide 0.12.
_LARGEST_RESIDUAL = 0.05


class GeodesicCoordinates(NamedTuple):
    """Geodesic coordinates, and what to know about the graph that they come from.

    Attributes:
        z (Tensor): Coordinates ``[N, dim]`` in the unit of the points, of the points' type and
            on their device.
        loop (Loop, optional): Where ``dim`` is 1 and the graph closes on itself: then the line is
            folded, and far points have equal coordinates.
        num_components (int): Number of components that the graph had before they were joined.
        num_shortcuts (int): Number of edges left out as shortcuts.
        residual_variance (float): One minus the squared correlation of distances between
            coordinates and along the graph, over the landmarks; 0 where they agree, 1 at worst.
    """

    z: Tensor
    loop: Loop | None
    num_components: int
    num_shortcuts: int
    residual_variance: float


@torch.no_grad()
def geodesic_coordinates(
    x: Tensor, edge_index: Tensor, dim: int, num_landmarks: int = 256
) -> GeodesicCoordinates:
    r"""Places points so that their distances match the shortest paths through a graph.

    This is landmark Isomap: distances are lengths of shortest paths through the symmetrized graph
    with Euclidean edge lengths, coordinates those of classical scaling, see
    :func:`~nrae_geometric.geodesics.scaling.landmark_scaling`. Before that,

    * single edges that shortcut through the space around the manifold are left out, see
      :func:`~nrae_geometric.geodesics.shortcuts.without_shortcuts`;
    * components are joined, end to end on a line and where they are nearest otherwise, see
      :func:`~nrae_geometric.geodesics.components.joined`;
    * on a line, a loop is looked for, see :func:`find_loop`, and warned about through
      :mod:`logging`.

    Takes time :math:`O(L N (k + \log N))` and memory for :math:`L N` numbers of 8 bytes with
    :math:`L` landmarks, some 45 seconds and 200 MB for 100 000 points with 10 neighbors.

    Source: Tenenbaum, de Silva and Langford, `"A Global Geometric Framework for Nonlinear
    Dimensionality Reduction" <https://doi.org/10.1126/science.290.5500.2319>`_, Science 2000; de
    Silva and Tenenbaum, "Global versus Local Methods in Nonlinear Dimensionality Reduction",
    NIPS 2002.

    Args:
        x (Tensor): Points ``[N, *shape]``.
        edge_index (Tensor): Graph over the points ``[2, E]``, in any direction.
        dim (int): The number of coordinates.
        num_landmarks (int): The number of points from which shortest paths are computed; all
            where there are no more. (default: ``256``)

    Returns:
        GeodesicCoordinates: The coordinates and what was found on the way.

    Raises:
        ValueError: If there are fewer than two points, points are not finite, an edge names a
            point that is not there, or ``dim`` is not below the number of landmarks.
    """
    _check(x, edge_index, dim, num_landmarks)
    points = x.flatten(1)
    graph, num_shortcuts = without_shortcuts(distance_graph(points, edge_index))
    loop = loop_of(graph) if dim == 1 else None
    graph, num_components = joined(graph, points, dim)
    landmarks, distance = landmark_distances(graph, num_landmarks)
    z = torch.from_numpy(landmark_scaling(landmarks, distance, dim))
    residual = _residual_variance(z[torch.from_numpy(landmarks)], distance[:, landmarks])
    z = z.to(device=x.device, dtype=x.dtype if x.is_floating_point() else torch.float32)
    found = GeodesicCoordinates(z, loop, num_components, num_shortcuts, residual)
    _report(found, dim)
    return found


def _residual_variance(z: Tensor, distance: np.ndarray) -> float:
    pairs = np.triu_indices(len(z), k=1)
    embedded, geodesic = torch.pdist(z).numpy(), distance[pairs]
    if np.ptp(embedded) == 0 or np.ptp(geodesic) == 0:
        return 0.0 if np.allclose(embedded, geodesic) else 1.0
    return float(1 - np.corrcoef(embedded, geodesic)[0, 1] ** 2)


def _report(found: GeodesicCoordinates, dim: int) -> None:
    if found.num_components > 1:
        logger.info("joined the graph's %d components", found.num_components)
    if found.num_shortcuts:
        logger.warning(
            "left out %d edges that shortcut between far parts of the graph; training still uses "
            "them, fewer neighbors may avoid them",
            found.num_shortcuts,
        )
    if found.loop is not None:
        logger.warning(
            "the graph closes on itself: a loop of length %.3g in a graph of diameter %.3g cannot "
            "be ordered along one latent dimension, and far points will share coordinates. Use "
            "two latent dimensions, a part of the loop, or fewer neighbors if it closes wrongly",
            found.loop.length,
            found.loop.diameter,
        )
    elif dim == 1 and found.residual_variance > _LARGEST_RESIDUAL:
        logger.warning(
            "a line accounts for only %.0f %% of the distances along the graph, which branches or "
            "has more than one dimension: far points will share coordinates. Use more latent "
            "dimensions, or fewer neighbors if wrong edges join far points",
            100 * (1 - found.residual_variance),
        )


def _check(x: Tensor, edge_index: Tensor, dim: int, num_landmarks: int) -> None:
    if x.dim() < 2 or len(x) < 2:
        raise ValueError(f"x should be at least two points [N, *shape], got shape {list(x.shape)}")
    if not x.isfinite().all():
        row = int((~x.flatten(1).isfinite().all(dim=1)).nonzero()[0])
        raise ValueError(f"x has NaN or infinite values (first: row {row}); drop or impute them")
    if edge_index.dim() != 2 or len(edge_index) != 2:
        raise ValueError(f"edge_index should be [2, E], got shape {list(edge_index.shape)}")
    if edge_index.numel() and not 0 <= edge_index.min() <= edge_index.max() < len(x):
        raise ValueError(
            f"edge_index names nodes {int(edge_index.min())} to {int(edge_index.max())}, but x "
            f"has rows 0 to {len(x) - 1}"
        )
    if not 1 <= dim < min(num_landmarks, len(x)):
        raise ValueError(
            f"dim must be at least 1 and below the number of landmarks and points, got dim={dim} "
            f"with num_landmarks={num_landmarks} and {len(x)} points"
        )
