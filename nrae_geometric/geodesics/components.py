"""The connection of a graph in several components."""

import logging

import numpy as np
import torch
from scipy.sparse import coo_array, csr_array, triu
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from nrae_geometric.geodesics.graph import (
    ENTRIES_PER_BLOCK,
    edge_lengths,
    euclidean_unit,
    farthest_pair,
)
from nrae_geometric.neighbors.ranking import distance_matrix

logger = logging.getLogger(__name__)

_MOST_SIZES_NAMED = 10
# Beyond this many pieces, all pairs of their ends are too many, and there is no line to be seen.
_MOST_PIECES_OF_A_LINE = 1000
# Of coordinates, for the distances between components: some ten seconds.
_MOST_DIFFERENCES = 4_000_000_000


def connect_components(graph: csr_array, points: Tensor, dim: int) -> tuple[csr_array, int]:
    """Joins the components of a graph by short edges.

    On a line (``dim`` 1) the pieces are laid end to end: of the pairs of free ends of different
    pieces the nearest is joined, until there is one chain. A piece attached anywhere else would
    come to lie over the one that it is attached to. In more dimensions each component is joined
    at its point nearest to any other (Borůvka's minimum spanning tree), where a hole in the
    sampling is narrowest; of very many points at one that is near, by a descent from random ones.

    Points are near in the Euclidean sense, and a new edge is as long as they are apart. Where the
    graph's lengths are those of another metric, this is brought to their unit by the ratio of the
    sums of both lengths over the graph's edges.

    Args:
        graph (scipy.sparse.csr_array): Symmetric edge lengths ``[N, N]``.
        points (torch.Tensor): Floating-point ``[N, D]``.
        dim (int): The number of dimensions to embed in.

    Returns:
        tuple[scipy.sparse.csr_array, int]: The connected graph, and the number of components
        before.
    """
    num_components, component = connected_components(graph, directed=False)
    if num_components == 1:
        return graph, 1
    _warn(component)
    unit = _unit(graph, points)
    if dim == 1 and num_components <= _MOST_PIECES_OF_A_LINE:
        edges = _chain(graph, points, component)
        return _with_edges(graph, points, edges, unit), num_components
    remaining = num_components
    while remaining > 1:
        graph = _with_edges(graph, points, _nearest_outside(points, component), unit)
        remaining, component = connected_components(graph, directed=False)
    return graph, num_components


def warn_of_clusters(edge_index: Tensor, num_nodes: int) -> None:
    """Warns where a graph falls into clusters, with their number and sizes.

    Args:
        edge_index (torch.Tensor): Edges ``[2, E]`` in any direction.
        num_nodes (int): The number of nodes.
    """
    source, target = edge_index.cpu().numpy()
    graph = coo_array((np.ones(len(source), bool), (source, target)), shape=(num_nodes, num_nodes))
    num_components, component = connected_components(graph, directed=False)
    if num_components > 1:
        _warn(component)


def _warn(component: np.ndarray) -> None:
    size = np.sort(np.bincount(component))[::-1]
    sizes = ", ".join(map(str, size[:_MOST_SIZES_NAMED]))
    logger.warning(
        "the graph falls into %d clusters that no edge joins, of %s%s points: nothing says how "
        "they lie to each other. Use more neighbors, or learn each cluster by itself",
        len(size),
        sizes,
        ", ..." if len(size) > _MOST_SIZES_NAMED else "",
    )


def _unit(graph: csr_array, points: Tensor) -> float:
    edges: coo_array = triu(graph, k=1, format="coo")
    index = torch.from_numpy(np.stack([edges.row, edges.col]))
    return euclidean_unit(points, index, torch.from_numpy(edges.data))


def _with_edges(graph: csr_array, points: Tensor, edges: np.ndarray, unit: float) -> csr_array:
    # They join components, and are none of the graph's; repeated entries would be added up.
    edges = np.unique(np.sort(edges, axis=0), axis=1)
    length = edge_lengths(points, torch.from_numpy(edges).to(points.device)).cpu().numpy() / unit
    old: coo_array = graph.tocoo()
    both = np.concatenate([edges, edges[::-1]], axis=1).astype(old.row.dtype)
    row, column = (np.concatenate(ends) for ends in zip((old.row, old.col), both, strict=True))
    data = np.concatenate([old.data, length, length])
    return csr_array((data, (row, column)), shape=graph.shape)


def _chain(graph: csr_array, points: Tensor, component: np.ndarray) -> np.ndarray:
    """Edges ``[2, C - 1]`` between the ends of ``C`` pieces, nearest free ends first."""
    pieces = [np.flatnonzero(component == number) for number in range(component.max() + 1)]
    ends = np.concatenate([piece[list(farthest_pair(graph[piece][:, piece]))] for piece in pieces])
    position = points[torch.from_numpy(ends).to(points.device)].double()
    distance = distance_matrix(position, position).cpu().numpy()
    first, second = np.triu_indices(len(ends), k=1)
    # Ends 2c and 2c + 1 are those of piece c, which is all of its chain at first.
    chain = np.arange(len(ends)) // 2
    free = np.ones(len(ends), bool)
    edges: list[tuple[int, int]] = []
    for pair in distance[first, second].argsort(kind="stable"):
        i, j = first[pair], second[pair]
        if free[i] and free[j] and chain[i] != chain[j]:
            edges.append((ends[i], ends[j]))
            free[[i, j]] = False
            chain[chain == chain[j]] = chain[i]
            if len(edges) == len(pieces) - 1:
                break
    return np.array(edges).T


def _nearest_outside(points: Tensor, component: np.ndarray) -> np.ndarray:
    """For each component but the largest its shortest edge out of it, ``[2, C - 1]``.

    Where that would take too many distances, it is the shortest from random points of the
    component, whose ends then move to nearer points for as long as there are some.
    """
    size = np.bincount(component)
    first = np.flatnonzero(component != size.argmax())
    is_sampled = len(first) * points.numel() > _MOST_DIFFERENCES
    if is_sampled:
        first = np.random.default_rng(0).permutation(first)
        first = first[np.argsort(component[first], kind="stable")]
        own, start = np.unique(component[first], return_index=True)
        rank = np.arange(len(first)) - np.repeat(start, size[own])
        first = first[rank < max(1, _MOST_DIFFERENCES // points.numel() // len(own))]
    second, distance = _nearest(points, component, first, component[first], inside=False)
    order = distance.argsort(kind="stable")
    own, shortest = np.unique(component[first[order]], return_index=True)
    first, second, distance = (ends[order[shortest]] for ends in (first, second, distance))
    while is_sampled:
        first, _ = _nearest(points, component, second, own, inside=True)
        second, shorter = _nearest(points, component, first, own, inside=False)
        is_sampled = bool((shorter < distance).any())
        distance = shorter
    return np.stack([first, second])


def _nearest(
    points: Tensor, component: np.ndarray, rows: np.ndarray, own: np.ndarray, inside: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest point to each row that is in its component, or is not, and its distance."""
    label = torch.from_numpy(component).to(points.device)
    both = torch.from_numpy(np.stack([rows, own])).to(points.device)
    nearest, distance = [], []
    for block in both.split(max(1, ENTRIES_PER_BLOCK // len(points)), dim=1):
        distances = distance_matrix(points[block[0]], points)
        distances.masked_fill_((block[1, :, None] == label) != inside, torch.inf)
        smallest, index = distances.min(dim=1)
        nearest.append(index)
        distance.append(smallest)
    return torch.cat(nearest).cpu().numpy(), torch.cat(distance).cpu().numpy()
