r"""Exact search in plain PyTorch, in any dimension and on any device."""

import torch
from torch import Tensor

from nrae_geometric.neighbors.backends.base import Backend
from nrae_geometric.neighbors.blocked.duplicates import surplus_copies
from nrae_geometric.neighbors.blocked.products import plain_products
from nrae_geometric.neighbors.blocked.search import BlockedSearch
from nrae_geometric.neighbors.blocked.strips import StripSearch
from nrae_geometric.neighbors.blocked.tiles import direct_distance
from nrae_geometric.neighbors.ranking import drop_self, rank

# Coordinate differences that are formed sooner than tiles are set up.
_SMALL = 1 << 23
_CPU_BLOCK, _ACCELERATOR_BLOCK = 2048, 16384
# Up to here a processor is faster in strips of rows than in tiles that serve rows and columns.
_MAX_STRIP_POINTS, _MAX_STRIP_VALUES = 50_000, 5_200_000
# Share of rows that strips may leave to tiles before all are searched in tiles.
_MAX_DOUBTFUL = 1 / 8


class TorchBackend(Backend):
    r"""Exact neighbors from blocks of the distance matrix, ties to the lower index.

    Blocks are matrix products of rounded points, in bfloat16 where the device is fast at it. What
    rounding can have done to a distance is bounded, so that no neighbor is missed; what may be a
    neighbor is compared again by direct float64 differences.

    Args:
        block_size (int, optional): Rows and columns of a tile; it changes the time, not the
            result. By default what suits the device and the size: tiles, or strips of rows.
    """

    name = "torch"

    def __init__(self, block_size: int | None = None) -> None:
        if block_size is not None and block_size < 1:
            raise ValueError(f"block_size must be at least 1, got {block_size}")
        self.block_size = block_size

    def search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        asking = x if query is None else query
        if self.block_size is None and asking.size(0) * x.numel() <= _SMALL:
            distance = direct_distance(asking, x)
            if query is None:
                distance.fill_diagonal_(torch.inf)
            return rank(x, query, distance.sort(dim=1, stable=True).indices[:, :k], k)
        with plain_products(x.device):
            surplus, first = surplus_copies(x, k)
            if surplus.numel() == 0:
                return self._search(x, k, query)
            keep = torch.ones(x.size(0), dtype=torch.bool, device=x.device)
            keep[surplus] = False
            kept = keep.nonzero().view(-1)
            near, neighbor = self._search(x[kept], k, query)
        if query is not None:
            return near, kept[neighbor]
        distance = near.new_zeros(x.size(0), k)
        index = neighbor.new_empty(x.size(0), k)
        distance[kept], index[kept] = near, kept[neighbor]
        # A point with so many copies has no neighbors but them, the lowest indices first.
        copies = torch.cat([first.unsqueeze(1), index[first]], dim=1)
        index[surplus] = copies.sort(dim=1).values[:, :k]
        return distance, index

    def _search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        default = _CPU_BLOCK if x.device.type == "cpu" else _ACCELERATOR_BLOCK
        block_size = self.block_size or default
        if self.block_size is None and _suits_strips(x, k):
            asking = x if query is None else query
            found = StripSearch(x, k, query).run(int(_MAX_DOUBTFUL * asking.size(0)))
            if found is not None:
                distance, index, doubtful = found
                if doubtful.numel() > 0:
                    width = k + (query is None)
                    again = BlockedSearch(x, width, asking[doubtful], block_size).run()
                    if query is None:
                        again = drop_self(*again, doubtful)
                    distance[doubtful], index[doubtful] = again
                return distance, index
        return BlockedSearch(x, k, query, block_size).run()

    def __repr__(self) -> str:
        settings = "" if self.block_size is None else f"block_size={self.block_size}"
        return f"{self.__class__.__name__}({settings})"


def _suits_strips(x: Tensor, k: int) -> bool:
    return (
        x.device.type == "cpu"
        and x.numel() <= _MAX_STRIP_VALUES
        and 8 * k < x.size(0) <= _MAX_STRIP_POINTS
    )
