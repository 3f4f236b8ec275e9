r"""Graphs of edge lengths, and the shortest paths through them.

A graph is a symmetric :class:`scipy.sparse.csr_array` ``[N, N]`` of lengths in float64. Equal
points are joined by an edge of length zero, which :mod:`scipy.sparse.csgraph` takes for an edge as
long as it is stored.
"""

import math

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from torch import Tensor
from torch_geometric.utils import coalesce, remove_self_loops

from nrae_geometric.neighbors.points import as_tensor

ENTRIES_PER_BLOCK = 2**23
"""The number of coordinates or distances that are in memory at a time."""


def distance_graph(
    points: Tensor, edge_index: Tensor, edge_length: Tensor | None = None
) -> csr_array:
    r"""Returns the symmetrized graph of edge lengths, without self-loops.

    Args:
        points (torch.Tensor): Points ``[N, D]``.
        edge_index (torch.Tensor): Edges ``[2, E]`` in any direction.
        edge_length (torch.Tensor, optional): Their lengths ``[E]``, such as
            :obj:`data.edge_length` of :class:`~nrae_geometric.transforms.KNNGraph`; the smallest
            counts where an edge is given several times. (default: Euclidean lengths)

    Returns:
        scipy.sparse.csr_array: Lengths ``[N, N]`` in float64.

    Raises:
        ValueError: If the edges are no ``[2, E]`` node numbers, or a length is negative or not
            finite.
    """
    edges, length = undirected_edges(edge_index, len(points), edge_length)
    if length is None:
        length = edge_lengths(points, edges)
    return symmetric_graph(edges.cpu().numpy(), length.cpu().numpy(), len(points))


def symmetric_graph(edges: np.ndarray, length: np.ndarray, num_nodes: int) -> csr_array:
    """Returns the graph of undirected edges ``[2, U]`` of lengths ``[U]``, each given once."""
    both = np.concatenate([edges, edges[::-1]], axis=1)
    shape = (num_nodes, num_nodes)
    return csr_array((np.concatenate([length, length]), (both[0], both[1])), shape=shape)


