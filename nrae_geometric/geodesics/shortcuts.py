"""Edges that jump from one part of a manifold to another."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Two discs of radius r, each through the other's center, share 39 % of their area, and two such
# intervals 50 %: an edge along a curve or a surface stays well above this.
_SMALLEST_SHARE = 0.2
# A way round this many times as long as the usual edge there is none along the manifold.
_LONGEST_DETOUR = 12.0
# The share tells wrong edges from right ones only where most are right.
_LARGEST_FRACTION = 0.05
_ENTRIES_PER_BLOCK = 2**24


def without_shortcuts(graph: "csr_array") -> "tuple[csr_array, int]":
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
        graph: Symmetric edge lengths ``[N, N]``.

    Returns:
        The graph without these edges, and the number of undirected edges removed.
    """
    from scipy.sparse import csr_array, triu

    if graph.nnz == 0:
        return graph, 0
    upper = triu(graph, k=1, format="coo")
    edges = np.stack([upper.row, upper.col])
    suspect = _shares(graph, edges) < _SMALLEST_SHARE
    if not 0 < suspect.mean() <= _LARGEST_FRACTION:
        return graph, 0
    trusted = _symmetric(edges[:, ~suspect], upper.data[~suspect], graph.shape)
    limit = _LONGEST_DETOUR * _median_lengths(graph)[edges].max(axis=0)
    removed = np.zeros_like(suspect)
    removed[suspect] = _have_long_detours(trusted, edges[:, suspect], limit[suspect])
    kept: csr_array = _symmetric(edges[:, ~removed], upper.data[~removed], graph.shape)
    return kept, int(removed.sum())


def _symmetric(edges: np.ndarray, length: np.ndarray, shape: tuple[int, int]) -> "csr_array":
    from scipy.sparse import csr_array

    both = np.concatenate([edges, edges[::-1]], axis=1)
    return csr_array((np.concatenate([length, length]), tuple(both)), shape=shape)


def _median_lengths(graph: "csr_array") -> np.ndarray:
    """Median edge length ``[N]`` at each node, the lower of two; 0 at isolated nodes."""
    degree = np.diff(graph.indptr)
    node = np.repeat(np.arange(len(degree)), degree)
    length = graph.data[np.lexsort((graph.data, node))]
    middle = graph.indptr[:-1] + (degree - 1) // 2
    return np.where(degree > 0, length[np.minimum(middle, len(length) - 1)], 0.0)


def _shares(graph: "csr_array", edges: np.ndarray) -> np.ndarray:
    """Share of common neighbors ``[E]`` among those that the end with fewer of them has."""
    from scipy.sparse import csr_array

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


def _blocks(edges: np.ndarray, adjacency: "csr_array") -> list[np.ndarray]:
    mean_degree = max(1, adjacency.nnz // adjacency.shape[0])
    size = max(1, _ENTRIES_PER_BLOCK // mean_degree)
    return [edges[:, start : start + size] for start in range(0, edges.shape[1], size)]


def _have_long_detours(graph: "csr_array", edges: np.ndarray, limit: np.ndarray) -> np.ndarray:
    from scipy.sparse.csgraph import connected_components, dijkstra

    _, component = connected_components(graph, directed=False)
    joined = component[edges[0]] == component[edges[1]]
    long = np.zeros(len(limit), bool)
    size = max(1, _ENTRIES_PER_BLOCK // graph.shape[0])
    for start in range(0, len(limit), size):
        block = start + joined[start : start + size].nonzero()[0]
        if len(block):
            # Beyond the limit the distance is reported as infinite.
            distance = dijkstra(graph, indices=edges[0, block], limit=limit[block].max())
            long[block] = distance[np.arange(len(block)), edges[1, block]] > limit[block]
    return long
