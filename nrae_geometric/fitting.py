"""What an estimator finds out about points before it learns from them."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import remove_self_loops

from nrae_geometric.neighbors import precomputed_graph

# Beyond these, squares may have no float64.
_SMALL, _LARGE = 1e-140, 1e140


def center_and_scale(rows: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns the mean of points, and the square root of their mean variance.

    Args:
        rows (numpy.ndarray): Finite points ``[N, D]`` of any magnitude.

    Returns:
        tuple[numpy.ndarray, float]: The mean ``[D]`` in float64, and a positive number.

    Raises:
        ValueError: If all points are equal.
    """
    low, high = rows.min(axis=0), rows.max(axis=0)
    if (low == high).all():
        raise ValueError(
            f"all {len(rows)} points are equal, so that there is no manifold to learn; check how "
            "they were read or computed"
        )
    largest = max(abs(float(low.min())), abs(float(high.max())))
    unit = 1.0
    if not _SMALL < largest < _LARGE:
        # A power of two, by which nothing is rounded.
        unit = math.ldexp(1.0, math.frexp(largest)[1] - 1)
        rows = rows / np.float64(unit)
    center = rows.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(rows.var(axis=0, dtype=np.float64).mean()))
    if scale < _SMALL:  # equal but for differences whose squares vanish
        spread = np.abs(rows - center).max()
        scale = float(np.sqrt(np.square((rows - center) / spread).mean()) * spread)
    return center * unit, float(scale * unit)


def check_distinct(rows: np.ndarray, x: Tensor) -> None:
    """Raises if single precision leaves most points equal that are not.

    Args:
        rows (numpy.ndarray): Points ``[N, D]``.
        x (torch.Tensor): The same points centered and scaled, ``[N, *]``, in float32.

    Raises:
        ValueError: If more than half of the points become one; the message has the farthest.
    """
    middle = np.median(rows, axis=0)
    distance = np.zeros(len(rows))
    for column, value in zip(rows.T, middle, strict=True):
        np.maximum(distance, np.abs(column * 0.5 - value * 0.5), out=distance)
    typical = int(distance.argsort()[len(rows) // 2])
    scaled = x.flatten(1)
    num_equal = int((scaled == scaled[typical]).all(dim=1).sum())
    if 2 * num_equal > len(rows) and num_equal > int((rows == rows[typical]).all(axis=1).sum()):
        far = int(distance.argmax())
        raise ValueError(
            f"{num_equal} of {len(rows)} points cannot be told apart once they are scaled, as row "
            f"{far} lies {2 * distance[far]:.3g} away from them; remove it if it is a fill value "
            "for missing data, or take logarithms"
        )


def given_graph(X: Any, graph: Any, num_points: int) -> tuple[Tensor, Tensor | None] | None:
    """Returns the edges of a user's own graph, and their lengths where they have some.

    Args:
        X (Any): The points; those of a :class:`~torch_geometric.data.Data` may bring edges.
        graph (Any): A graph in one of the forms of
            :func:`~nrae_geometric.neighbors.precomputed_graph`, an ``edge_index`` alone, or
            :obj:`None`.
        num_points (int): The number of points.

    Raises:
        TypeError: If it is no graph.
        ValueError: If it does not fit the points.
    """
    if graph is None:
        if not isinstance(X, Data) or X.edge_index is None:
            return None
        graph = X
    edges = graph.edge_index if isinstance(graph, Data) else graph
    has_length = isinstance(graph, Data) and graph.get("edge_length") is not None
    if has_length or not _is_edge_index(edges):
        return precomputed_graph(graph, num_points, name="graph")
    # All that may be wrong with edges is checked in one place, which needs lengths.
    precomputed_graph((edges, np.ones(edges.shape[1])), num_points, name="graph")
    return remove_self_loops(torch.as_tensor(edges).long())[0], None


def _is_edge_index(graph: Any) -> bool:
    is_dense = isinstance(graph, np.ndarray) or (
        isinstance(graph, Tensor) and graph.layout == torch.strided
    )
    return is_dense and graph.ndim == 2 and graph.shape[0] == 2
