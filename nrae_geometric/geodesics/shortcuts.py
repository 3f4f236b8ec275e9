"""The removal of shortcut edges from a graph."""

import math
from heapq import heappop, heappush

import numpy as np
from scipy.sparse import csr_array, triu
from scipy.sparse.csgraph import connected_components

from nrae_geometric.geodesics.graph import ENTRIES_PER_BLOCK, symmetric_graph

# Two discs of radius r, each through the other's center, share 39 % of their area, and two such
# intervals 50 %: an edge along a curve or a surface stays well above this.
_SMALLEST_SHARE = 0.2
# A way round this many times as long as the usual edge there is none along the manifold.
_LONGEST_DETOUR = 12.0
# The share tells wrong edges from right ones only where most are right.
_LARGEST_FRACTION = 0.05


def remove_shortcuts(graph: csr_array) -> tuple[csr_array, int]:
    r"""Removes the edges that shortcut through the space around the manifold.

    An edge :math:`(i, j)` is suspect if its ends have few neighbors in common,

    .. math::
        \frac{|N(i) \cap N(j)|}{\min(|N(i)|, |N(j)|) - 1} < 0.2,

    and is removed if the shortest path from :math:`i` to :math:`j` over edges beyond suspicion
    exists and is longer than 12 times the median edge at :math:`i` or at :math:`j`, whichever is
    longer. No component falls apart. Where more than 5 % of the edges are suspect, as in graphs of
    two or three neighbors or in many dimensions, shared neighbors tell nothing and all edges
    stay.

    The two steps are those of Saidi, Hickok and Blumberg, "Recovering Manifold Structure Using
    Ollivier-Ricci Curvature", ICLR 2025, with the share of common neighbors in place of the
    curvature, which it bounds (Jost and Liu, "Ollivier's Ricci Curvature, Local Clustering and
    Curvature-Dimension Inequalities on Graphs", 2014).

    Args:
        graph (scipy.sparse.csr_array): Symmetric edge lengths ``[N, N]``.

    Returns:
        tuple[scipy.sparse.csr_array, int]: The graph without these edges, and the number of
        undirected edges removed.
    """
    if graph.nnz == 0:
        return graph, 0
    upper = triu(graph, k=1, format="coo")
    edges = np.stack([upper.row, upper.col])
    suspect = _shares(graph, edges) < _SMALLEST_SHARE
    if not 0 < suspect.mean() <= _LARGEST_FRACTION:
        return graph, 0
    nodes, place = np.unique(edges[:, suspect], return_inverse=True)
    median = _median_lengths(graph[nodes])[place.reshape(2, -1)]
    limit = _LONGEST_DETOUR * median.max(axis=0)
    trusted = symmetric_graph(edges[:, ~suspect], upper.data[~suspect], graph.shape[0])
    removed = np.zeros_like(suspect)
    removed[suspect] = _have_long_detours(trusted, edges[:, suspect], limit)
    if not removed.any():
        return graph, 0
    del trusted
    kept = symmetric_graph(edges[:, ~removed], upper.data[~removed], graph.shape[0])
    return kept, int(removed.sum())


def _median_lengths(rows: csr_array) -> np.ndarray:
    """Median edge length ``[M]`` at each of some nodes, the lower of two; 0 at isolated nodes."""
    degree = np.diff(rows.indptr)
    node = np.repeat(np.arange(len(degree)), degree)
    length = rows.data[np.lexsort((rows.data, node))]
    middle = rows.indptr[:-1] + (degree - 1) // 2
    return np.where(degree > 0, length[np.minimum(middle, len(length) - 1)], 0.0)


def _shares(graph: csr_array, edges: np.ndarray) -> np.ndarray:
    """Share of common neighbors ``[E]`` among those that the end with fewer of them has."""
    adjacency = csr_array(
        (np.ones(len(graph.data), np.int32), graph.indices, graph.indptr), shape=graph.shape
    )
    shared = np.concatenate(
        [
            np.asarray((adjacency[i] * adjacency[j]).sum(axis=1)).ravel()
            for i, j in _blocks(edges, adjacency)
        ]
        or [np.zeros(0)]
    )
    degree = np.diff(graph.indptr)
    others = np.minimum(degree[edges[0]], degree[edges[1]]) - 1
    return shared / np.maximum(others, 1)


def _blocks(edges: np.ndarray, adjacency: csr_array) -> list[np.ndarray]:
    mean_degree = max(1, adjacency.nnz // adjacency.shape[0])
    size = max(1, ENTRIES_PER_BLOCK // mean_degree)
    return [edges[:, start : start + size] for start in range(0, edges.shape[1], size)]


def _have_long_detours(graph: csr_array, edges: np.ndarray, limit: np.ndarray) -> np.ndarray:
    _, component = connected_components(graph, directed=False)
    connected = component[edges[0]] == component[edges[1]]
    long = np.zeros(len(limit), bool)
    for edge in connected.nonzero()[0]:
        source, target = edges[:, edge].tolist()
        long[edge] = _is_longer(graph, source, target, float(limit[edge]))
    return long


def _is_longer(graph: csr_array, source: int, target: int, limit: float) -> bool:
    """Whether the shortest path is longer than a limit, by Dijkstra's algorithm.

    Unlike SciPy's it visits no more nodes than are nearer than the target or the limit, and takes
    no memory for others.
    """
    indptr, indices, data = graph.indptr, graph.indices, graph.data
    nearest = {source: 0.0}
    waiting = [(0.0, source)]
    while waiting:
        length, node = heappop(waiting)
        if node == target:
            return False
        if length > nearest[node]:
            continue
        edges = slice(indptr[node], indptr[node + 1])
        for other, step in zip(indices[edges].tolist(), data[edges].tolist(), strict=True):
            further = length + step
            if further <= limit and further < nearest.get(other, math.inf):
                nearest[other] = further
                heappush(waiting, (further, other))
    return True