def undirected_edges(
    edge_index: Tensor, num_nodes: int, edge_length: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    r"""Returns each undirected edge once, without self-loops.

    Args:
        edge_index (torch.Tensor): Edges ``[2, E]`` in any direction.
        num_nodes (int): The number of nodes.
        edge_length (torch.Tensor, optional): Their lengths ``[E]``.
            (default: :obj:`None`)

    Returns:
        tuple[torch.Tensor, torch.Tensor or None]: The edges ``[2, U]``, the smaller node first, in
        lexical order, and the smallest of their lengths ``[U]`` in float64, if there are any.

    Raises:
        ValueError: As in :func:`distance_graph`.
    """
    edges = _checked_edges(as_tensor(edge_index, "edge_index"), num_nodes)
    length = None if edge_length is None else _checked_lengths(edge_length, edges)
    edges, length = remove_self_loops(edges.sort(dim=0).values, length)
    # Whatever the rounding of sums, the smallest of equal lengths is one of them.
    return coalesce(edges, length, num_nodes, reduce="min")


def edge_lengths(points: Tensor, edge_index: Tensor) -> Tensor:
    """Returns the Euclidean lengths ``[E]`` in float64 of edges between points ``[N, D]``."""
    scale = power_of_two(points)
    blocks = edge_index.split(max(1, ENTRIES_PER_BLOCK // points.size(1)), dim=1)
    scaled = [
        (points[i].double() - points[j].double()).div_(scale).norm(dim=1)
        for i, j in (block.to(points.device) for block in blocks)
    ]
    return torch.cat(scaled) * scale


def power_of_two(points: Tensor) -> float:
    """Returns the power of two next above all magnitudes.

    Points divided by it are the same points in another unit, without any rounding, and their
    squares neither overflow nor vanish.
    """
    low, high = points.aminmax()
    exponent = math.frexp(max(abs(float(low)), abs(float(high))))[1]
    limit = -round(math.log2(torch.finfo(points.dtype).tiny))
    return math.ldexp(1.0, max(-limit, min(exponent, limit)))


def euclidean_unit(points: Tensor, edges: Tensor, length: Tensor) -> float:
    """Returns the Euclidean length of one unit of length.

    This is the ratio of the sums over all edges: 1 where lengths are Euclidean, and where one of
    the sums is zero.

    Args:
        points (torch.Tensor): Points ``[N, D]``.
        edges (torch.Tensor): Edges ``[2, U]``.
        length (torch.Tensor): Their lengths ``[U]`` in any unit.
    """
    if length.numel() == 0:
        return 1.0
    euclidean, given = edge_lengths(points, edges), length.double()
    # Sums may overflow where no length does.
    scale, unit = power_of_two(euclidean), power_of_two(given)
    ratio = float((euclidean / scale).sum()) / max(float((given / unit).sum()), 1e-300)
    return ratio * (scale / unit) if 0 < ratio < 1e300 else 1.0


def shortest_paths(graph: csr_array, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Returns the lengths ``[S, T]`` of the shortest paths, infinite where there is none.

    Args:
        graph (scipy.sparse.csr_array): Symmetric edge lengths ``[N, N]``.
        sources (numpy.ndarray): Node numbers ``[S]``.
        targets (numpy.ndarray): Node numbers ``[T]``.
    """
    num_blocks = 1 + len(sources) * graph.shape[0] // ENTRIES_PER_BLOCK
    blocks = np.array_split(sources, min(num_blocks, len(sources)))
    return np.concatenate([dijkstra(graph, indices=block)[:, targets] for block in blocks])


def shortest_path(graph: csr_array, source: int, target: int) -> np.ndarray:
    """Returns the nodes ``[P]`` along the shortest path, both ends included.

    Args:
        graph (scipy.sparse.csr_array): Symmetric edge lengths ``[N, N]``.
        source (int): The node that it starts from.
        target (int): The node that it leads to.

    Raises:
        ValueError: If no path joins the two.
    """
    length, before = dijkstra(graph, indices=source, return_predecessors=True)
    if np.isinf(length[target]):
        raise ValueError(f"no path of the graph joins nodes {source} and {target}")
    nodes = [target]
    while nodes[-1] != source:
        nodes.append(int(before[nodes[-1]]))
    return np.array(nodes[::-1])


def farthest_pair(graph: csr_array) -> tuple[int, int]:
    """Returns two nodes of a connected graph far apart from each other.

    These are the farthest node from node 0, and the farthest from that one. In a tree no two
    nodes are farther apart (Bulterman et al., "On Computing a Longest Path in a Tree", 2002).
    """
    first = int(dijkstra(graph, indices=0).argmax())
    return first, int(dijkstra(graph, indices=first).argmax())


def landmark_distances(graph: csr_array, num_landmarks: int) -> tuple[np.ndarray, np.ndarray]:
    """Chooses landmarks and returns the shortest paths from them to all nodes.

    The first landmark is an end of the graph, each further one the node farthest from all before
    (MaxMin: de Silva and Tenenbaum, "Sparse Multidimensional Scaling using Landmark Points",
    2004). All nodes are landmarks if there are no more than asked for.

    Args:
        graph (scipy.sparse.csr_array): Symmetric edge lengths ``[N, N]`` of a connected graph.
        num_landmarks (int): The largest number of landmarks ``L``.

    Returns:
        tuple[numpy.ndarray, numpy.ndarray]: The landmarks ``[L]``, and the distances ``[L, N]``.
    """
    num_nodes = graph.shape[0]
    if num_nodes <= num_landmarks:
        return np.arange(num_nodes), dijkstra(graph)
    landmark = farthest_pair(graph)[0]
    landmarks = np.empty(num_landmarks, np.int64)
    distance = np.empty((num_landmarks, num_nodes))
    nearest = np.full(num_nodes, np.inf)
    for row in range(num_landmarks):
        landmarks[row] = landmark
        distance[row] = dijkstra(graph, indices=landmark)
        np.minimum(nearest, distance[row], out=nearest)
        landmark = int(nearest.argmax())
    return landmarks, distance


def _checked_edges(edges: Tensor, num_nodes: int) -> Tensor:
    if edges.dim() != 2 or edges.size(0) != 2:
        raise ValueError(f"edge_index has shape {list(edges.shape)}; it must be [2, E]")
    if edges.is_floating_point() or edges.is_complex() or edges.dtype == torch.bool:
        raise ValueError(f"edge_index has dtype {edges.dtype}; node numbers are integers")
    if edges.numel() > 0:
        low, high = (int(value) for value in edges.aminmax())
        if low < 0 or high >= num_nodes:
            raise ValueError(
                f"edge_index names node {low if low < 0 else high}, but the {num_nodes} points are "
                f"numbered 0 to {num_nodes - 1}"
            )
    return edges.long()


def _checked_lengths(edge_length: Tensor, edges: Tensor) -> Tensor:
    length = as_tensor(edge_length, "edge_length").to(edges.device)
    if length.shape != edges.shape[1:]:
        raise ValueError(
            f"edge_length has shape {list(length.shape)}, but there are {edges.size(1)} edges; "
            f"pass one length for each"
        )
    if length.is_complex():
        raise ValueError(f"edge_length has dtype {length.dtype}; lengths are real")
    length = length.double()
    bad = (~(length.isfinite() & (length >= 0))).nonzero().flatten()
    if bad.numel() > 0:
        raise ValueError(
            f"edge_length has {bad.numel()} values that are negative or not finite (first: edge "
            f"{int(bad[0])}); lengths are distances"
        )
    return length
