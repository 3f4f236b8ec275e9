r"""Copies of a point that no search has to look at.

Ties go to the lower index, so of many points that coincide only the first :math:`k + 1` can be
anybody's neighbors. The others would pass every filter, in numbers that no filter can lower.
"""

import torch
from torch import Tensor

from nrae_geometric.neighbors.chunks import chunk_rows

# A copy of the points without the surplus must be worth its memory.
_MAX_COPY_BYTES = 256 << 20


def surplus_copies(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    r"""Finds points of which at least :math:`k + 1` copies come before them.

    Args:
        x (Tensor): Points :math:`[N, D]`.
        k (int): Number of neighbors.

    Returns:
        tuple[Tensor, Tensor]: Rows to leave out, and for each the first row that coincides with it.
        Some may be overlooked; none is if the points without them take too much memory.
    """
    # Equal rows give equal products, unequal ones mostly do not: weights in a golden sequence.
    weight = torch.arange(1, x.size(1) + 1, device=x.device, dtype=torch.float64)
    key, order = (x @ weight.mul_(0.6180339887498949).frac_().add_(0.5).to(x.dtype)).sort(
        stable=True
    )
    _, count = key.unique_consecutive(return_counts=True)
    start = count.cumsum(0) - count
    first = order[start].repeat_interleave(count)
    place = torch.arange(len(x), device=x.device) - start.repeat_interleave(count)
    surplus = (place > k).nonzero().view(-1)
    row, first = order[surplus], first[surplus]
    # Points with the same product may differ, so all k + 1 that stay are compared too.
    crowd = (count > k + 1).repeat_interleave(count).nonzero().view(-1)
    member, leader = order[crowd], order[start].repeat_interleave(count)[crowd]
    step = chunk_rows(x.size(1), x.device)
    differs = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for some, other in zip(member.split(step), leader.split(step), strict=True):
        differs[other[(x[some] != x[other]).any(dim=1)]] = True
    keep = ~differs[first]
    row, first = row[keep], first[keep]
    if (x.size(0) - row.numel()) * x.size(1) * x.element_size() > _MAX_COPY_BYTES:
        row, first = row[:0], first[:0]
    return row, first
