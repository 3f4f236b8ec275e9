r"""Search in tiles of the distance matrix.

Every tile goes through the cheapest of three filters that singles out few enough pairs:

1. the product of points rounded to the fastest type, about the mean of all points;
2. the product of float64 points about the mean of the tile's own rows, for tight clusters;
3. direct float64 differences, for tiles with many ties or fewer points than neighbors.

Whatever passes is ranked in float64, so the answer is exact.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from nrae_geometric.neighbors.blocked.candidates import Candidates
from nrae_geometric.neighbors.blocked.ordering import kd_order
from nrae_geometric.neighbors.blocked.products import filter_dtype
from nrae_geometric.neighbors.blocked.rounding import (
    RoundedPoints,
    mean_point,
    power_of_two_scale,
)
from nrae_geometric.neighbors.blocked.tiles import (
    below_column_bound,
    below_row_bound,
    smallest_entries,
)
from nrae_geometric.neighbors.ranking import distance_matrix

# Rounded points beyond this many bytes are rounded again whenever they are needed.
_KEPT_BYTES = 256 << 20
# Blocks of rows that share one rounding of a block of columns.
_ROW_BLOCKS = 8
# Rows and columns of the pieces of a tile that need the slower filters.
_FINE_SIZE = 2048
# Rounding of a difference of float64 lengths, and to spare.
_GAP_ROUNDOFF = 2.0**-40
# Entries per row that may pass before a slower filter is worth its time.
_MAX_PER_ROW = 64


class BlockedSearch:
    r"""Exact search for the :obj:`k` nearest points, ties to the lower index.

    Args:
        x (torch.Tensor): Points :math:`[N, D]`.
        k (int): Number of neighbors.
        query (torch.Tensor, optional): Query points :math:`[M, D]`. Without them those of
            :obj:`x`: the distance matrix is symmetric, and each of its tiles serves its rows and
            its columns.
        block_size (int): Rows and columns of a tile.
    """

    def __init__(self, x: Tensor, k: int, query: Tensor | None, block_size: int) -> None:
        self.x, self.k = x, k
        self.query = x if query is None else query
        self.symmetric = query is None
        self.dtype = filter_dtype(x.device)
        self.center = mean_point(x)
        self.scale = power_of_two_scale([x, self.query], self.center)
        self.candidates = Candidates(x, self.query, k, self.scale)
        self.cols = kd_order(x, block_size).split(block_size)
        self.rows = (
            self.cols
            if self.symmetric
            else torch.arange(self.query.size(0), device=x.device).split(block_size)
        )
        bytes_per_block = block_size * (x.size(1) + 6) * self.dtype.itemsize
        self._num_kept = _KEPT_BYTES // bytes_per_block
        self._kept: dict[int, RoundedPoints] = {}
        # One buffer for all tiles: fresh memory costs a page fault for every page of every tile.
        self._buffer = torch.empty(
            self.rows[0].numel() * self.cols[0].numel(),
            dtype=self.dtype,
            device=x.device,
        )

    def run(self) -> tuple[Tensor, Tensor]:
        r"""Returns distance and index of the neighbors, each :math:`[M, k]`."""
        if self.symmetric:
            # The tiles on the diagonal hold most neighbors: they set the limits.
            for i in range(len(self.rows)):
                block = self._rounded_cols(i)
                self._search_tile(i, i, block, block.left(), block)
        for first in range(0, len(self.rows), _ROW_BLOCKS):
            group = range(first, min(first + _ROW_BLOCKS, len(self.rows)))
            blocks = {i: self._rounded_rows(i) for i in group}
            left = {i: block.left() for i, block in blocks.items()}
            for j in range(first + 1 if self.symmetric else 0, len(self.cols)):
                others = blocks[j] if self.symmetric and j in blocks else self._rounded_cols(j)
                for i in group:
                    if not self.symmetric or i < j:
                        self._search_tile(i, j, blocks[i], left[i], others)
        return self.candidates.nearest()

    def _rounded_cols(self, j: int) -> RoundedPoints:
        if j in self._kept:
            return self._kept[j]
        points = RoundedPoints(self.x[self.cols[j]], self.center, self.scale, self.dtype)
        if j < self._num_kept:
            self._kept[j] = points
        return points

    def _rounded_rows(self, i: int) -> RoundedPoints:
        if self.symmetric:
            return self._rounded_cols(i)
        return RoundedPoints(self.query[self.rows[i]], self.center, self.scale, self.dtype)

    def _search_tile(
        self, i: int, j: int, points: RoundedPoints, left: Tensor, others: RoundedPoints
    ) -> None:
        rows, cols = self.rows[i], self.cols[j]
        is_diagonal = self.symmetric and i == j
        # The first tile of a row sets limits that few pairs of the other tiles keep.
        role = _Role(
            sets_limits=is_diagonal or (j == 0 and not self.symmetric),
            is_mirrored=self.symmetric and not is_diagonal,
        )
        if role.is_mirrored and self._out_of_reach(points, others, rows, cols):
            return
        tile = self._buffer[: rows.numel() * cols.numel()].view(rows.numel(), cols.numel())
        torch.mm(left, others.right.T, out=tile)
        if self._filter_tile(tile, points, others, rows, cols, role, is_diagonal):
            return
        for a, part in enumerate(rows.split(_FINE_SIZE)):
            for b, other in enumerate(cols.split(_FINE_SIZE)):
                self._search_piece(part, other, role, is_diagonal and a == b)

    def _search_piece(self, rows: Tensor, cols: Tensor, role: "_Role", is_diagonal: bool) -> None:
        x, y = self.query[rows], self.x[cols]
        center = x.double().mean(dim=0)
        points = RoundedPoints(x, center, self.scale, torch.float64)
        others = RoundedPoints(y, center, self.scale, torch.float64)
        tile = points.left() @ others.right.T
        if self._filter_tile(tile, points, others, rows, cols, role, is_diagonal):
            return
        distance = distance_matrix(x, y)
        if is_diagonal:
            distance.fill_diagonal_(torch.inf)
        self._add_nearest(distance, rows, cols)
        if role.is_mirrored:
            self._add_nearest(distance.T, cols, rows)

    def _out_of_reach(
        self, points: RoundedPoints, others: RoundedPoints, rows: Tensor, cols: Tensor
    ) -> bool:
        r"""Whether the balls around two blocks are farther apart than any limit in them."""
        (middle, radius), (other, reach) = points.ball, others.ball
        between = torch.dist(middle, other)
        gap = between - radius - reach - _GAP_ROUNDOFF * (between + radius + reach)
        limit = torch.maximum(self.candidates.limit[rows].max(), self.candidates.limit[cols].max())
        return bool((gap > 0) & (gap.square() * (1 - 1e-5) > limit))

    def _filter_tile(
        self,
        tile: Tensor,
        points: RoundedPoints,
        others: RoundedPoints,
        rows: Tensor,
        cols: Tensor,
        role: "_Role",
        is_diagonal: bool,
    ) -> bool:
        r"""Adds the pairs of a tile that may be neighbors, unless they are too many."""
        limit = self.candidates.limit
        if is_diagonal:
            tile.fill_diagonal_(torch.inf)
        if role.sets_limits:
            self._lower_limits(tile, points, others, rows)
        max_entries = min(max(_MAX_PER_ROW, 4 * self.k) * max(tile.shape), tile.numel() // 2)
        found = below_row_bound(tile, points.bound(limit[rows], others), max_entries)
        if found is None and not role.sets_limits:
            # The limits come from tiles that are farther away than this one.
            self._lower_limits(tile, points, others, rows)
            found = below_row_bound(tile, points.bound(limit[rows], others), max_entries)
        if found is None:
            return False
        row, col = found
        if role.is_mirrored:
            mirrored = below_column_bound(tile, others.bound(limit[cols], points), max_entries)
            if mirrored is None:
                return False
            i, j = mirrored
            self.candidates.add(cols[j], rows[i], *points.bounds(tile[i, j], i, others, j))
        bounds = points.bounds(tile[row, col], row, others, col)
        self.candidates.add(rows[row], cols[col], *bounds)
        return True

    def _lower_limits(
        self, tile: Tensor, points: RoundedPoints, others: RoundedPoints, rows: Tensor
    ) -> None:
        r"""Lowers the limits of rows to what their nearest entries in a tile prove."""
        if tile.size(1) >= self.k:
            kth = tile.topk(self.k, dim=1, largest=False).values[:, -1]
            self.candidates.lower_limit(rows, points.upper_bound(kth, others))

    def _add_nearest(self, distance: Tensor, rows: Tensor, cols: Tensor) -> None:
        r"""Adds the nearest pairs of each row of a tile of exact distances."""
        near = smallest_entries(distance, self.k)
        squared = (distance * self.scale).square_()
        near &= squared * (1 - 1e-6) <= self.candidates.limit[rows].unsqueeze(1)
        row, col = near.nonzero(as_tuple=True)
        squared = squared[row, col]
        bounds = [(squared * factor).float() for factor in (1 - 1e-6, 1 + 1e-6)]
        self.candidates.add(rows[row], cols[col], *bounds)


class _Role(NamedTuple):
    r"""Whether a tile lowers the limits of its rows first, and serves its columns too."""

    sets_limits: bool
    is_mirrored: bool
