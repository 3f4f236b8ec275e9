r"""Approximate search among points that are read in blocks, by an index of one shard at a time."""

import itertools
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from nrae_geometric.neighbors.backends.recall import (
    RecallSample,
    StreamedSample,
    Unit,
    complete_rows,
)
from nrae_geometric.neighbors.ranking import pair_distance, smallest
from nrae_geometric.neighbors.rows import PointRows

logger = logging.getLogger(__name__)

# Points that the unit is chosen by, and the breadth.
_SAMPLED, _QUERIES = 10_000, 1000


class ShardIndex(ABC):
    r"""An approximate index that is filled with one shard of the points after the other.

    Attributes:
        breadth (int): How broadly it searches.
        most (int): The largest breadth.
    """

    breadth: int
    most: int

    @abstractmethod
    def fill(self, points: Iterable[Tensor]) -> None:
        r"""Takes the points of a shard, in blocks :math:`[B, D]` in float32, for those it has."""

    @abstractmethod
    def search(self, query: Tensor, width: int) -> Tensor:
        r"""Returns neighbors in the shard :math:`[M, W]`, int64; :obj:`-1` where there are none.

        Args:
            query (torch.Tensor): Query points :math:`[M, D]`, float32.
            width (int): Number of neighbors :math:`W`.
        """

    def reach_recall(self, recall: float, sample: RecallSample, query: Tensor, width: int) -> float:
        r"""Doubles the breadth until the recall on a sample is what is asked for, and returns it.

        Args:
            recall (float): The recall that is asked for.
            sample (RecallSample): The sample.
            query (torch.Tensor): Its points :math:`[R, D]`, as :meth:`search` takes them.
            width (int): Number of neighbors to search.
        """
        while True:
            measured = sample.recall(self.search(query, width))
            if measured >= recall or self.breadth >= self.most:
                logger.info("%s: recall %.4f", self, measured)
                return measured
            self.breadth = min(2 * self.breadth, self.most)


def search_in_shards(
    index: ShardIndex,
    x: PointRows,
    k: int,
    rows: range,
    distance: Tensor,
    neighbor: Tensor,
    *,
    recall: float,
    shard_size: int,
) -> float:
    r"""Searches shard by shard, ranks by exact distances, merges, and returns the recall.

    The breadth is what the first shard needs for points of all. Rows with too few neighbors, as
    the index has not found more, are searched exactly.

    Args:
        index (ShardIndex): The index, not yet filled.
        x (PointRows): Points :math:`[N, D]`.
        k (int): Number of neighbors.
        rows (range): The points that are sought for.
        distance (torch.Tensor): Where their distances are written :math:`[M, k]`.
        neighbor (torch.Tensor): Where their neighbors are written :math:`[M, k]`.
        recall (float): The recall that is asked for. A lower one is warned about.
        shard_size (int): The largest number of points in a shard.
    """
    size = min(len(x), _SAMPLED)
    sample = x.read(np.sort(np.random.default_rng(0).choice(len(x), size, replace=False)))
    unit = Unit(sample)
    # Those of other shards are not in the index, and harder to find neighbors for.
    queries = sample[:: max(1, size // _QUERIES)].clone()
    del sample
    distance.fill_(torch.inf)
    neighbor.fill_(-1)
    # Of one size, as a small shard might have too few points.
    num_shards = -(-len(x) // shard_size)
    starts = [len(x) * shard // num_shards for shard in range(num_shards + 1)]
    for start, stop in itertools.pairwise(starts):
        points = torch.cat([x.read(part) for part in x.blocks(range(start, stop))])
        index.fill(unit.float32(part) for part in points.split(x.block_rows))
        width = min(k + 1, len(points))
        if start == 0:
            first = RecallSample(points, width, queries)
            index.reach_recall(recall, first, unit.float32(queries[first.rows]), width)
        for part in x.blocks(rows):
            query = x.read(part)
            found = index.search(unit.float32(query), width)
            near = x.distance(_distances(points, query, found))
            found = torch.where(found >= 0, found + start, -1)
            found[found == torch.arange(part.start, part.stop).unsqueeze(1)] = -1
            near[found < 0] = torch.inf
            out = slice(part.start - rows.start, part.stop - rows.start)
            distance[out], neighbor[out] = smallest(
                torch.cat([distance[out], near], dim=1),
                torch.cat([neighbor[out].long(), found], dim=1),
                k,
            )
        logger.info("%s: points %d to %d of %d searched", index, start, stop, len(x))
    complete_rows(x, k, rows, distance, neighbor)
    of_all = StreamedSample(x, k, rows)
    measured = of_all.recall(distance[of_all.rows - rows.start])
    level = logging.INFO if measured >= recall else logging.WARNING
    logger.log(level, "%s found a share of %.4f of the neighbors", index, measured)
    return measured


def _distances(x: Tensor, query: Tensor, found: Tensor) -> Tensor:
    r"""Exact distances in float64 of query points and what was found for each :math:`[M, C]`."""
    row = torch.arange(len(found)).repeat_interleave(found.size(1))
    return pair_distance(query, x, row, found.clamp(min=0).view(-1)).view_as(found)
