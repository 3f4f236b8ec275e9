r"""Exact ranking: float64 distances by direct differences, ties to the lower index.

Backends find candidates in whatever precision is fast. What they return is ranked here, so every
backend gives the same accurate distances in the same order:

.. math::
    d_{ij} = \Big( \sum_f (x_{if} - y_{jf})^2 \Big)^{1/2}, \qquad
    (d_{ij}, j) \text{ ascending}.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

# Float64 values held at once: small enough to stay in a processor's cache, and to be allocated
# without new pages from the system every time. An accelerator wants long kernels instead.
_CPU_VALUES, _ACCELERATOR_VALUES = 1 << 17, 1 << 24
# Candidates ranked at once, which bounds the memory at any number of points.
_BLOCK_PAIRS = 1 << 20


def block_rows(num_features: int, device: torch.device) -> int:
    r"""Returns how many rows of so many features are best worked on at once."""
    values = _CPU_VALUES if device.type == "cpu" else _ACCELERATOR_VALUES
    return max(1, values // num_features)


def row_blocks(num_rows: int, block_size: int) -> Iterator[slice]:
    r"""Yields slices of at most :obj:`block_size` rows that together are all rows."""
    for start in range(0, num_rows, block_size):
        yield slice(start, min(start + block_size, num_rows))


def squared_distance(x: Tensor, y: Tensor, row: Tensor, col: Tensor) -> Tensor:
    r"""Returns the squared Euclidean distance of the pairs :obj:`(x[row], y[col])`.

    Args:
        x (torch.Tensor): Points :math:`[M, D]`.
        y (torch.Tensor): Points :math:`[N, D]`.
        row (torch.Tensor): Rows of :obj:`x` :math:`[P]`.
        col (torch.Tensor): Rows of :obj:`y` :math:`[P]`.

    Returns:
        torch.Tensor: float64 :math:`[P]` by direct differences; zero exactly where the two points
        coincide.
    """
    num_pairs, num_features = row.numel(), x.size(1)
    out = torch.empty(num_pairs, dtype=torch.float64, device=x.device)
    step = block_rows(num_features, x.device)
    left = x.new_empty(min(step, num_pairs), num_features)
    right, difference = y.new_empty(left.shape), out.new_empty(left.shape)
    for part in row_blocks(num_pairs, step):
        size = part.stop - part.start
        torch.index_select(x, 0, row[part], out=left[:size])
        torch.index_select(y, 0, col[part], out=right[:size])
        torch.sum(
            difference[:size].copy_(left[:size]).sub_(right[:size]).square_(),
            dim=1,
            out=out[part],
        )
    return out


def sort_pairs(row: Tensor, squared: Tensor, col: Tensor) -> Tensor:
    r"""Returns the permutation that orders pairs by row, squared distance and column."""
    order = col.argsort()
    order = order[squared[order].argsort(stable=True)]
    return order[row[order].argsort(stable=True)]


def smallest(squared: Tensor, index: Tensor, k: int) -> tuple[Tensor, Tensor]:
    r"""Returns the :obj:`k` first entries of each row by squared distance, then index.

    Args:
        squared (torch.Tensor): Squared distances :math:`[M, C]`.
        index (torch.Tensor): Their points :math:`[M, C]`.
        k (int): Number of entries to return.

    Returns:
        tuple[torch.Tensor, torch.Tensor]: Squared distance and index, each :math:`[M, k]`.
    """
    index, order = index.sort(dim=1)
    squared, order = squared.gather(1, order).sort(dim=1, stable=True)
    return squared[:, :k], index.gather(1, order[:, :k])


def rank(x: Tensor, query: Tensor | None, candidates: Tensor, k: int) -> tuple[Tensor, Tensor]:
    r"""Returns the :obj:`k` nearest of each query point's candidates.

    Args:
        x (torch.Tensor): Points :math:`[N, D]`.
        query (torch.Tensor, optional): Query points :math:`[M, D]`; without them those of
            :obj:`x`, and a candidate that is the query point itself is left out.
        candidates (torch.Tensor): Distinct rows of :obj:`x` :math:`[M, C]`, at least :obj:`k` of
            them besides the query point itself.
        k (int): Number of neighbors.

    Returns:
        tuple[torch.Tensor, torch.Tensor]: Distance, in the type of :obj:`x`, and index, each
        :math:`[M, k]`.
    """
    center = x if query is None else query
    num_queries, width = candidates.shape
    distance = torch.empty(num_queries, k, dtype=x.dtype, device=x.device)
    index = torch.empty(num_queries, k, dtype=torch.long, device=x.device)
    for part in row_blocks(num_queries, max(1, _BLOCK_PAIRS // width)):
        block = candidates[part]
        row = torch.arange(part.start, part.stop, device=x.device)
        squared = squared_distance(
            center, x, row.repeat_interleave(width), block.reshape(-1)
        ).view_as(block)
        if query is None:
            squared.masked_fill_(block == row.unsqueeze(1), torch.inf)
        squared, index[part] = smallest(squared, block, k)
        distance[part] = squared.sqrt_().to(x.dtype)
    return distance, index


def drop_self(distance: Tensor, index: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
    r"""Removes each point from its own neighbors, or the last one where duplicates displaced it.

    Args:
        distance (torch.Tensor): Distance :math:`[M, k + 1]`, nearest first.
        index (torch.Tensor): Index :math:`[M, k + 1]`.
        row (torch.Tensor): The points whose neighbors these are :math:`[M]`.

    Returns:
        tuple[torch.Tensor, torch.Tensor]: Distance and index, each :math:`[M, k]`.
    """
    keep = index != row.unsqueeze(1)
    keep[:, -1] &= ~keep.all(dim=1)
    shape = (index.size(0), index.size(1) - 1)
    return distance[keep].view(shape), index[keep].view(shape)
