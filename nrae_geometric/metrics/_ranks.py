"""Ranks of points by their distance from a centre, in two spaces at once."""

from collections.abc import Iterator

import torch
from torch import Tensor

# Two blocks of [rows, N] distances of this many entries are alive at a time.
_ENTRIES_PER_BLOCK = 2**22
# Up to this dimension coordinate differences are faster than a matrix product.
_LOW_DIMENSION = 16


def neighbor_ranks(
    neighbor_space: Tensor, rank_space: Tensor, k: int, rows: Tensor
) -> Iterator[Tensor]:
    """Yield, block by block of the centres in ``rows``, the ranks ``[B, k]`` in ``rank_space`` of
    the k nearest neighbors in ``neighbor_space``, nearest first.

    A rank counts from 1 and leaves the centre itself out; ties go to the lower index.
    """
    neighbor_space, rank_space = _without_offset(neighbor_space), _without_offset(rank_space)
    for block in rows.to(rank_space.device).split(max(1, _ENTRIES_PER_BLOCK // len(rank_space))):
        neighbors = _nearest(_distances_from(neighbor_space, block), k)
        yield _ranks(_distances_from(rank_space, block), neighbors)


def _without_offset(points: Tensor) -> Tensor:
    """In float64, and free of a common offset, which would cancel in the matrix product."""
    points = points.double()
    # Taking away a point, unlike the mean, is exact for whole numbers and keeps their ties.
    return points - points[0]


def _distances_from(points: Tensor, rows: Tensor) -> Tensor:
    low = points.size(1) <= _LOW_DIMENSION
    mode = "donot_use_mm_for_euclid_dist" if low else "use_mm_for_euclid_dist"
    distance = torch.cdist(points[rows], points, compute_mode=mode)
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
