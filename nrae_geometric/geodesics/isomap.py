"""Landmark Isomap: coordinates whose distances are those along the graph."""

import logging
from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import eigh
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.geodesics.components import connect_components
from nrae_geometric.geodesics.graph import (
    ENTRIES_PER_BLOCK,
    distance_graph,
    landmark_distances,
    power_of_two,
)
from nrae_geometric.geodesics.loops import Loop, find_graph_loop
from nrae_geometric.geodesics.shortcuts import remove_shortcuts
from nrae_geometric.neighbors.points import as_points, as_tensor

logger = logging.getLogger(__name__)

# Noisy curves leave less than 0.02, a Y half, a sheet twice as long as wide 0.12.
_LARGEST_RESIDUAL = 0.05


class GeodesicCoordinates(NamedTuple):
    """Geodesic coordinates, and the peculiarities of the graph that they come from.

    Attributes:
        z (torch.Tensor): Coordinates ``[N, dim]`` in the unit of the edge lengths, of the points'
            type (float32 for integers) and on their device.
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
    x: Tensor,
    edge_index: Tensor,
    dim: int,
    num_landmarks: int = 256,
    edge_length: Tensor | None = None,
) -> GeodesicCoordinates:
    r"""Places points so that their distances match the shortest paths through a graph.

    This is landmark Isomap: distances are lengths of shortest paths through the symmetrized graph,
    coordinates those of :func:`landmark_mds`. Before that,

    * single edges that shortcut through the space around the manifold are left out, see
      :func:`~nrae_geometric.geodesics.remove_shortcuts`;
    * components are joined, end to end on a line and where they are nearest otherwise, see
      :func:`~nrae_geometric.geodesics.connect_components`;
    * on a line, a loop is looked for, see :func:`~nrae_geometric.geodesics.find_loop`, and warned
      about through :mod:`logging`.

    Takes time :math:`O(L N (k + \log N))` and memory for :math:`L N` numbers of 8 bytes with
    :math:`L` landmarks, beside some 100 bytes for each edge: 35 seconds and 440 MiB for 100 000
    points with 10 neighbors and 256 landmarks, 90 seconds and 1.1 GiB for a million with 32. No
    step takes memory for pairs of points but those of landmarks with all.

    Source: Tenenbaum, de Silva and Langford, `"A Global Geometric Framework for Nonlinear
    Dimensionality Reduction" <https://doi.org/10.1126/science.290.5500.2319>`_, Science 2000; de
    Silva and Tenenbaum, "Global versus Local Methods in Nonlinear Dimensionality Reduction",
    NIPS 2002.

    Args:
        x (torch.Tensor): Points ``[N, *shape]``.
        edge_index (torch.Tensor): Graph over the points ``[2, E]``, in any direction.
        dim (int): The number of coordinates.
        num_landmarks (int, optional): The number of points from which shortest paths are computed;
            all where there are no more. (default: :obj:`256`)
        edge_length (torch.Tensor, optional): The lengths of the edges ``[E]`` in any metric, such
            as :obj:`data.edge_length` of :class:`~nrae_geometric.transforms.KNNGraph`.
            (default: Euclidean lengths)

    Returns:
        GeodesicCoordinates: The coordinates and the loop, components and shortcuts of the graph.

    Raises:
        ValueError: If there are fewer than two points, points are not finite, an edge names a
            point that is not there, a length is not one, or ``dim`` is not below the number of
            landmarks.
    """
    x = as_tensor(x)
    points = as_points(x)
    dim = integer("dim", dim)
    num_landmarks = integer("num_landmarks", num_landmarks)
    if len(points) < 2:
        raise ValueError(f"x should be at least two points [N, *shape], got {len(points)}")
    if not 1 <= dim < min(num_landmarks, len(points)):
        raise ValueError(
            f"dim must be at least 1 and below the number of landmarks and points, got dim={dim} "
            f"with num_landmarks={num_landmarks} and {len(points)} points"
        )
    graph = distance_graph(points, edge_index, edge_length)
    # In a unit in which squares neither overflow nor vanish.
    unit = power_of_two(torch.from_numpy(graph.data) if graph.nnz else points)
    graph.data /= unit
    if graph.nnz == 0:
        points = points.double() / unit
    graph, num_shortcuts = remove_shortcuts(graph)
    loop = find_graph_loop(graph) if dim == 1 else None
    graph, num_components = connect_components(graph, points, dim)
    landmarks, distance = landmark_distances(graph, num_landmarks)
    z = torch.from_numpy(landmark_mds(landmarks, distance, dim))
    residual = _residual_variance(z[torch.from_numpy(landmarks)], distance[:, landmarks])
    z = z.mul_(unit).to(x.dtype if x.is_floating_point() else torch.float32).to(x.device)
    if loop is not None:
        loop = Loop(loop.length * unit, loop.diameter * unit)
    found = GeodesicCoordinates(z, loop, num_components, num_shortcuts, residual)
    _report(found, dim)
    return found


def landmark_mds(landmarks: np.ndarray, distance: np.ndarray, dim: int) -> np.ndarray:
    r"""Places landmarks by classical scaling, and other points by their distances to landmarks.

    With :math:`\Delta_{ij}` the squared distances of the :math:`L` landmarks, :math:`\lambda_a,
    v_a` the largest eigenvalues and their eigenvectors of :math:`-\tfrac{1}{2} H \Delta H`, where
    :math:`H = I - \tfrac{1}{L} 1 1^\top`, a point with squared distances :math:`\delta` to the
    landmarks has the coordinates

    .. math::
        z_a = -\tfrac{1}{2} \, \lambda_a^{-1/2} \, v_a^\top (\delta - \bar{\Delta}), \qquad
        a = 1, \ldots, d,

    with :math:`\bar{\Delta}` the mean row of :math:`\Delta`. For the landmarks themselves these
    are the coordinates of classical scaling. Coordinates beyond the positive eigenvalues are zero.

    Source: de Silva and Tenenbaum, "Sparse Multidimensional Scaling using Landmark Points",
    technical report, Stanford, 2004; Torgerson, "Multidimensional Scaling", Psychometrika 1952.

    Args:
        landmarks (numpy.ndarray): The landmarks' numbers ``[L]``.
        distance (numpy.ndarray): Distances from landmarks to all points, ``[L, N]``.
        dim (int): The number of coordinates :math:`d`.

    Returns:
        numpy.ndarray: Coordinates ``[N, dim]``, of falling variance over the landmarks. Of each
        coordinate the landmark with the largest magnitude is positive.
    """
    between = np.square(distance[:, landmarks])
    mean = between.mean(axis=1)
    gram = -0.5 * (between - mean - mean[:, None] + mean.mean())
    num_landmarks = len(landmarks)
    first = max(0, num_landmarks - dim)
    value, vector = eigh(gram, subset_by_index=[first, num_landmarks - 1])
    value, vector = value[::-1], vector[:, ::-1]
    vector *= np.sign(np.take_along_axis(vector, abs(vector).argmax(axis=0)[None], axis=0))
    # Smaller eigenvalues are zeros but for rounding, and would be divided by.
    positive = value > 1e-9 * max(value[0], np.finfo(float).tiny)
    basis = -0.5 * vector[:, positive] / np.sqrt(value[positive])
    coordinates = np.zeros((distance.shape[1], dim))
    rows = np.arange(len(coordinates))
    for block in np.array_split(rows, 1 + distance.size // ENTRIES_PER_BLOCK):
        squared = np.square(distance[:, block])
        coordinates[block, : basis.shape[1]] = squared.T @ basis - mean @ basis
    return coordinates


def _residual_variance(z: Tensor, distance: np.ndarray) -> float:
    pairs = np.triu_indices(len(z), k=1)
    embedded, geodesic = torch.pdist(z).numpy(), distance[pairs]
    if np.ptp(embedded) == 0 or np.ptp(geodesic) == 0:
        return 0.0 if np.allclose(embedded, geodesic) else 1.0
    return float(1 - np.corrcoef(embedded, geodesic)[0, 1] ** 2)


def _report(found: GeodesicCoordinates, dim: int) -> None:
    if found.num_shortcuts:
        logger.warning(
            "left out %d %s between far parts of the graph; training still uses such edges, fewer "
            "neighbors may avoid them",
            found.num_shortcuts,
            "shortcut" if found.num_shortcuts == 1 else "shortcuts",
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
