r"""Neighbor graphs that come from elsewhere, read as edges with lengths.

.. code-block:: python

    graph = NearestNeighbors(n_neighbors=10).fit(x).kneighbors_graph(mode="distance")
    edge_index, edge_length = precomputed_graph(graph, num_nodes=len(x))
"""

from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.neighbors.points import as_tensor
from nrae_geometric.neighbors.ranking import sort_pairs

_FORMS = (
    "an edge_index [2, E] with the lengths [E] of its edges, as a pair or as a Data with "
    "edge_index and edge_length; a scipy sparse matrix [N, N] of distances, the neighbors of a "
    "point in its row; or a pair (indices [N, k], distances [N, k])"
)


def precomputed_graph(
    neighbors: Any, num_nodes: int, *, name: str = "neighbors"
) -> tuple[Tensor, Tensor]:
    r"""Returns the edges of a neighbor graph and their lengths.

    Entries that name the point itself are dropped, and so are those with the index :obj:`-1`, by
    which approximate searches mark neighbors that they did not find. A stored zero is the distance
    of two points that coincide.

    Args:
        neighbors (tuple, Data or sparse matrix): One of

            - the pair :obj:`(edge_index, edge_length)` of shapes :math:`[2, E]` and :math:`[E]`,
              row 0 the neighbor and row 1 the center, or a :class:`~torch_geometric.data.Data` with
              both;
            - a SciPy or PyTorch sparse matrix of distances :math:`[N, N]`, whose row :math:`i`
              holds the neighbors of point :math:`i`, as scikit-learn's :obj:`kneighbors_graph`
              returns with :obj:`mode="distance"`;
            - the pair :obj:`(indices, distances)`, each :math:`[N, k]`, of which row :math:`i`
              belongs to point :math:`i`, as UMAP takes. Where the indices are integers and the
              distances floating-point numbers, they may come in the other order, as
              scikit-learn's :obj:`kneighbors` and :func:`~nrae_geometric.neighbors.knn` return
              them. The third entry of UMAP's :obj:`precomputed_knn`, its search index, is ignored.
        num_nodes (int): The number of points :math:`N`.
        name (str, optional): The name of the argument in error messages.
            (default: :obj:`"neighbors"`)

    Returns:
        tuple[torch.Tensor, torch.Tensor]: :obj:`edge_index` :math:`[2, E]`, row 0 the neighbor and
        row 1 the center, grouped by center, nearest first, ties to the lower index; and
        :obj:`edge_length` :math:`[E]`, float32 or float64. Both on the device they came from.

    Raises:
        TypeError: If it is none of these, or numbers are of the wrong kind.
        ValueError: If shapes do not fit each other or :obj:`num_nodes`, a node number is out of
            range, a length negative or not finite, an edge given twice, or no edge left.
    """
    num_nodes = integer("num_nodes", num_nodes)
    if sparse.issparse(neighbors) or _is_sparse_tensor(neighbors):
        neighbor, center, length = _from_matrix(neighbors, num_nodes, name)
    elif hasattr(neighbors, "edge_index"):
        edges, lengths = neighbors.edge_index, getattr(neighbors, "edge_length", None)
        if edges is None or lengths is None:
            raise TypeError(
                f"{name} must hold edge_index and edge_length, but this {type(neighbors).__name__} "
                f"has no {'edge_index' if edges is None else 'edge_length'}"
            )
        neighbor, center, length = _from_edges(edges, lengths, name)
    else:
        neighbor, center, length = _from_pair(neighbors, num_nodes, name)
    return _checked(neighbor, center, length, num_nodes, name)


def _is_sparse_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) and value.layout != torch.strided


def _from_matrix(matrix: Any, num_nodes: int, name: str) -> tuple[Tensor, Tensor, Tensor]:
    if tuple(matrix.shape) != (num_nodes, num_nodes):
        raise ValueError(
            f"{name} is a matrix of shape {list(matrix.shape)}; for {num_nodes} points it must be "
            f"[{num_nodes}, {num_nodes}]"
        )
    if isinstance(matrix, Tensor):
        # Not coalesced: that would add up what is given twice.
        matrix = matrix.detach().to_sparse_coo()
        center, neighbor = matrix._indices()
        length = matrix._values()
    else:
        entries = sparse.coo_matrix(matrix)
        center, neighbor = (
            torch.from_numpy(i.astype(np.int64)) for i in (entries.row, entries.col)
        )
        length = as_tensor(entries.data, name)
    if length.dtype == torch.bool:
        raise TypeError(
            f"{name} is a matrix of bools, which says what is connected but not how far apart it "
            "is; pass distances"
        )
    return neighbor, center, length


