r"""Helpers of backends that miss neighbors or search in float32."""

import torch
from torch import Tensor

from nrae_geometric.arguments import number
from nrae_geometric.neighbors.backends.torch import TorchBackend
from nrae_geometric.neighbors.blocked.rounding import mean_point, power_of_two_scale
from nrae_geometric.neighbors.ranking import block_rows, drop_self, pair_distance, rank, row_blocks
from nrae_geometric.neighbors.rows import PointRows

_SAMPLE = 1000
# The largest coordinate, in units of those of a sample.
_FARTHEST = 1e15


def check_recall(recall: float) -> float:
    r"""Returns a recall that can be asked for.

    Raises:
        TypeError: If it is not a number.
        ValueError: If it is not above 0 and at most 1.
    """
    if not 0 < (recall := number("recall", recall)) <= 1:
        raise ValueError(f"recall must be above 0 and at most 1, got {recall}")
    return recall


def roundoff(x: Tensor, query: Tensor) -> Tensor:
    r"""Bounds the float32 error of the squared distances between two sets of points."""
    norm = query.double().square().sum(dim=1) + x.square().sum(dim=1).max()
    return 8 * (x.size(1) + 8) * 2.0**-24 * norm


class Unit:
    r"""The center of points, and the power of two, in which float32 loses least of them.

    Args:
        points (torch.Tensor): Points :math:`[N, D]`, or a sample of them.
        others (torch.Tensor, optional): More points, for the power of two alone.
            (default: :obj:`None`)
    """

    def __init__(self, points: Tensor, others: Tensor | None = None) -> None:
        self.center = mean_point(points)
        sets = [points] if others is None else [points, others]
        self.scale = power_of_two_scale(sets, self.center)

    def float32(self, points: Tensor) -> Tensor:
        """Returns points in this unit, in float32."""
        result = torch.empty(points.shape)
        for rows in row_blocks(len(points), block_rows(points.size(1), points.device)):
            values = (points[rows].double() - self.center).mul_(self.scale)
            # What lies far beyond the sample stays far; its squares are not infinite.
            result[rows] = values.clamp_(-_FARTHEST, _FARTHEST)
        return result

    def restored(self, points: Tensor) -> Tensor:
        """Returns points in this unit as they are, in float64."""
        return points.double() / self.scale + self.center


class RecallSample:
    r"""A sample of 1000 to 2000 query points to measure the recall of a search on.

    The recall is the share of the true neighbors that were found. Of points that are equally far,
    one is as good as another.

    Args:
        x (torch.Tensor): Points :math:`[N, D]`.
        k (int): Number of neighbors.
        query (torch.Tensor, optional): Query points :math:`[M, D]`. Without them those of
            :obj:`x`, and that a point finds itself does not count.
    """

    def __init__(self, x: Tensor, k: int, query: Tensor | None) -> None:
        queries = x if query is None else query
        self.rows = torch.arange(0, len(queries), max(1, len(queries) // _SAMPLE))
        self._x, self._k = x, k
        self._queries = queries[self.rows]
        self._itself = self.rows.unsqueeze(1) if query is None else None
        width = min(k + (query is None), len(x))
        near, nearest = TorchBackend().search(x, width, self._queries)
        if query is None:
            near, nearest = drop_self(near, nearest, self.rows)
        self._farthest = near[:, -1:]

    def recall(self, found: Tensor) -> float:
        r"""Returns the recall of a search.

        Args:
            found (torch.Tensor): Its result for the :obj:`rows` :math:`[R, C]`; :obj:`-1` where
                nothing was found.
        """
        row = torch.arange(len(found)).repeat_interleave(found.size(1))
        distance = pair_distance(self._queries, self._x, row, found.clamp(min=0).reshape(-1))
        # As distances are given: in the type of the points.
        is_near = distance.view_as(found).to(self._x.dtype) <= self._farthest
        hits = is_near & (found >= 0)
        if self._itself is not None:
            hits &= found != self._itself
        return float(hits.sum(dim=1).clamp(max=self._k).double().mean() / self._k)


class StreamedSample:
    r"""A sample of the rows of a search among points that are read in blocks, for its recall.

    Args:
        x (PointRows): Points :math:`[N, D]`.
        k (int): Number of neighbors.
        rows (range): The points that are sought for.

    Attributes:
        rows (torch.Tensor): Those of the sample :math:`[R]`, 1000 to 2000 where there are as many.
    """

    def __init__(self, x: PointRows, k: int, rows: range) -> None:
        self.rows = torch.arange(rows.start, rows.stop, max(1, len(rows) // _SAMPLE))
        query = x.read(self.rows.numpy())
        near, _ = TorchBackend().nearest(x, k, self.rows, query, "measuring")
        self._farthest = near[:, -1:]

    def recall(self, distance: Tensor) -> float:
        r"""Returns the recall of a search.

        Args:
            distance (torch.Tensor): The distances that were found for the :attr:`rows`, as the
                ranking of this package gives them :math:`[R, k]`.
        """
        return float((distance <= self._farthest).double().mean())


def complete_rows(x: PointRows, k: int, rows: range, distance: Tensor, neighbor: Tensor) -> None:
    r"""Searches those rows exactly that lack neighbors, as an approximate search found too few.

    Args:
        x (PointRows): Points :math:`[N, D]`.
        k (int): Number of neighbors.
        rows (range): The points that were sought for.
        distance (torch.Tensor): Where their distances are written :math:`[M, k]`.
        neighbor (torch.Tensor): Where their neighbors are written :math:`[M, k]`; :obj:`-1` where
            there is none yet.
    """
    lost = (neighbor < 0).any(dim=1).nonzero().view(-1)
    for part in lost.split(x.block_rows) if len(lost) else ():
        number = part + rows.start
        distance[part], exact = TorchBackend().nearest(x, k, number, x.read(number.numpy()))
        neighbor[part] = exact.to(neighbor.dtype)


def rank_candidates(
    x: Tensor,
    k: int,
    query: Tensor | None,
    rows: Tensor,
    found: Tensor,
    beyond: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Ranks the candidates of some query points, and searches undecided ones again exactly.

    Args:
        x (torch.Tensor): Points :math:`[N, D]`.
        k (int): Number of neighbors.
        query (torch.Tensor, optional): Query points :math:`[M, D]`; without them those of
            :obj:`x`.
        rows (torch.Tensor): The query points :math:`[R]`.
        found (torch.Tensor): Distinct candidates of each :math:`[R, C]`, at least :obj:`k`, and
            one more without a query; :obj:`-1` where there are not so many.
        beyond (torch.Tensor, optional): How far all else is at least :math:`[R]`, float64. Rows
            that have no :obj:`k` candidates nearer than that are searched again exactly.
            (default: :obj:`None`)

    Returns:
        tuple[torch.Tensor, torch.Tensor]: Distance and index, each :math:`[R, k]`.
    """
    queries = (x if query is None else query)[rows]
    distance, index = rank(x, queries, found.clamp(min=0), k + (query is None))
    undecided = (found < 0).any(dim=1)
    if beyond is not None:
        undecided |= distance[:, -1].double() >= beyond
    if undecided.any():
        exact = TorchBackend().search(x, distance.size(1), queries[undecided])
        distance[undecided], index[undecided] = exact
    return drop_self(distance, index, rows) if query is None else (distance, index)
