r"""Pairs that may be neighbours, the limits that they set, and the neighbours among them."""

import itertools

import torch
from torch import Tensor

from nrae_geometric.neighbors.ranking import sort_pairs, squared_distance

# Pairs kept before they are ranked: about 100 bytes each while they are sorted.
_MAX_PENDING = 1 << 22
_CHUNK_ROWS = 1 << 16


class Candidates:
    r"""Keeps, for each query point, every pair that can still be one of its `k` nearest.

    A pair comes with bounds of its scaled squared distance. A point's limit is the `k`-th smallest
    upper bound known so far; a pair whose lower bound exceeds it is out. Each ordered pair may be
    added once.

    Args:
        x (Tensor): Points :math:`[N, D]`.
        query (Tensor): Query points :math:`[M, D]`, or `x` itself.
        k (int): Number of neighbours.
        scale (float): What lengths are multiplied with before they are bounded.
    """

    def __init__(self, x: Tensor, query: Tensor, k: int, scale: float) -> None:
        self.x, self.query, self.k, self.scale = x, query, k, scale
        num_query = query.size(0)
        self.limit = torch.full((num_query,), torch.inf, device=x.device)
        self.squared = torch.full((num_query, k), torch.inf, dtype=torch.float64, device=x.device)
        self.index = torch.full((num_query, k), x.size(0), device=x.device)
        self._pending: list[tuple[Tensor, ...]] = []
        self._num_pending = 0
        self._next_thinning = max(1 << 18, 2 * num_query * k)

    def lower_limit(self, row: Tensor, limit: Tensor) -> None:
        r"""Lowers the limits of the distinct query points `row` to at most `limit`."""
        self.limit[row] = torch.minimum(self.limit[row], limit)

    def add(self, row: Tensor, col: Tensor, lower: Tensor, upper: Tensor) -> None:
        r"""Adds pairs of query points and points with bounds of their scaled squared distance."""
        self._pending.append((row, col, lower, upper))
        self._num_pending += row.numel()
        if self._num_pending > min(self._next_thinning, _MAX_PENDING):
            self._thin()
            if self._num_pending > _MAX_PENDING // 2:
                self._rank()
            self._next_thinning = max(self._next_thinning, 2 * self._num_pending)

    def nearest(self) -> tuple[Tensor, Tensor]:
        r"""Distance and index of the `k` nearest, each :math:`[M, k]`."""
        self._thin()
        self._rank()
        # In place: at this point a second [M, k] float64 matrix may be most of the memory.
        return self.squared.sqrt_().to(self.x.dtype), self.index

    def _thin(self) -> None:
        r"""Lowers the limits to what the pending pairs prove, and drops the pairs beyond them."""
        if not self._pending:
            return
        row, col, lower, upper = (torch.cat(parts) for parts in zip(*self._pending, strict=True))
        self._pending.clear()
        # The bits of non-negative floats are ordered as the floats: one sort does for both keys.
        order = (row << 32 | upper.view(torch.int32)).argsort()
        row, col, lower, upper = row[order], col[order], lower[order], upper[order]
        count = row.bincount(minlength=self.limit.numel())
        kth = count.cumsum(0) - count + self.k - 1
        enough = (count >= self.k).nonzero().view(-1)
        self.lower_limit(enough, upper[kth[enough]])
        keep = lower <= self.limit[row]
        self._pending = [(row[keep], col[keep], lower[keep], upper[keep])]
        self._num_pending = self._pending[0][0].numel()

    def _rank(self) -> None:
        r"""Merges the pending pairs, which are sorted by row, into the neighbours found so far."""
        if not self._pending:
            return
        row, col, _, _ = self._pending.pop()
        self._num_pending = 0
        first_rows = torch.arange(0, self.limit.numel(), _CHUNK_ROWS, device=row.device)
        starts = [*torch.searchsorted(row, first_rows).tolist(), row.numel()]
        for start, stop in itertools.pairwise(starts):
            if stop > start:
                self._merge(row[start:stop], col[start:stop])

    def _merge(self, row: Tensor, col: Tensor) -> None:
        squared = squared_distance(self.query, self.x, row, col)
        own, group = row.unique_consecutive(return_inverse=True)
        known = torch.arange(own.numel(), device=row.device).repeat_interleave(self.k)
        group = torch.cat([known, group])
        squared = torch.cat([self.squared[own].view(-1), squared])
        col = torch.cat([self.index[own].view(-1), col])
        order = sort_pairs(group, squared, col)
        count = group.bincount()
        place = torch.arange(order.numel(), device=row.device)
        place -= (count.cumsum(0) - count)[group[order]]
        order = order[place < self.k].view(-1, self.k)
        self.squared[own] = squared[order]
        self.index[own] = col[order]
        farthest = self.squared[own, -1] * self.scale**2
        self.lower_limit(own, (farthest * (1 + 1e-6)).float())
