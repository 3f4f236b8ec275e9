r"""What engines share that do not find every neighbor, or not in full precision."""

from collections.abc import Callable

import torch
from torch import Tensor

from nrae_geometric.neighbors.backends.torch import TorchBackend
from nrae_geometric.neighbors.ranking import drop_self, rank, squared_distance

_SAMPLE = 1000


def check_recall(recall: float) -> float:
    r"""Returns a recall that can be asked for.

    Raises:
        ValueError: If it is not above 0 and at most 1.
    """
    if not 0 < recall <= 1:
        raise ValueError(f"recall must be above 0 and at most 1, got {recall}")
    return recall


def float32_points(x: Tensor, query: Tensor | None) -> tuple[Tensor, Tensor | None, float]:
    r"""Points and query, centered and shrunk so that they lose least in float32, and the factor."""
    center = x.mean(dim=0)
    scale = float(1 / (x - center).abs().max().clamp(min=torch.finfo(x.dtype).tiny))
    asking = None if query is None else ((query - center) * scale).float()
    return ((x - center) * scale).float(), asking, scale


class RecallSample:
    r"""Measures what share of the true neighbors a search has found, on 1000 to 2000 points.

    Of points that are equally far, one is as good as another.

    Args:
        x (Tensor): Points :math:`[N, D]`.
        k (int): Number of neighbors.
        query (Tensor, optional): Query points :math:`[M, D]`. Without them the points ask, and
            that a point finds itself is no merit.
    """

    def __init__(self, x: Tensor, k: int, query: Tensor | None) -> None:
        asking = x if query is None else query
        self.rows = torch.arange(0, len(asking), max(1, len(asking) // _SAMPLE))
        self._x, self._k = x, k
        self._query = None if query is None else query[self.rows]
        self._own = None if query is not None else self.rows.unsqueeze(1)
        width = min(k + (query is None), len(x))
        near, nearest = TorchBackend().search(x, width, asking[self.rows])
        if query is None:
            near, nearest = drop_self(near, nearest, self.rows)
        self._farthest = near[:, -1:]

    def recall(self, found: Tensor) -> float:
        r"""The recall of what a search found for the :attr:`rows`, :math:`[R, C]`."""
        asking = self._x[self.rows] if self._query is None else self._query
        row = torch.arange(len(found)).repeat_interleave(found.size(1))
        squared = squared_distance(asking, self._x, row, found.clamp(min=0).reshape(-1))
        # As distances are given: in the type of the points.
        is_near = squared.view_as(found).sqrt().to(self._x.dtype) <= self._farthest
        hits = is_near & (found >= 0)
        if self._own is not None:
            hits &= found != self._own
        return float(hits.sum(dim=1).clamp(max=self._k).double().mean() / self._k)


def settle(
    x: Tensor,
    k: int,
    query: Tensor | None,
    rows: Tensor,
    found: Tensor,
    is_doubtful: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Ranks what a search has found for some rows, and searches doubtful ones again exactly.

    Args:
        x (Tensor): Points :math:`[N, D]`.
        k (int): Number of neighbors.
        query (Tensor, optional): Query points :math:`[M, D]`; without them the points ask.
        rows (Tensor): The rows that ask :math:`[R]`.
        found (Tensor): Distinct candidates of each :math:`[R, C]`, at least `k`, and one more
            where the points themselves ask; `-1` where there are not so many.
        is_doubtful (Callable, optional): Tells from the distances :math:`[R, k]` (or one more
            column), nearest first, which rows are to be searched again :math:`[R]`.

    Returns:
        tuple[Tensor, Tensor]: Distance and index, each :math:`[R, k]`.
    """
    asking = (x if query is None else query)[rows]
    distance, index = rank(x, asking, found.clamp(min=0), k + (query is None))
    doubtful = (found < 0).any(dim=1)
    if is_doubtful is not None:
        doubtful |= is_doubtful(distance)
    if doubtful.any():
        again = TorchBackend().search(x, distance.size(1), asking[doubtful])
        distance[doubtful], index[doubtful] = again
    return drop_self(distance, index, rows) if query is None else (distance, index)
