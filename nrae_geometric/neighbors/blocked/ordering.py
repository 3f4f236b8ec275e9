r"""An order of the points in which neighbors are mostly in the same block."""

import torch
from torch import Tensor

from nrae_geometric.neighbors.chunks import chunk_rows

_NUM_COMPONENTS = 8
_SAMPLE = 2048


def kd_order(x: Tensor, block_size: int) -> Tensor:
    r"""Orders points so that each block of `block_size` is a cell of a k-d tree.

    The tree splits in the space of the leading principal components of a sample, found by
    subspace iteration from a fixed start, so equal points give an equal order. Within a cell the
    points keep their original order.

    Args:
        x (Tensor): Points :math:`[N, D]`.
        block_size (int): Points in each cell but the last.

    Returns:
        Tensor: Permutation :math:`[N]` of the rows of `x`.
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
    step = chunk_rows(x.size(1), x.device)
    for start in range(0, num_points, step):
        projected[start : start + step] = x[start : start + step].double() @ basis
    projected.nan_to_num_()

    cells = [torch.arange(num_points, device=x.device)]
    while any(cell.numel() > block_size for cell in cells):
        cells = [half for cell in cells for half in _split(projected, cell, block_size)]
    return torch.cat(cells)


def _split(projected: Tensor, cell: Tensor, block_size: int) -> list[Tensor]:
    r"""Halves a cell along its widest axis, at a multiple of `block_size`."""
    num_blocks = -(-cell.numel() // block_size)
    if num_blocks == 1:
        return [cell]
    points = projected[cell]
    order = points[:, points.var(dim=0).argmax()].argsort(stable=True)
    cut = num_blocks // 2 * block_size
    return [cell[order[:cut].sort().values], cell[order[cut:].sort().values]]
