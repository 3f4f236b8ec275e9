"""The undirected graph behind a directed edge list."""

import torch
from torch import Tensor


def symmetrize(edge_index: Tensor, num_nodes: int) -> Tensor:
    """Each edge once in both directions, without self-loops and repetitions: ``[2, 2U]``."""
    from torch_geometric.utils import remove_self_loops, to_undirected

    edge_index, _ = remove_self_loops(edge_index)
    return to_undirected(edge_index, num_nodes=num_nodes)


def undirected_edges(edge_index: Tensor, num_nodes: int) -> Tensor:
    """Each edge once, smaller node first: ``[2, U]``."""
    both = symmetrize(edge_index, num_nodes)
    return both[:, both[0] < both[1]]


def edge_lengths(points: Tensor, edge_index: Tensor) -> Tensor:
    """Euclidean length ``[E]`` of each edge between ``[N, D]`` points, in bounded memory."""
    blocks = edge_index.split(max(1, 2**24 // points.size(1)), dim=1)
    return torch.cat([(points[i] - points[j]).norm(dim=1) for i, j in blocks])
