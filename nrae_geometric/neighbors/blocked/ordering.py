r"""Orders of the points: by place, so that neighbors share blocks, and by equality."""

import torch
from torch import Tensor

from nrae_geometric.neighbors.ranking import block_rows, row_blocks

_NUM_COMPONENTS = 8
_SAMPLE = 2048
# A copy of the points without redundant duplicates must be worth its memory.
_MAX_COPY_BYTES = 256 << 20


def kd_order(x: Tensor, block_size: int) -> Tensor:
    r"""Orders points so that each block of :obj:`block_size` is a cell of a k-d tree.

    The tree splits in the space of the leading principal components of a sample, found by
    subspace iteration from a fixed start, so equal points give an equal order. Within a cell the
    points keep their original order.

    Args:
        x (torch.Tensor): Points :math:`[N, D]`.
        block_size (int): Points in each cell but the last.

    Returns:
        torch.Tensor: Permutation :math:`[N]` of the rows of :obj:`x`.
    """
    num_points = x.size(0)
    if num_points <= block_size:
        return torch.arange(num_points, device=x.device)
    sample = x[:: max(1, num_points // _SAMPLE)].double()
    mean = sample.mean(dim=0)
    sample = sample - mean
    basis = sample[:: max(1, sample.size(0) // _NUM_COMPONENTS)][:_NUM_COMPONENTS].T
    for _ in range(4):
        basis = torch.linalg.qr(sample.T @ (sample @ basis)).Q
    # float32 overflows beyond its range; the order only has to be good, not exact.
    projected = torch.empty(num_points, basis.size(1), device=x.device)
    for rows in row_blocks(num_points, block_rows(x.size(1), x.device)):
        projected[rows] = x[rows].double() @ basis
    projected.nan_to_num_()

    cells = [torch.arange(num_points, device=x.device)]
    while any(cell.numel() > block_size for cell in cells):
        cells = [half for cell in cells for half in _split(projected, cell, block_size)]
    return torch.cat(cells)


def _split(projected: Tensor, cell: Tensor, block_size: int) -> list[Tensor]:
    r"""Halves a cell along its widest axis, at a multiple of :obj:`block_size`."""
    num_blocks = -(-cell.numel() // block_size)
    if num_blocks == 1:
        return [cell]
    points = projected[cell]
    order = points[:, points.var(dim=0).argmax()].argsort(stable=True)
    cut = num_blocks // 2 * block_size
    return [cell[order[:cut].sort().values], cell[order[cut:].sort().values]]


def redundant_duplicates(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    r"""Finds points of which at least :math:`k + 1` duplicates come before them.

    Ties go to the lower index, so of many points that coincide only the first :math:`k + 1` can be
    neighbors of any point. The others would pass every filter of the search.

    Args:
        x (torch.Tensor): Points :math:`[N, D]`.
        k (int): Number of neighbors.

    Returns:
        tuple[torch.Tensor, torch.Tensor]: Rows to leave out, and for each the first row that
        coincides with it. Some may be overlooked; none is given if the points without them take
        too much memory.
    """
    # Equal rows give equal products, unequal ones mostly do not: weights in a golden sequence.
    weight = torch.arange(1, x.size(1) + 1, device=x.device, dtype=torch.float64)
    weight = weight.mul_(0.6180339887498949).frac_().add_(0.5).to(x.dtype)
    key, order = (x @ weight).sort(stable=True)
    _, count = key.unique_consecutive(return_counts=True)
    start = count.cumsum(0) - count
    first = order[start].repeat_interleave(count)
    place = torch.arange(len(x), device=x.device) - start.repeat_interleave(count)
    # Points with the same product may differ, so all k + 1 that stay are compared with the first.
    large = (count > k + 1).repeat_interleave(count).nonzero().view(-1)
    member, leader = order[large], first[large]
    has_other = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for part in row_blocks(large.numel(), block_rows(x.size(1), x.device)):
        differs = (x[member[part]] != x[leader[part]]).any(dim=1)
        has_other[leader[part][differs]] = True
    redundant = ((place > k) & ~has_other[first]).nonzero().view(-1)
    if (x.size(0) - redundant.numel()) * x.size(1) * x.element_size() > _MAX_COPY_BYTES:
        redundant = redundant[:0]
    return order[redundant], first[redundant]
