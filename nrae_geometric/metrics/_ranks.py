"""Ranks of points by their distance from a center, in two spaces at once."""

from collections.abc import Iterator

import torch
from torch import Tensor

# Two blocks of [rows, N] distances of this many entries are alive at a time.
_ENTRIES_PER_BLOCK = 2**20
# Up to this dimension coordinate differences are faster than a matrix product.
_LOW_DIMENSION = 16


def neighbor_ranks(
    neighbor_space: Tensor, rank_space: Tensor, k: int, rows: Tensor
) -> Iterator[Tensor]:
    """Yield, block by block of the centers in ``rows``, the ranks ``[B, k]`` in ``rank_space`` of
    the k nearest neighbors in ``neighbor_space``, nearest first.

    A rank counts from 1 and leaves the center itself out; ties go to the lower index.
    """
    neighbor_distances, rank_distances = _Distances(neighbor_space), _Distances(rank_space)
    rows = rows.to(rank_space.device)
    for block in rows.split(max(1, _ENTRIES_PER_BLOCK // len(rank_space))):
        yield _ranks(rank_distances.rows(block), _nearest(neighbor_distances.rows(block), k))


class _Distances:
    """Rows of the distance matrix of ``[N, D]`` points, each up to a monotone map of its own."""

    def __init__(self, points: Tensor):
        # A common offset would cancel in the matrix product. Taking away a point, unlike the mean,
        # is exact for whole numbers and keeps their ties.
        self.points = points.double() - points[0].double()
        self.squared_norm = self.points.square().sum(dim=1)

    def rows(self, rows: Tensor) -> Tensor:
        """``[B, N]``, with infinity between a point and itself."""
        centers = self.points[rows]
        if self.points.size(1) <= _LOW_DIMENSION:
            mode = "donot_use_mm_for_euclid_dist"
            distance = torch.cdist(centers, self.points, compute_mode=mode)
        else:
            distance = torch.addmm(self.squared_norm, centers, self.points.T, alpha=-2)
        return distance.scatter_(1, rows[:, None], torch.inf)


def _nearest(distance: Tensor, k: int) -> Tensor:
    """Column numbers of the k smallest entries of each row, sorted; ties go to the lower column."""
    farthest = distance.topk(k, largest=False).values[:, -1:]
    column = torch.arange(distance.size(1), device=distance.device).expand_as(distance)
    # topk picks any of several equal entries, so let it choose among column numbers instead.
    key = column.masked_fill(distance < farthest, -1)
    key = key.masked_fill(distance > farthest, distance.size(1))
    chosen = key.topk(k, largest=False).indices.sort(dim=1).values
    return chosen.gather(1, distance.gather(1, chosen).argsort(dim=1, stable=True))


def _ranks(distance: Tensor, columns: Tensor) -> Tensor:
    column = torch.arange(distance.size(1), device=distance.device)
    ranks = torch.empty_like(columns)
    for position, chosen in enumerate(columns.split(1, dim=1)):
        own = distance.gather(1, chosen)
        before = (distance < own) | ((distance == own) & (column < chosen))
        ranks[:, position] = 1 + before.sum(dim=1)
    return ranks
