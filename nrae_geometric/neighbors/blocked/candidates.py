r"""Candidate pairs of neighbors, and the limits of distance that they prove."""

import itertools

import torch
from torch import Tensor

from nrae_geometric.neighbors.blocked.rounding import UNDERFLOW
from nrae_geometric.neighbors.ranking import pair_distance, sort_pairs

# Pairs kept before they are ranked: some 60 bytes each while they are sorted.
_MAX_PENDING = 1 << 22
# Pairs that are added at once.
_MAX_ADDED = 1 << 20
# Query points whose pairs are merged at once.
_MERGED_ROWS = 1 << 16


class Candidates:
    r"""All pairs that can still be among the :obj:`k` nearest of their query point.

    A pair comes with bounds of its scaled squared distance. A point's limit is the :obj:`k`-th
    smallest upper bound known so far; a pair whose lower bound exceeds it is out. Each ordered pair
    may be added once.

    Args:
        x (torch.Tensor): Points :math:`[N, D]`.
        query (torch.Tensor): Query points :math:`[M, D]`, or :obj:`x` itself.
        k (int): Number of neighbors.
        scale (float): Factor of the lengths whose bounds are given.
    """

    def __init__(self, x: Tensor, query: Tensor, k: int, scale: float) -> None:
        self.x, self.query, self.k, self.scale = x, query, k, scale
        num_query = query.size(0)
        self.limit = torch.full((num_query,), torch.inf, device=x.device)
        self.distance = torch.full((num_query, k), torch.inf, dtype=torch.float64, device=x.device)
        self.index = torch.full((num_query, k), x.size(0), device=x.device)
        # Row, column, lower and upper bound, in one place for all pairs that ever wait: pieces that
        # come and go would leave holes in the memory.
        self._buffers = [
            torch.empty(_MAX_PENDING + _MAX_ADDED, dtype=dtype, device=x.device)
            for dtype in (torch.long, torch.long, torch.float, torch.float)
        ]
        self._num_pending = 0
        self._next_thinning = max(1 << 18, 2 * num_query * k)

    def lower_limit(self, row: Tensor, limit: Tensor) -> None:
        r"""Lowers the limits of the distinct query points :obj:`row` to at most :obj:`limit`.

        None falls so low that float32 could round a bound to its wrong side.
        """
        self.limit[row] = torch.minimum(self.limit[row], limit.clamp(min=UNDERFLOW))

    def add(self, row: Tensor, col: Tensor, lower: Tensor, upper: Tensor) -> None:
        r"""Adds pairs of query points and points with bounds of their scaled squared distance."""
        pieces = (values.split(_MAX_ADDED) for values in (row, col, lower, upper))
        for pairs in zip(*pieces, strict=True):
            end = self._num_pending + pairs[0].numel()
            for buffer, values in zip(self._buffers, pairs, strict=True):
                buffer[self._num_pending : end] = values
            self._num_pending = end
            if end > min(self._next_thinning, _MAX_PENDING):
                self._thin()
                if self._num_pending > _MAX_PENDING // 2:
                    self._rank()
                self._next_thinning = max(self._next_thinning, 2 * self._num_pending)

    def nearest(self) -> tuple[Tensor, Tensor]:
        r"""Returns distance and index of the :obj:`k` nearest, each :math:`[M, k]`."""
        self._thin()
        self._rank()
        return self.distance.to(self.x.dtype), self.index

    def _thin(self) -> None:
        r"""Lowers the limits to what the pending pairs prove, and drops the pairs beyond them."""
        row, _, lower, upper = (buffer[: self._num_pending] for buffer in self._buffers)
        # The bits of non-negative floats are ordered as the floats: one sort does for both keys.
        order = (row << 32).bitwise_or_(upper.view(torch.int32)).argsort()
        count = row.bincount(minlength=self.limit.numel())
        kth = count.cumsum(0) - count + self.k - 1
        enough = (count >= self.k).nonzero().view(-1)
        self.lower_limit(enough, upper[order[kth[enough]]])
        order = order[lower[order] <= self.limit[row[order]]]
        for buffer in self._buffers:
            buffer[: order.numel()] = buffer[order]
        self._num_pending = order.numel()

    def _rank(self) -> None:
        r"""Merges the pending pairs, which are sorted by row, into the neighbors found so far."""
        row, col, _, _ = (buffer[: self._num_pending] for buffer in self._buffers)
        self._num_pending = 0
        first_rows = torch.arange(0, self.limit.numel(), _MERGED_ROWS, device=row.device)
        starts = [*torch.searchsorted(row, first_rows).tolist(), row.numel()]
        for start, stop in itertools.pairwise(starts):
            if stop > start:
                self._merge(row[start:stop], col[start:stop])

    def _merge(self, row: Tensor, col: Tensor) -> None:
        distance = pair_distance(self.query, self.x, row, col)
        query, group = row.unique_consecutive(return_inverse=True)
        known = torch.arange(query.numel(), device=row.device).repeat_interleave(self.k)
        group = torch.cat([known, group])
        distance = torch.cat([self.distance[query].view(-1), distance])
        col = torch.cat([self.index[query].view(-1), col])
        order = sort_pairs(group, distance, col)
        count = group.bincount()
        place = torch.arange(order.numel(), device=row.device)
        place -= (count.cumsum(0) - count)[group[order]]
        order = order[place < self.k].view(-1, self.k)
        self.distance[query] = distance[order]
        self.index[query] = col[order]
        farthest = (self.distance[query, -1] * self.scale).square_()
        self.lower_limit(query, (farthest * (1 + 1e-6)).float())
