r"""Exact search in SciPy's k-d tree, the fastest way in few dimensions."""

import importlib.util

import torch
from torch import Tensor
from tqdm import tqdm

from nrae_geometric.neighbors.backends.base import Backend
from nrae_geometric.neighbors.ranking import drop_self

_LEAF_SIZE = 24
_CHUNK = 1 << 16


class ScipyBackend(Backend):
    r"""`scipy.spatial.cKDTree` on all of PyTorch's threads, in float64, on the CPU."""

    name = "scipy"

    @classmethod
    def unavailable(cls) -> str | None:
        if importlib.util.find_spec("scipy") is None:
            return "SciPy is not installed; run `pip install scipy`"
        return None

    def search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        self._require_cpu(x)
        from scipy.spatial import cKDTree

        tree = cKDTree(x.numpy(), leafsize=_LEAF_SIZE)
        asking = x if query is None else query
        # Points that follow each other in the tree search the same leaves, which stay in cache.
        order = torch.from_numpy(tree.indices) if query is None else torch.arange(len(asking))
        distance = torch.empty(len(asking), k, dtype=x.dtype)
        index = torch.empty(len(asking), k, dtype=torch.long)
        width = list(range(1, k + 1 + (query is None)))
        with tqdm(
            total=len(asking), desc="k-NN search", delay=5, leave=False, disable=None
        ) as progress:
            for rows in order.split(_CHUNK):
                found = tree.query(asking[rows].numpy(), width, workers=torch.get_num_threads())
                near, neighbor = map(torch.from_numpy, found)
                if query is None:
                    near, neighbor = drop_self(near, neighbor, rows)
                distance[rows], index[rows] = near.to(x.dtype), neighbor
                progress.update(len(rows))
        return distance, index
