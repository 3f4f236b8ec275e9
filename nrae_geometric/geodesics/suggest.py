"""The number of neighbors that suits points, without labels or training."""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from torch import Tensor

from nrae_geometric.neighbors import Backend, Metric, knn
from nrae_geometric.neighbors.points import as_tensor

USUAL_NEIGHBORS = 10
"""No more neighbors are suggested than these where they are enough."""

_MOST_NEIGHBORS = 20
_MOST_SOURCES, _FEWEST_SOURCES, _MOST_DISTANCES = 256, 32, 20_000_000
# An edge is a shortcut where the way round is so many times as long; a grid leaves 2.
_LONGEST_DETOUR = 3.0
_LARGEST_SHARE = 0.02
# On curves and surfaces ways along the graph are hardly longer than edges. In many dimensions they
# are, between any two points, and tell nothing about shortcuts.
_FEW_DIMENSIONS = 1.3


class SuggestedNeighbors(NamedTuple):
    """A number of neighbors, and why.

    Attributes:
        k (int): The number of neighbors.
        num_components (int): The number of components that are left with it.
        reason (str): Why, in a sentence.
    """

    k: int
    num_components: int
    reason: str


@torch.no_grad()
def suggest_neighbors(
    x: Tensor | np.ndarray, *, metric: str | Metric = "euclidean", backend: str | Backend = "auto"
) -> SuggestedNeighbors:
    r"""Suggests the number of neighbors of a graph over points.

    The smallest number that leaves no false component, and from there on as many as there can be
    without shortcuts, but no more than 10: each neighbor more steadies what is learned of the
    tangent.

    * A component is false if it joins the others with at most 20 neighbors. What stays apart
      then lies apart.
    * An edge from a point to its next neighbor is a shortcut if the way round along the graph
      without it is more than three times as long. More than 2 % of such edges are too many; single
      ones are left out by :func:`~nrae_geometric.geodesics.remove_shortcuts`. Where ways along
      the graph are usually longer than edges, as in many dimensions, no shortcuts can be told.

    Args:
        x (torch.Tensor or ndarray): Points ``[N, *shape]``, at least two.
        metric (str or Metric, optional): As in :func:`~nrae_geometric.neighbors.knn`.
            (default: :obj:`"euclidean"`)
        backend (str or Backend, optional): As there. (default: :obj:`"auto"`)

    Raises:
        ValueError: If there are fewer than two points.
    """
    x = as_tensor(x)
    if len(x) < 2:
        raise ValueError(f"x should be at least two points [N, *shape], got {len(x)}")
    return choose_neighbors(x, metric, backend)[0]


def choose_neighbors(
    x: Tensor, metric: str | Metric, backend: str | Backend
) -> tuple[SuggestedNeighbors, Tensor, Tensor]:
    """Suggests a number of neighbors, and returns these as well.

    Returns:
        tuple: The suggestion, and the distances and numbers of the neighbors ``[N, k]``.
    """
    most = min(USUAL_NEIGHBORS, len(x) - 1)
    distance, index = knn(x, most, metric=metric, backend=backend)
    num_components = _num_components(index)
    if num_components > 1 and most < len(x) - 1:
        more = min(_MOST_NEIGHBORS, len(x) - 1)
        farther = knn(x, more, metric=metric, backend=backend)
        if _num_components(farther[1]) < num_components:
            most, (distance, index) = more, farther
            num_components = _num_components(index)
    ks = range(1, most + 1)
    # Neighbors are nested in k, so that what is joined stays joined.
    at_least = min(1, len(ks) - 1)
    found = bisect_left(
        ks, True, lo=at_least, key=lambda k: _num_components(index[:, :k]) == num_components
    )
    smallest = ks[min(found, len(ks) - 1)]
    k = max(smallest, _without_shortcuts(distance, index, smallest))
    reason = _reason(k, smallest, num_components, len(x))
    suggested = SuggestedNeighbors(k, num_components, reason)
    return suggested, distance[:, :k].contiguous(), index[:, :k].contiguous()


def _reason(k: int, smallest: int, num_components: int, num_points: int) -> str:
    noun = "neighbor" if k == 1 else "neighbors"
    whole = (
        "join all points"
        if num_components == 1
        else f"leave only {num_components} components that lie far apart"
    )
    if k == smallest:
        return f"{k} {noun}: the fewest that {whole}"
    enough = f"{smallest} already {whole}, more make a fit steadier"
    if k == min(USUAL_NEIGHBORS, num_points - 1):
        return f"{k} {noun}: {enough}, and these make no shortcuts"
    return f"{k} {noun}: {enough}, but {k + 1} would make shortcuts"


def _num_components(index: Tensor) -> int:
    return connected_components(_graph(index), directed=False)[0]


def _graph(index: Tensor, distance: Tensor | None = None) -> csr_array:
    num_points, k = index.shape
    starts = np.arange(0, num_points * k + 1, k)
    if distance is None:
        data: np.ndarray = np.ones(num_points * k, np.float32)
    else:
        # SciPy takes entries of zero for none.
        data = distance.double().cpu().numpy().ravel().clip(np.finfo(np.float64).tiny)
    columns = index.cpu().numpy().ravel()
    return csr_array((data, columns, starts), shape=(num_points, num_points))


def _without_shortcuts(distance: Tensor, index: Tensor, smallest: int) -> int:
    """The largest number of usual neighbors that add no shortcuts to a graph of fewer."""
    most = min(USUAL_NEIGHBORS, index.size(1))
    if smallest >= most:
        return smallest
    num_points = len(index)
    num_sources = max(_FEWEST_SOURCES, min(_MOST_SOURCES, _MOST_DISTANCES // num_points))
    sources = np.random.default_rng(0).permutation(num_points)[:num_sources]
    # A graph of the fewest neighbors has holes, around which the way is long without shortcuts.
    first = min(smallest + 2, most - 1)
    if not _makes_shortcuts(distance, index, first, most, sources):
        return most
    k = smallest
    while k < most and not _makes_shortcuts(distance, index, k, k + 1, sources):
        k += 1
    return k


def _makes_shortcuts(
    distance: Tensor, index: Tensor, k: int, more: int, sources: np.ndarray
) -> bool:
    graph = _graph(index[:, :k], distance[:, :k])
    graph = graph.maximum(graph.T)
    length = distance[:, k:more].double().cpu().numpy()[sources]
    target = index[:, k:more].cpu().numpy()[sources]
    limit = 100 * float(length.max())
    rows = []
    for block in np.array_split(np.arange(len(sources)), -(-len(sources) // 8)):
        way = dijkstra(graph, indices=sources[block], limit=limit)
        rows.append(np.take_along_axis(way, target[block], axis=1))
    apart = length > 0
    detour = np.concatenate(rows)[apart] / length[apart]
    if len(detour) == 0 or np.median(detour) > _FEW_DIMENSIONS:
        return False
    return bool((detour > _LONGEST_DETOUR).mean() > _LARGEST_SHARE)
