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
# Entries of the distance matrix that are formed at once.
_MATRIX_ENTRIES = 1 << 22
# Squares of smaller distances come so near the smallest float64 that they lose digits. In a unit
# that makes these distances large, the squares of even the smallest differences are in range.
LEAST_DISTANCE = 2.0**-480
_LIFT = 2.0**600


def block_rows(num_features: int, device: torch.device) -> int:
    r"""Returns how many rows of so many features are best worked on at once."""
    values = _CPU_VALUES if device.type == "cpu" else _ACCELERATOR_VALUES
    return max(1, values // num_features)


def row_blocks(num_rows: int, block_size: int) -> Iterator[slice]:
    r"""Yields slices of at most :obj:`block_size` rows that together are all rows."""
    for start in range(0, num_rows, block_size):
        yield slice(start, min(start + block_size, num_rows))


def pair_distance(x: Tensor, y: Tensor, row: Tensor, col: Tensor) -> Tensor:
    r"""Returns the Euclidean distance of the pairs :obj:`(x[row], y[col])`.

    Where squares overflow or vanish, differences are squared in another unit.

    Args:
        x (torch.Tensor): Points :math:`[M, D]`.
        y (torch.Tensor): Points :math:`[N, D]`.
        row (torch.Tensor): Rows of :obj:`x` :math:`[P]`.
        col (torch.Tensor): Rows of :obj:`y` :math:`[P]`.

    Returns:
        torch.Tensor: float64 :math:`[P]` by direct differences; zero exactly where the two points
        coincide, infinite where the distance has no float64.
    """
    distance = _root_of_squares(x, y, row, col)
    # Squared differences of float32 numbers are always in range.
    if x.dtype == torch.float64:
        for extreme, unit in ((distance < LEAST_DISTANCE, 1 / _LIFT), (distance.isinf(), _LIFT)):
            if extreme.any():
                pairs = extreme.nonzero().view(-1)
                distance[pairs] = _root_of_squares(x, y, row[pairs], col[pairs], unit) * unit
    return distance


def _root_of_squares(x: Tensor, y: Tensor, row: Tensor, col: Tensor, unit: float = 1.0) -> Tensor:
    r"""Distances :math:`[P]` in a unit that is a power of two."""
    num_pairs, num_features = row.numel(), x.size(1)
    out = torch.empty(num_pairs, dtype=torch.float64, device=x.device)
    step = block_rows(num_features, x.device)
    left = x.new_empty(min(step, num_pairs), num_features)
    right, difference = y.new_empty(left.shape), out.new_empty(left.shape)
    for part in row_blocks(num_pairs, step):
        size = part.stop - part.start
        torch.index_select(x, 0, row[part], out=left[:size])
        torch.index_select(y, 0, col[part], out=right[:size])
        if unit > 1:
            # The difference itself may overflow.
            left.div_(unit)
            right.div_(unit)
        difference[:size].copy_(left[:size]).sub_(right[:size])
        if unit < 1:
            difference.div_(unit)
        torch.sum(difference[:size].square_(), dim=1, out=out[part])
    return out.sqrt_()


def distance_matrix(x: Tensor, y: Tensor) -> Tensor:
    r"""Returns the distances :math:`[M, N]` of all pairs as :func:`pair_distance` does."""
    distance = torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist")
    if x.dtype == torch.float64:
        extreme = (distance < LEAST_DISTANCE) | distance.isinf()
        for row, col in zip(
            *(i.split(_BLOCK_PAIRS) for i in extreme.nonzero(as_tuple=True)), strict=True
        ):
            distance[row, col] = pair_distance(x, y, row, col)
    return distance


def sort_pairs(row: Tensor, distance: Tensor, col: Tensor) -> Tensor:
    r"""Returns the permutation that orders pairs by row, distance and column."""
    order = col.argsort()
    order = order[distance[order].argsort(stable=True)]
    return order[row[order].argsort(stable=True)]


def smallest(distance: Tensor, index: Tensor, k: int) -> tuple[Tensor, Tensor]:
    r"""Returns the :obj:`k` first entries of each row by distance, then index.

    Args:
        distance (torch.Tensor): Distances :math:`[M, C]`.
        index (torch.Tensor): Their points :math:`[M, C]`.
        k (int): Number of entries to return.

    Returns:
        tuple[torch.Tensor, torch.Tensor]: Distance and index, each :math:`[M, k]`.
    """
    index, order = index.sort(dim=1)
    distance, order = distance.gather(1, order).sort(dim=1, stable=True)
    return distance[:, :k], index.gather(1, order[:, :k])


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
        found = pair_distance(center, x, row.repeat_interleave(width), block.reshape(-1))
        found = found.view_as(block)
        if query is None:
            found.masked_fill_(block == row.unsqueeze(1), torch.inf)
        found, index[part] = smallest(found, block, k)
        distance[part] = found.to(x.dtype)
    return distance, index


def compare_all(
    x: Tensor, k: int, query: Tensor | None, rows: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    r"""Returns the :obj:`k` nearest points by the distances to all of them.

    Args:
        x (torch.Tensor): Points :math:`[N, D]`, of any magnitude.
        k (int): Number of neighbors.
        query (torch.Tensor, optional): Query points :math:`[M, D]`; without them those of
            :obj:`x`, each leaving itself out.
        rows (torch.Tensor, optional): The query points to search for :math:`[R]`.
            (default: all of them)

    Returns:
        tuple[torch.Tensor, torch.Tensor]: Distance, in the type of :obj:`x`, and index, each
        :math:`[R, k]`, ties to the lower index.
    """
    queries = x if query is None else query
    if rows is None:
        rows = torch.arange(len(queries), device=x.device)
    distance = torch.empty(len(rows), k, dtype=x.dtype, device=x.device)
    index = torch.empty(len(rows), k, dtype=torch.long, device=x.device)
    for part in row_blocks(len(rows), max(1, _MATRIX_ENTRIES // len(x))):
        center = queries[rows[part]]
        matrix = distance_matrix(center, x)
        if query is None:
            matrix.scatter_(1, rows[part].unsqueeze(1), torch.inf)
        near, columns = _nearest_pairs(center, x, matrix, k)
        distance[part], index[part] = near.to(x.dtype), columns
    return distance, index


def _nearest_pairs(center: Tensor, x: Tensor, matrix: Tensor, k: int) -> tuple[Tensor, Tensor]:
    r"""The :obj:`k` nearest columns by :func:`pair_distance`, of rounded distances :math:`[M, N]`.

    The matrix may round equal distances differently: what is as near as that is ranked too.
    """
    nearest = matrix.sort(dim=1, stable=True)
    bound = nearest.values[:, k - 1 : k] * (1 + (x.size(1) + 8) * 2.0**-52)
    within = (nearest.values <= bound) & bound.isfinite()
    width = max(k, int(within.sum(dim=1).max()))
    columns = nearest.indices[:, :width]
    row = torch.arange(len(center), device=x.device).repeat_interleave(width)
    found = pair_distance(center, x, row, columns.reshape(-1)).view_as(columns)
    # The query point itself is infinitely far in the matrix.
    found.masked_fill_(nearest.values[:, :width].isinf(), torch.inf)
    return smallest(found, columns, k)


def correct_near_rows(
    x: Tensor, query: Tensor | None, distance: Tensor, index: Tensor, least: float
) -> None:
    r"""Corrects, in place, a search that sums squares of distances too near for that.

    Points nearer than :obj:`least` come first in such a search, in no particular order: where the
    last neighbor is not one of them, only their order is in doubt, else the neighbors too.

    Args:
        x (torch.Tensor): Points :math:`[N, D]`.
        query (torch.Tensor, optional): Query points :math:`[M, D]`, as in :func:`rank`.
        distance (torch.Tensor): The distances found :math:`[M, k]`.
        index (torch.Tensor): Their points :math:`[M, k]`, none the query point itself.
        least (float): Least distance that was found right.
    """
    # In units of float32, no distance is as near as that.
    if x.dtype == torch.float32:
        return
    rows = (distance < least).any(dim=1).nonzero().view(-1)
    if rows.numel() == 0:
        return
    k, queries = index.size(1), x if query is None else query
    near = distance[rows] < least
    row, place = near.nonzero(as_tuple=True)
    row = rows[row]
    distance[row, place] = pair_distance(queries, x, row, index[row, place])
    # The others keep their order, even where their distances overflow.
    place = torch.arange(k, device=x.device)
    _, order = smallest(distance[rows], torch.where(near, index[rows], len(x) + place), k)
    far = order >= len(x)
    index[rows] = torch.where(far, index[rows].gather(1, (order - len(x)).clamp(min=0)), order)
    distance[rows] = distance[rows].sort(dim=1).values
    last = distance[rows, -1]
    doubtful = rows[(last < least) & (last > 0)]
    if doubtful.numel() > 0:
        distance[doubtful], index[doubtful] = compare_all(x, k, query, doubtful)


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
