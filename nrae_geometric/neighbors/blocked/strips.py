r"""The walk over the distance matrix by strips: some rows, all columns at once.

Where a product costs little, what follows it counts more than that each tile could serve its rows
and its columns. A strip sees all distances of its rows, so the limits are known before anything is
selected: the minima of groups of columns are taken once, the `k`-th smallest of them bounds the
distance of the `k`-th neighbor, and only groups whose minimum is within the bound are looked into.
"""

import torch
from torch import Tensor

from nrae_geometric.neighbors.blocked.products import filter_dtype
from nrae_geometric.neighbors.blocked.rounding import (
    RoundedPoints,
    mean_point,
    power_of_two_scale,
)
from nrae_geometric.neighbors.blocked.tiles import comparable
from nrae_geometric.neighbors.ranking import smallest, squared_distance

# Entries of a strip; it should stay in the processor's cache.
_STRIP_ENTRIES = 1 << 21
_MIN_ROWS, _MAX_ROWS = 128, 1024
# Largest number of columns in a group, and groups that are wanted for each neighbor.
_GROUP = 32
_GROUPS_PER_NEIGHBOR = 8
# Groups come in multiples of this, so that they can be joined to find the limit.
_JOINED = 8
# Fewer columns than this side by side, and minima are taken one by one.
_MIN_GROUPS = 64
# Groups, or entries, of a row that may pass before it is left to a finer filter: so many, or so
# many for each neighbor.
_MOST_PASSING, _MOST_PER_NEIGHBOR = 256, 8
# A squared distance that is farther than any, and no infinity that would meet a zero.
_FAR = 1e30


class StripSearch:
    r"""The `k` nearest points, exact, for all rows whose neighbors the filter can single out.

    Args:
        x (Tensor): Points :math:`[N, D]`.
        k (int): Number of neighbors.
        query (Tensor, optional): Query points :math:`[M, D]`. Without them the points ask, each
            leaving itself out.
    """

    def __init__(self, x: Tensor, k: int, query: Tensor | None) -> None:
        self.x, self.k = x, k
        self.query = x if query is None else query
        self.symmetric = query is None
        num_points = x.size(0)
        members = max(1, min(_GROUP, num_points // max(_MIN_GROUPS, _GROUPS_PER_NEIGHBOR * k)))
        num_groups = -(-num_points // (members * _JOINED)) * _JOINED
        self.shape = (members, num_groups)

        dtype = filter_dtype(x.device)
        center = mean_point(x)
        scale = power_of_two_scale([x, self.query], center)
        self.rounding = center, scale, dtype
        self.cols = RoundedPoints(x, *self.rounding)
        padding = self.cols.right.new_zeros(members * num_groups - num_points, 1)
        right = self.cols.right
        self.right = torch.cat([right, padding.expand(-1, right.size(1))])
        self.right[num_points:, -1] = _FAR
        self.num_rows = max(_MIN_ROWS, min(_MAX_ROWS, _STRIP_ENTRIES // self.right.size(0)))
        self._buffer = self.right.new_empty(self.num_rows, self.right.size(0))

    def run(self, most_doubtful: int) -> tuple[Tensor, Tensor, Tensor] | None:
        r"""Searches all rows.

        Args:
            most_doubtful (int): Give up if more rows than this are left to a finer filter.

        Returns:
            tuple[Tensor, Tensor, Tensor] or None: Distance and index of the neighbors, each
            :math:`[M, k]`, and the rows in which they are not known.
        """
        num_query = self.query.size(0)
        distance = torch.empty(num_query, self.k, dtype=self.x.dtype, device=self.x.device)
        index = torch.empty(num_query, self.k, dtype=torch.long, device=self.x.device)
        doubtful: list[Tensor] = []
        num_doubtful = 0
        for start in range(0, num_query, self.num_rows):
            part = slice(start, start + self.num_rows)
            row, col, crowded = self._harvest(part)
            doubtful.append(crowded + start)
            num_doubtful += crowded.numel()
            if num_doubtful > most_doubtful:
                return None
            squared = squared_distance(self.query[part], self.x, row, col)
            squared, index[part] = self._smallest(squared, row, col, index[part].size(0))
            distance[part] = squared.sqrt_().to(self.x.dtype)
        return distance, index, torch.cat(doubtful)

    def _harvest(self, part: slice) -> tuple[Tensor, Tensor, Tensor]:
        r"""Row in the strip and column of all pairs that may be neighbors, sorted by row, and the
        rows of which there are too many."""
        points = (
            self.cols.part(part)
            if self.symmetric
            else RoundedPoints(self.query[part], *self.rounding)
        )
        tile = torch.mm(points.left(), self.right.T, out=self._buffer[: points.error.numel()])
        if self.symmetric:
            tile[:, part].fill_diagonal_(torch.inf)
        groups = comparable(tile).unflatten(1, self.shape)
        minima = groups.amin(dim=1)
        coarse = minima.unflatten(1, (_JOINED, -1)).amin(dim=1)
        if coarse.size(1) < _GROUPS_PER_NEIGHBOR // 2 * self.k:
            coarse = minima
        kth = coarse.topk(self.k, dim=1, largest=False).values[:, -1].view(tile.dtype)
        limit = points.largest(kth, self.cols)
        bound = comparable(points.bound(limit, self.cols)).unsqueeze(1)
        passing = minima <= bound
        most = max(_MOST_PASSING, _MOST_PER_NEIGHBOR * self.k)
        crowded = passing.count_nonzero(dim=1) > min(most, passing.size(1) // 2)
        passing.logical_and_(~crowded.unsqueeze(1))
        row, place = passing.nonzero(as_tuple=True)
        hit, member = (groups[row, :, place] <= bound[row]).nonzero(as_tuple=True)
        if hit.numel() > most * tile.size(0):
            crowded.fill_(True)
            hit, member = hit[:0], member[:0]
        return row[hit], member * self.shape[1] + place[hit], crowded.nonzero().view(-1)

    def _smallest(
        self, squared: Tensor, row: Tensor, col: Tensor, num_rows: int
    ) -> tuple[Tensor, Tensor]:
        r"""Ranks pairs that are sorted by row; rows without pairs get no meaningful result."""
        count = row.bincount(minlength=num_rows)
        place = torch.arange(row.numel(), device=row.device) - (count.cumsum(0) - count)[row]
        width = max(self.k, int(count.max()))
        table = squared.new_full((num_rows, width), torch.inf)
        table[row, place] = squared
        index = col.new_zeros(num_rows, width)
        index[row, place] = col
        return smallest(table, index, self.k)