def _from_edges(edge_index: Any, length: Any, name: str) -> tuple[Tensor, Tensor, Tensor]:
    edges = as_tensor(edge_index, f"the edge_index of {name}")
    length = as_tensor(length, f"the lengths of {name}")
    if edges.dim() != 2 or edges.size(0) != 2 or length.shape != edges.shape[1:]:
        raise ValueError(
            f"{name} has an edge_index of shape {list(edges.shape)} with lengths of shape "
            f"{list(length.shape)}; they must be [2, E] and [E]"
        )
    _check_integers(edges, f"the edge_index of {name}")
    return edges[0].long(), edges[1].long(), length


def _from_pair(pair: Any, num_nodes: int, name: str) -> tuple[Tensor, Tensor, Tensor]:
    if not isinstance(pair, tuple | list) or len(pair) not in (2, 3):
        shape = f" of shape {list(pair.shape)}" if hasattr(pair, "shape") else ""
        raise TypeError(f"{name} is a {type(pair).__name__}{shape}; pass {_FORMS}")
    if pair[0] is None or pair[1] is None:
        raise TypeError(f"{name} has None in place of numbers; pass {_FORMS}")
    first, second = as_tensor(pair[0], name), as_tensor(pair[1], name)
    if first.dim() == 2 and second.dim() == 1:
        return _from_edges(first, second, name)
    if first.is_floating_point() and _is_integral(second):
        first, second = second, first
    if first.dim() != 2 or first.shape != second.shape or first.size(0) != num_nodes:
        raise ValueError(
            f"{name} has indices of shape {list(first.shape)} and distances of shape "
            f"{list(second.shape)}; for {num_nodes} points both must be [{num_nodes}, k]"
        )
    _check_integers(first, f"the indices of {name}")
    found = first != -1
    center = torch.arange(num_nodes, device=first.device).unsqueeze(1).expand_as(first)
    return first[found].long(), center[found], second.to(first.device)[found]


def _checked(
    neighbor: Tensor, center: Tensor, length: Tensor, num_nodes: int, name: str
) -> tuple[Tensor, Tensor]:
    r"""Checks edges, drops those of a point to itself, and sorts them."""
    if length.is_complex() or length.dtype == torch.bool:
        raise TypeError(f"the lengths of {name} have dtype {length.dtype}; pass real distances")
    is_wide = not length.is_floating_point() and length.dtype.itemsize > 2
    length = length.to(torch.float64 if is_wide or length.dtype == torch.float64 else torch.float32)
    length = length.to(neighbor.device)
    for nodes in (neighbor, center):
        bad = ((nodes < 0) | (nodes >= num_nodes)).nonzero().view(-1)
        if bad.numel() > 0:
            raise ValueError(
                f"{name} names node {int(nodes[bad[0]])}, but the {num_nodes} points are numbered "
                f"0 to {num_nodes - 1}"
            )
    keep = neighbor != center
    neighbor, center, length = neighbor[keep], center[keep], length[keep]
    if neighbor.numel() == 0:
        raise ValueError(f"{name} joins no two different points; pass a graph with edges")
    bad = (~(length.isfinite() & (length >= 0))).nonzero().view(-1)
    if bad.numel() > 0:
        edge = int(bad[0])
        raise ValueError(
            f"{name} has {bad.numel()} lengths that are negative or not finite (first: "
            f"{float(length[edge])} from node {int(neighbor[edge])} to node {int(center[edge])}); "
            "pass distances"
        )
    order = sort_pairs(center, length, neighbor)
    neighbor, center, length = neighbor[order], center[order], length[order]
    key = (center * num_nodes + neighbor).sort().values
    twice = (key[1:] == key[:-1]).nonzero().view(-1)
    if twice.numel() > 0:
        edge = int(key[twice[0]])
        raise ValueError(
            f"{name} has {twice.numel()} edges that are given more than once (first: from node "
            f"{edge % num_nodes} to node {edge // num_nodes}); pass each once"
        )
    return torch.stack([neighbor, center]), length


def _is_integral(values: Tensor) -> bool:
    return not (values.is_floating_point() or values.is_complex() or values.dtype == torch.bool)


def _check_integers(values: Tensor, name: str) -> None:
    if not _is_integral(values):
        raise TypeError(f"{name} has dtype {values.dtype}; node numbers are integers")
