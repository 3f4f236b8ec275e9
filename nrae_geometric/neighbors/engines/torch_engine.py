r"""Exact search in plain PyTorch, in any dimension and on any device."""

import torch
from torch import Tensor

from nrae_geometric.neighbors.engines.base import Engine
from nrae_geometric.neighbors.ranking import rank

# Entries of the distance matrix held at once.
_TILE = 1 << 22


class TorchEngine(Engine):
    r"""Exact neighbours, block of rows by block of rows, ties to the lower index."""

    name = "torch"

    def search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        centre = x if query is None else query
        candidates = torch.empty(centre.size(0), k, dtype=torch.long, device=x.device)
        step = max(1, _TILE // x.size(0))
        target = x.double()
        for start in range(0, centre.size(0), step):
            block = centre[start : start + step].double()
            distance = torch.cdist(block, target, compute_mode="donot_use_mm_for_euclid_dist")
            if query is None:
                own = torch.arange(block.size(0), device=x.device)
                distance[own, start + own] = torch.inf
            order = distance.sort(dim=1, stable=True).indices
            candidates[start : start + step] = order[:, :k]
        return rank(x, query, candidates, k)
