r"""The last word on distance and order: float64 direct differences, ties to the lower index.

Engines find candidates in whatever precision is fast. What they return is ranked here, so every
engine gives the same accurate distances in the same order:

.. math::
    d_{ij} = \Big( \sum_f (x_{if} - y_{jf})^2 \Big)^{1/2}, \qquad
    (d_{ij}, j) \text{ ascending}.
"""

import torch
from torch import Tensor

from nrae_geometric.neighbors.chunks import chunk_rows

# Candidates ranked at once, which bounds the memory at any number of points.
_BLOCK_PAIRS = 1 << 20


def squared_distance(x: Tensor, y: Tensor, row: Tensor, col: Tensor) -> Tensor:
    r"""Squared Euclidean distance of the pairs `(x[row], y[col])` by direct float64 differences.

    Args:
        x (Tensor): Points :math:`[M, D]`.
        y (Tensor): Points :math:`[N, D]`.
        row (Tensor): Rows of `x` :math:`[P]`.
        col (Tensor): Rows of `y` :math:`[P]`.

    Returns:
        Tensor: float64 :math:`[P]`; zero exactly where the two points coincide.
    """
    num_pairs, num_features = row.numel(), x.size(1)
    out = torch.empty(num_pairs, dtype=torch.float64, device=x.device)
    step = min(num_pairs, chunk_rows(num_features, x.device))
    left, right = x.new_empty(step, num_features), y.new_empty(step, num_features)
    difference = out.new_empty(step, num_features)
    for start in range(0, num_pairs, max(1, step)):
        part = slice(start, start + step)
        size = min(step, num_pairs - start)
        torch.index_select(x, 0, row[part], out=left[:size])
        torch.index_select(y, 0, col[part], out=right[:size])
        torch.sum(
            difference[:size].copy_(left[:size]).sub_(right[:size]).square_(),
            dim=1,
            out=out[part],
        )
    return out


def sort_pairs(row: Tensor, squared: Tensor, col: Tensor) -> Tensor:
    r"""Permutation that orders pairs by row, then squared distance, then column."""
    order = col.argsort()
    order = order[squared[order].argsort(stable=True)]
    return order[row[order].argsort(stable=True)]


def smallest(squared: Tensor, index: Tensor, k: int) -> tuple[Tensor, Tensor]:
    r"""The `k` entries of each row :math:`[M, C]` that come first by squared distance, then index.

    Returns:
        tuple[Tensor, Tensor]: Squared distance and index, each :math:`[M, k]`.
    """
    index, order = index.sort(dim=1)
    squared, order = squared.gather(1, order).sort(dim=1, stable=True)
    return squared[:, :k], index.gather(1, order[:, :k])


def rank(x: Tensor, query: Tensor | None, candidates: Tensor, k: int) -> tuple[Tensor, Tensor]:
    r"""The `k` nearest of each query point's candidates.

    Args:
        x (Tensor): Points :math:`[N, D]`.
        query (Tensor, optional): Query points :math:`[M, D]`; without them the points of `x` ask,
            and a candidate that is the asking point itself is left out.
        candidates (Tensor): Distinct rows of `x` :math:`[M, C]` with at least `k` that count.
        k (int): Number of neighbors.

    Returns:
        tuple[Tensor, Tensor]: Distance, in the type of `x`, and index, each :math:`[M, k]`.
    """
    center = x if query is None else query
    num_query, width = candidates.shape
    distance = torch.empty(num_query, k, dtype=x.dtype, device=x.device)
    index = torch.empty(num_query, k, dtype=torch.long, device=x.device)
    step = max(1, _BLOCK_PAIRS // width)
    for start in range(0, num_query, step):
        block = candidates[start : start + step]
        row = torch.arange(start, start + block.size(0), device=x.device)
        squared = squared_distance(
            center, x, row.repeat_interleave(width), block.reshape(-1)
        ).view_as(block)
        if query is None:
            squared.masked_fill_(block == row.unsqueeze(1), torch.inf)
        part = slice(start, start + step)
        squared, index[part] = smallest(squared, block, k)
        distance[part] = squared.sqrt_().to(x.dtype)
    return distance, index


def drop_self(distance: Tensor, index: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    r"""Takes each point out of its own neighbors, or the last one where duplicates crowd it out.

    Args:
        distance (Tensor): Distance :math:`[M, k + 1]`, nearest first.
        index (Tensor): Index :math:`[M, k + 1]`.
        own (Tensor): The point that each row belongs to :math:`[M]`.

    Returns:
        tuple[Tensor, Tensor]: Distance and index, each :math:`[M, k]`.
    """
    keep = index != own.unsqueeze(1)
    keep[:, -1] &= ~keep.all(dim=1)
    shape = (index.size(0), index.size(1) - 1)
    return distance[keep].view(shape), index[keep].view(shape)
