r"""A few points very far from all others, which would ruin the scale of the filter.

The rounding bounds of the filter are relative to the farthest point. With one a thousand times as
far as the rest, they swallow the distances of the rest, and every tile is left to the slowest
filter. So the others are searched by themselves, and a proof decides for each query point whether
an outlier could be among its neighbors: with :math:`r` the largest coordinate about a center,

.. math::
    \| q - f \| \ge r_f - r_q .
"""

import torch
from torch import Tensor

from nrae_geometric.neighbors.ranking import block_rows, compare_all, row_blocks

# Times as far as the median point.
_FAR = 2.0**10
_SAMPLE = 64
# Share of the points, and of the query points, that may be far.
_MAX_SHARE = 1 / 16


class Outliers:
    r"""Outliers among points, and what is left without them.

    Args:
        x (torch.Tensor): Points :math:`[N, D]`.
        k (int): Number of neighbors.
        query (torch.Tensor, optional): Query points :math:`[M, D]`; without them those of
            :obj:`x`.
        radius (torch.Tensor): Largest coordinate of each point about a center :math:`[N]`.
        query_radius (torch.Tensor): The same of each query point :math:`[M]`.
        limit (float): Radius from which a point is an outlier.
    """

    def __init__(
        self,
        x: Tensor,
        k: int,
        query: Tensor | None,
        radius: Tensor,
        query_radius: Tensor,
        limit: float,
    ) -> None:
        self.x, self.k, self.query = x, k, query
        self._near = (radius <= limit).nonzero().view(-1)
        self._near_query = (query_radius <= limit).nonzero().view(-1)
        self._query_radius = query_radius
        far = radius[radius > limit]
        self._least_radius = float(far.min()) if far.numel() > 0 else torch.inf

    @classmethod
    def find(cls, x: Tensor, k: int, query: Tensor | None) -> "Outliers | None":
        r"""Returns the outliers, or :obj:`None` if there are none, or too many to be so called."""
        sample = x[:: max(1, x.size(0) // _SAMPLE)].double()
        center = sample.median(dim=0).values
        limit = _FAR * float((sample - center).abs_().amax(dim=1).median())
        sets = [x] if query is None else [x, query]
        extremes = torch.stack([e for s in sets for e in (s.amin(dim=0), s.amax(dim=0))])
        if limit == 0 or (extremes.double() - center).abs_().max() <= limit:
            return None
        radius = _radius(x, center)
        query_radius = radius if query is None else _radius(query, center)
        num_near = int((radius <= limit).sum())
        num_near_query = int((query_radius <= limit).sum())
        most_far = _MAX_SHARE * len(query_radius)
        if (
            num_near <= k
            or len(x) - num_near > _MAX_SHARE * len(x)
            or len(query_radius) - num_near_query > most_far
        ):
            return None
        return cls(x, k, query, radius, query_radius, limit)

    def others(self) -> tuple[Tensor, int, Tensor | None]:
        r"""Returns the points without outliers, :obj:`k`, and the query points without them."""
        query = None if self.query is None else self.query[self._near_query]
        return self.x[self._near], self.k, query

    def complete(self, distance: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        r"""Adds the query points that are outliers, or may have one for a neighbor.

        Args:
            distance (torch.Tensor): Distances in a search among the others :math:`[M', k]`.
            index (torch.Tensor): Their indices :math:`[M', k]`.

        Returns:
            tuple[torch.Tensor, torch.Tensor]: Distance and index among all points, each
            :math:`[M, k]`.
        """
        num_queries = self._query_radius.size(0)
        all_distance = distance.new_empty(num_queries, self.k)
        all_index = index.new_empty(num_queries, self.k)
        all_distance[self._near_query] = distance
        all_index[self._near_query] = self._near[index]
        # Margins for the rounding of all three.
        reach = self._least_radius * (1 - 1e-6) - self._query_radius[self._near_query]
        undecided = torch.ones(num_queries, dtype=torch.bool, device=index.device)
        undecided[self._near_query] = ~(distance[:, -1].double() * (1 + 1e-6) < reach)
        rows = undecided.nonzero().view(-1)
        if rows.numel() > 0:
            all_distance[rows], all_index[rows] = compare_all(self.x, self.k, self.query, rows)
        return all_distance, all_index


def _radius(x: Tensor, center: Tensor) -> Tensor:
    r"""Largest magnitude of each point's coordinates about the center :math:`[N]`, in float64."""
    radius = center.new_empty(x.size(0))
    for rows in row_blocks(x.size(0), block_rows(x.size(1), x.device)):
        radius[rows] = (x[rows].double() - center).abs_().amax(dim=1)
    return radius
