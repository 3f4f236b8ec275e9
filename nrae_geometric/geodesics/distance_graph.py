"""The undirected graph whose edges are as long as their two points are apart."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Points are gathered for this many coordinates at a time.
_COORDINATES_PER_BLOCK = 2**24


def distance_graph(points: Tensor, edge_index: Tensor) -> "csr_array":
    """Returns the symmetrized graph with Euclidean edge lengths, ``[N, N]`` in float64.

    Self-loops and repetitions are left out. Equal points are joined by an edge of length zero,
    which :mod:`scipy.sparse.csgraph` takes for an edge as long as it is stored.

    Args:
        points: ``[N, D]``.
        edge_index: ``[2, E]``, in any direction.
    """
    from scipy.sparse import csr_array
    from torch_geometric.utils import remove_self_loops, to_undirected

    edges = to_undirected(remove_self_loops(edge_index)[0], num_nodes=len(points))
    blocks = edges.split(max(1, _COORDINATES_PER_BLOCK // points.size(1)), dim=1)
    length = torch.cat([(points[i].double() - points[j].double()).norm(dim=1) for i, j in blocks])
    row, column = edges.cpu().numpy()
    return csr_array((length.cpu().numpy(), (row, column)), shape=(len(points), len(points)))
