r"""Exact search in plain PyTorch, in any dimension and on any device."""

import torch
from torch import Tensor

from nrae_geometric.neighbors.blocked.products import plain_products
from nrae_geometric.neighbors.blocked.search import BlockedSearch
from nrae_geometric.neighbors.blocked.tiles import direct_distance
from nrae_geometric.neighbors.engines.base import Engine
from nrae_geometric.neighbors.ranking import rank

# Coordinate differences that are formed sooner than tiles are set up.
_SMALL = 1 << 23
_CPU_BLOCK, _ACCELERATOR_BLOCK = 2048, 16384


class TorchEngine(Engine):
    r"""Exact neighbours from tiles of the distance matrix, ties to the lower index.

    Tiles are matrix products of rounded points, in bfloat16 where the device is fast at it. What
    rounding can have done to a distance is bounded, so that no neighbour is missed; what may be a
    neighbour is compared again by direct float64 differences.

    Args:
        block_size (int, optional): Rows and columns of a tile; it changes the time, not the
            result. By default what suits the device.
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
        default = _CPU_BLOCK if x.device.type == "cpu" else _ACCELERATOR_BLOCK
        with plain_products(x.device):
            return BlockedSearch(x, k, query, self.block_size or default).run()

    def __repr__(self) -> str:
        settings = "" if self.block_size is None else f"block_size={self.block_size}"
        return f"{self.__class__.__name__}({settings})"
