r"""Exact search in plain PyTorch, in any dimension and on any device."""

import torch
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.neighbors.backends.base import Backend, register_backend
from nrae_geometric.neighbors.blocked.ordering import redundant_duplicates
from nrae_geometric.neighbors.blocked.outliers import Outliers
from nrae_geometric.neighbors.blocked.products import exact_matmul
from nrae_geometric.neighbors.blocked.search import BlockedSearch
from nrae_geometric.neighbors.blocked.strips import StripSearch
from nrae_geometric.neighbors.ranking import compare_all, drop_self, smallest
from nrae_geometric.neighbors.rows import PointRows
from nrae_geometric.neighbors.units import search_any_magnitude

# Up to so many coordinate differences, to form them all is faster than to set up tiles.
_MAX_DIRECT = 1 << 23
_CPU_BLOCK, _ACCELERATOR_BLOCK = 2048, 16384
# Up to here a processor is faster in strips of rows than in tiles that serve rows and columns.
_MAX_STRIP_POINTS, _MAX_STRIP_VALUES = 50_000, 5_200_000
# Share of rows that strips may leave to tiles before all are searched in tiles.
_MAX_UNDECIDED = 1 / 8


@register_backend
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
        self.block_size = None if block_size is None else integer("block_size", block_size, 1)

    def search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        r"""Compares all pairs of a small set directly, else searches blocks of them."""
        queries = x if query is None else query
        if self.block_size is None and queries.size(0) * x.numel() <= _MAX_DIRECT:
            return compare_all(x, k, query)
        with exact_matmul(x.device):
            redundant, first = redundant_duplicates(x, k)
            if redundant.numel() == 0:
                return self._search(x, k, query)
            keep = torch.ones(x.size(0), dtype=torch.bool, device=x.device)
            keep[redundant] = False
            kept = keep.nonzero().view(-1)
            near, neighbor = self._search(x[kept], k, query)
        if query is not None:
            return near, kept[neighbor]
        distance = near.new_zeros(x.size(0), k)
        index = neighbor.new_empty(x.size(0), k)
        distance[kept], index[kept] = near, kept[neighbor]
        # A point with so many duplicates has no neighbors but them, the lowest indices first.
        duplicates = torch.cat([first.unsqueeze(1), index[first]], dim=1)
        index[redundant] = duplicates.sort(dim=1).values[:, :k]
        return distance, index

    def search_rows(
        self, x: PointRows, k: int, rows: range, distance: Tensor, index: Tensor
    ) -> None:
        r"""Searches each block of points for each block of rows, and merges what is found."""
        for part in x.blocks(rows, "searching"):
            place = torch.arange(part.start, part.stop)
            near, neighbor = self.nearest(x, k, place, x.read(part))
            out = slice(part.start - rows.start, part.stop - rows.start)
            distance[out], index[out] = near, neighbor

    def nearest(
        self, x: PointRows, k: int, rows: Tensor, query: Tensor, title: str = ""
    ) -> tuple[Tensor, Tensor]:
        r"""Finds the :obj:`k` nearest of all points, which are read in blocks, for some of them.

        Args:
            x (PointRows): Points :math:`[N, D]`.
            k (int): Number of neighbors.
            rows (torch.Tensor): The numbers of the points that are sought for :math:`[M]`.
            query (torch.Tensor): These points :math:`[M, D]`, as they are read.
            title (str, optional): That of a progress bar. (default: none is shown)

        Returns:
            tuple[torch.Tensor, torch.Tensor]: Distance by the metric, and index, each
            :math:`[M, k]`.
        """
        query = query.double()
        near, neighbor = query.new_empty(len(query), 0), rows.new_empty(len(query), 0)
        for block in x.blocks(title=title):
            # Of float64 points distances come unrounded, so that blocks can be merged.
            points = x.read(block).double()
            found, place = search_any_magnitude(self, points, min(k + 1, len(points)), query)
            near, neighbor = smallest(
                torch.cat([near, found], dim=1),
                torch.cat([neighbor, place + block.start], dim=1),
                k + 1,
            )
        near, neighbor = drop_self(near, neighbor, rows)
        return x.distance(near), neighbor

    def _search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        outliers = Outliers.find(x, k, query)
        if outliers is None:
            return self._search_blocks(x, k, query)
        found = self._search_blocks(*outliers.others())
        return outliers.complete(*found)

    def _search_blocks(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        default = _CPU_BLOCK if x.device.type == "cpu" else _ACCELERATOR_BLOCK
        block_size = self.block_size or default
        if self.block_size is None and _suits_strips(x, k):
            queries = x if query is None else query
            found = StripSearch(x, k, query).run(int(_MAX_UNDECIDED * queries.size(0)))
            if found is not None:
                distance, index, undecided = found
                if undecided.numel() > 0:
                    width = k + (query is None)
                    exact = BlockedSearch(x, width, queries[undecided], block_size).run()
                    if query is None:
                        exact = drop_self(*exact, undecided)
                    distance[undecided], index[undecided] = exact
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
