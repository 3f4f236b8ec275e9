r"""Losses over a whole batch, of which each of several processes has a part.

The loss of a process is weighted by its centers, :obj:`batch.part.weight`, and gradients are
averaged over the processes. A mean over centers needs nothing else. What is over pairs of centers,
or over all of them at once, takes the rows of all parts, which have their gradients::

    def objective(self, x, code, batch):
        z = gathered(code, batch.get("part"))
        return self.reconstruction(x, code) + spread(z)

All processes call the same functions in the same order. Where the part is :obj:`None`, a process
has the whole batch, and every function returns what it is given.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch_geometric.data import Data

from nrae_geometric.loader import Part


def gathered(rows: Tensor, part: Part | None) -> Tensor:
    """Returns the rows of the centers of all parts, :obj:`[B, *]`, in the order of the batch.

    Args:
        rows (torch.Tensor): Those of this part.
        part (Part, optional): The part; :obj:`None` is the whole batch.
    """
    return rows if part is None else _gathered(rows, part.first, part.end, part.total)


def gathered_edges(part: Part | None, *values: Tensor) -> tuple[Tensor, ...]:
    """Returns values of the edges of all parts, of which these may have different numbers.

    Args:
        part (Part, optional): The part; :obj:`None` is the whole batch.
        *values (torch.Tensor): Those of the edges of this part, :obj:`[E, *]` each.
    """
    return values if part is None else _gathered_edges(part, *values)


def own_rows(rows: Tensor, part: Part | None) -> Tensor:
    """Returns those rows of a whole batch that belong to the centers of a part.

    Args:
        rows (torch.Tensor): The rows of all centers, :obj:`[B, *]`.
        part (Part, optional): The part; :obj:`None` is the whole batch.
    """
    return rows if part is None else rows[part.first : max(part.end, part.first + 1)]


def from_first(values: Tensor, part: Part | None) -> Tensor:
    """Returns the values that the first process has, such as draws for a whole batch.

    Args:
        values (torch.Tensor): Those of this process, of the same shape in all; overwritten.
        part (Part, optional): The part; :obj:`None` is the whole batch.
    """
    return values if part is None else _from_first(values)


def normal_like(rows: Tensor, part: Part | None) -> Tensor:
    """Returns standard normal draws for the centers of a part: some of those for the whole batch.

    Args:
        rows (torch.Tensor): A row for each center of the part, whose shape and type the draws have.
        part (Part, optional): The part; :obj:`None` is the whole batch.
    """
    if part is None:
        return torch.randn_like(rows)
    draws = torch.randn(part.total, *rows.shape[1:], dtype=rows.dtype, device=rows.device)
    return own_rows(from_first(draws, part), part)


def weighted_by_edges(loss: Tensor, batch: Data) -> Tensor:
    """Returns a loss that counts by the edges of a part where it would count by its centers.

    Args:
        loss (torch.Tensor): A mean over the edges into the centers, ``[]``.
        batch (torch_geometric.data.Data): The batch, or a part of it.
    """
    part = batch.get("part")
    if part is None or "edges_per_center" in batch:  # equally many for each
        return loss
    num_centers = part.end - part.first
    own = (batch.edge_index[1] < num_centers).sum(dtype=torch.float64)
    return loss * (own / _summed(own) * part.total / max(num_centers, 1)).to(loss)


@torch.compiler.disable
def _gathered(rows: Tensor, first: int, end: int, total: int) -> Tensor:
    own = rows[: end - first]
    before, behind = (own.new_zeros(num, *own.shape[1:]) for num in (first, total - end))
    return _summed(torch.cat([before, own, behind]))


@torch.compiler.disable
def _gathered_edges(part: Part, *values: Tensor) -> tuple[Tensor, ...]:
    numbers = values[0].new_zeros(part.count, dtype=torch.long)
    numbers[part.rank] = len(values[0]) if part.weight else 0
    ends = _summed(numbers).cumsum(0).tolist()
    first = ends[part.rank - 1] if part.rank else 0
    return tuple(_gathered(each, first, ends[part.rank], ends[-1]) for each in values)


@torch.compiler.disable
def _from_first(values: Tensor) -> Tensor:
    torch.distributed.broadcast(values, src=0)
    return values


@torch.compiler.disable
def _summed(values: Tensor) -> Tensor:
    return _Sum.apply(values)


class _Sum(Function):
    """The sum over the processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        values = values.clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(values)
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _Sum.apply(*gradients)
