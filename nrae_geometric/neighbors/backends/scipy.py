r"""Exact search in SciPy's k-d tree, the fastest way in few dimensions."""

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from nrae_geometric.neighbors.backends.base import Backend, register_backend
from nrae_geometric.neighbors.ranking import LEAST_DISTANCE, correct_near_rows, drop_self

_LEAF_SIZE = 24
_BLOCK_ROWS = 1 << 16


@register_backend
class ScipyBackend(Backend):
    r""":class:`scipy.spatial.cKDTree` on all of PyTorch's threads, in float64, on the CPU."""

    name = "scipy"

    def search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        r"""Searches the tree, by direct differences; equally far points come in any order."""
        self._require_cpu(x)
        tree = cKDTree(x.numpy(), leafsize=_LEAF_SIZE)
        queries = x if query is None else query
        # Points that follow each other in the tree search the same leaves, which stay in cache.
        order = torch.from_numpy(tree.indices) if query is None else torch.arange(len(queries))
        distance = torch.empty(len(queries), k, dtype=x.dtype)
        index = torch.empty(len(queries), k, dtype=torch.long)
        ranks = list(range(1, k + 1 + (query is None)))
        for rows in order.split(_BLOCK_ROWS):
            found = tree.query(queries[rows].numpy(), ranks, workers=torch.get_num_threads())
            near, neighbor = map(torch.from_numpy, found)
            if query is None:
                near, neighbor = drop_self(near, neighbor, rows)
            distance[rows], index[rows] = near.to(x.dtype), neighbor
        correct_near_rows(x, query, distance, index, LEAST_DISTANCE)
        return distance, index
