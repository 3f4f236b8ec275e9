r"""Search in strips of the distance matrix: some rows, all columns at once.

Tiles save half the products of a symmetric matrix. Strips save on the selection that follows them,
which takes most of the time where products cost little: a strip has all distances of its rows, so
the limits are known before anything is selected. The minima of groups of columns are taken once,
the :obj:`k`-th smallest of them bounds the distance of the :obj:`k`-th neighbor, and only groups
whose minimum is within the bound are looked into.
"""

import torch
from torch import Tensor

from nrae_geometric.neighbors.blocked.products import filter_dtype
from nrae_geometric.neighbors.blocked.rounding import (
    RoundedPoints,
    mean_point,
    power_of_two_scale,
)
from nrae_geometric.neighbors.blocked.tiles import as_sortable_bits
from nrae_geometric.neighbors.ranking import pair_distance, row_blocks, smallest

# Entries of a strip; it should stay in the processor's cache.
_STRIP_ENTRIES = 1 << 21
_MIN_ROWS, _MAX_ROWS = 128, 1024
# Largest number of columns in a group, and groups that are wanted for each neighbor.
_GROUP = 32
_GROUPS_PER_NEIGHBOR = 8
# Groups come in multiples of this, so that they can be joined to find the limit.
_JOINED = 8
# With fewer groups than this, minima are not taken along contiguous memory.
_MIN_GROUPS = 64
# Groups, or entries, of a row that may pass before it is left undecided: so many, or so many for
# each neighbor.
_MAX_PASSING, _MAX_PER_NEIGHBOR = 256, 8
# A squared distance beyond any other; infinity times zero would be NaN.
_FAR = 1e30


class StripSearch:
    r"""Exact search for the query points whose neighbors the filter can single out.

    Args:
        x (torch.Tensor): Points :math:`[N, D]`.
        k (int): Number of neighbors.
        query (torch.Tensor, optional): Query points :math:`[M, D]`. Without them those of
            :obj:`x`, each leaving itself out.
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

    def run(self, max_undecided: int) -> tuple[Tensor, Tensor, Tensor] | None:
        r"""Searches all rows.

        Args:
            max_undecided (int): Largest number of rows that may stay undecided.

        Returns:
            tuple[torch.Tensor, torch.Tensor, torch.Tensor] or None: Distance and index of the
            neighbors, each :math:`[M, k]`, and the undecided rows, in which these mean nothing;
            :obj:`None` if there are more of them.
        """
        num_queries = self.query.size(0)
        distance = torch.empty(num_queries, self.k, dtype=self.x.dtype, device=self.x.device)
        index = torch.empty(num_queries, self.k, dtype=torch.long, device=self.x.device)
        undecided: list[Tensor] = []
        num_undecided = 0
        for part in row_blocks(num_queries, self.num_rows):
            row, col, overfull = self._candidate_pairs(part)
            undecided.append(overfull + part.start)
            num_undecided += overfull.numel()
            if num_undecided > max_undecided:
                return None
            found = pair_distance(self.query[part], self.x, row, col)
            found, index[part] = self._smallest(found, row, col, part.stop - part.start)
            distance[part] = found.to(self.x.dtype)
        return distance, index, torch.cat(undecided)

    def _candidate_pairs(self, part: slice) -> tuple[Tensor, Tensor, Tensor]:
        r"""Row and column of all pairs that may be neighbors, and the rows that have too many.

        Rows count from the first of the strip, and the pairs are sorted by them.
        """
        points = (
            self.cols.part(part)
            if self.symmetric
            else RoundedPoints(self.query[part], *self.rounding)
        )
        tile = torch.mm(points.left(), self.right.T, out=self._buffer[: points.error.numel()])
        if self.symmetric:
            tile[:, part].fill_diagonal_(torch.inf)
        groups = as_sortable_bits(tile).unflatten(1, self.shape)
        minima = groups.amin(dim=1)
        coarse = minima.unflatten(1, (_JOINED, -1)).amin(dim=1)
        if coarse.size(1) < _GROUPS_PER_NEIGHBOR // 2 * self.k:
            coarse = minima
        kth = coarse.topk(self.k, dim=1, largest=False).values[:, -1].view(tile.dtype)
        limit = points.upper_bound(kth, self.cols)
        bound = as_sortable_bits(points.bound(limit, self.cols)).unsqueeze(1)
        passing = minima <= bound
        max_passing = max(_MAX_PASSING, _MAX_PER_NEIGHBOR * self.k)
        overfull = passing.count_nonzero(dim=1) > min(max_passing, passing.size(1) // 2)
        passing.logical_and_(~overfull.unsqueeze(1))
        row, place = passing.nonzero(as_tuple=True)
        passed, member = (groups[row, :, place] <= bound[row]).nonzero(as_tuple=True)
        if passed.numel() > max_passing * tile.size(0):
            overfull.fill_(True)
            passed, member = passed[:0], member[:0]
        return row[passed], member * self.shape[1] + place[passed], overfull.nonzero().view(-1)

    def _smallest(
        self, distance: Tensor, row: Tensor, col: Tensor, num_rows: int
    ) -> tuple[Tensor, Tensor]:
        r"""Ranks pairs that are sorted by row; rows without pairs get no meaningful result."""
        count = row.bincount(minlength=num_rows)
        place = torch.arange(row.numel(), device=row.device) - (count.cumsum(0) - count)[row]
        width = max(self.k, int(count.max()))
        table = distance.new_full((num_rows, width), torch.inf)
        table[row, place] = distance
        index = col.new_zeros(num_rows, width)
        index[row, place] = col
        return smallest(table, index, self.k)
