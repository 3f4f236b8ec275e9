r"""Search by faiss: exact, or approximate for very many points."""

import importlib.util
import itertools
import logging
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.neighbors.backends.base import Backend, register_backend
from nrae_geometric.neighbors.backends.recall import (
    RecallSample,
    check_recall,
    float32_points,
    rank_candidates,
    streamed_recall,
)
from nrae_geometric.neighbors.backends.torch import TorchBackend
from nrae_geometric.neighbors.blocked.rounding import mean_point, power_of_two_scale
from nrae_geometric.neighbors.ranking import pair_distance, smallest
from nrae_geometric.neighbors.rows import PointRows

logger = logging.getLogger(__name__)

# Candidates beyond the neighbors: mostly enough to prove that nothing nearer was left out.
_SPARE = 8
_BLOCK_ROWS = 1 << 14
_HNSW_LINKS = 32
# Fewer than this and faiss warns that the cells are poorly trained.
_POINTS_PER_CELL = 39
# Points that the cells of shards are trained on, and the largest coordinate in units of theirs.
_SAMPLED_PER_CELL, _FEWEST_SAMPLED, _FARTHEST = 64, 10_000, 1e15
# Points that the breadth is chosen by.
_QUERIES = 1000


@register_backend
class FaissBackend(Backend):
    r"""Neighbors from a faiss index on the CPU.

    The flat index is exact: where its float32 products cannot tell the neighbors apart, the
    points are searched again by :class:`TorchBackend`. The others miss some: how broadly they
    search is doubled until the recall on a sample of 1000 points reaches the one asked for. faiss
    holds its own float32 copy of the points.

    Points that are read in blocks, see :func:`~nrae_geometric.neighbors.streamed_knn`, are indexed
    in shards, one after the other: the cells of :obj:`"ivf"` come from a random sample of all
    points, each shard is searched for all rows, and what is found is ranked by exact distances. The
    memory is that of one shard, twice. The breadth is that which the first shard needs, and the
    recall is measured in the end among all points.

    Args:
        index (str, optional): :obj:`"flat"` (exact), :obj:`"hnsw"` (navigable small-world graph,
            Malkov and Yashunin 2018) or :obj:`"ivf"` (inverted file). (default: :obj:`"flat"`)
        recall (float, optional): Share of the true neighbors that an approximate index has to
            find. (default: :obj:`0.95`)
        shard_bytes (int, optional): The size in float32 of the points of one shard.
            (default: 1 GiB)
    """

    name = "faiss"

    def __init__(
        self,
        index: Literal["flat", "hnsw", "ivf"] = "flat",
        recall: float = 0.95,
        shard_bytes: int = 1 << 30,
    ) -> None:
        if index not in ("flat", "hnsw", "ivf"):
            raise ValueError(f"index must be 'flat', 'hnsw' or 'ivf', got {index!r}")
        self.index = index
        self.recall = check_recall(recall)
        self.shard_bytes = integer("shard_bytes", shard_bytes, 1)
        self.measured_recall: float | None = None
        r"""Recall of the last search on the sample; 1 for the flat index."""

    @classmethod
    def unavailable(cls) -> str | None:
        r"""Returns the command that installs faiss where it is missing."""
        if importlib.util.find_spec("faiss") is None:
            return "faiss is not installed; run `pip install nrae-geometric[faiss]`"
        return None

    def search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        r"""Builds the index, searches it and ranks what it finds."""
        self._require_cpu(x)
        import faiss

        faiss.omp_set_num_threads(torch.get_num_threads())
        target, queries, scale = float32_points(x, query)
        queries = target if queries is None else queries
        index = self._empty_index(target.size(1), len(x))
        if self.index == "flat":
            self.measured_recall = 1.0
        elif self.index == "ivf":
            index.train(target.numpy())
        index.add(target.numpy())
        if self.index != "flat":
            sample = RecallSample(x, k, None)
            self._reach_recall(index, sample, target[sample.rows], min(k + 1, len(x)))

        width = min(k + 1 + _SPARE, len(x)) if self.index == "flat" else k + (query is None)
        distance = torch.empty(len(queries), k, dtype=x.dtype)
        neighbor = torch.empty(len(queries), k, dtype=torch.long)
        for rows in torch.arange(len(queries)).split(_BLOCK_ROWS):
            squared, found = map(torch.from_numpy, index.search(queries[rows].numpy(), width))
            is_undecided = None
            if self.index == "flat" and width < len(x):
                farthest = squared[:, -1] - _roundoff(target, queries[rows])

                def is_undecided(near: Tensor, farthest: Tensor = farthest) -> Tensor:
                    return farthest < (near[:, -1].double() * scale).square()

            distance[rows], neighbor[rows] = rank_candidates(x, k, query, rows, found, is_undecided)
        return distance, neighbor

    def search_rows(
        self, x: PointRows, k: int, rows: range, distance: Tensor, index: Tensor
    ) -> None:
        r"""Indexes the points in shards, searches each, and merges and measures what is found.

        Raises:
            ValueError: If the index is flat, which is exact for points in memory alone.
        """
        if self.index == "flat":
            raise ValueError(
                "the flat index of faiss needs all points in memory; use FaissBackend('ivf') or "
                "FaissBackend('hnsw'), which are approximate, or backend='torch', which is exact"
            )
        import faiss

        faiss.omp_set_num_threads(torch.get_num_threads())
        size = min(len(x), max(k + 2, self.shard_bytes // (4 * x.shape[1])))
        drawn = np.random.default_rng(0).choice(len(x), self._sample_size(size), replace=False)
        sample = x.read(np.sort(drawn))
        unit = _Unit(sample)
        shard_index = self._empty_index(sample.size(1), size)
        if self.index == "ivf":
            shard_index.train(unit.float32(sample).numpy())
        # Those of other shards are not in the index, and harder to find neighbors for.
        queries = sample[:: max(1, len(sample) // _QUERIES)].clone()
        del sample
        distance.fill_(torch.inf)
        index.fill_(-1)
        # Of one size, as a small shard may have too few points.
        starts = [len(x) * i // -(-len(x) // size) for i in range(-(-len(x) // size) + 1)]
        for start, stop in itertools.pairwise(starts):
            parts = list(x.blocks(range(start, stop)))
            shard_index.reset()
            points = torch.cat([x.read(part) for part in parts])
            for part in points.split(x.block_rows):
                shard_index.add(unit.float32(part).numpy())
            width = min(k + 1, len(points))
            if start == 0:
                recall = RecallSample(points, width, queries)
                self._reach_recall(shard_index, recall, unit.float32(queries[recall.rows]), width)
            for part in x.blocks(rows):
                query = x.read(part)
                found = torch.from_numpy(shard_index.search(unit.float32(query).numpy(), width)[1])
                out = slice(part.start - rows.start, part.stop - rows.start)
                near = x.distance(_distances(points, query, found))
                found = torch.where(found >= 0, found + start, -1)
                near[(found < 0) | (found == torch.arange(part.start, part.stop)[:, None])] = (
                    torch.inf
                )
                distance[out], index[out] = smallest(
                    torch.cat([distance[out], near], dim=1),
                    torch.cat([index[out].long(), found], dim=1),
                    k,
                )
            logger.info("%s: points %d to %d of %d searched", self, start, stop, len(x))
        lost = (index < 0).any(dim=1).nonzero().view(-1)
        for part in lost.split(x.block_rows) if len(lost) else ():
            place = part + rows.start
            distance[part], nearest = TorchBackend().nearest(x, k, place, x.read(place.numpy()))
            index[part] = nearest.to(index.dtype)
        self.measured_recall = streamed_recall(x, k, rows, distance)
        level = logging.INFO if self.measured_recall >= self.recall else logging.WARNING
        logger.log(level, "%s found a share of %.4f of the neighbors", self, self.measured_recall)

    def _empty_index(self, dim: int, num_points: int) -> Any:
        import faiss

        if self.index == "flat":
            return faiss.IndexFlatL2(dim)
        if self.index == "hnsw":
            return faiss.IndexHNSWFlat(dim, _HNSW_LINKS)
        return faiss.IndexIVFFlat(faiss.IndexFlatL2(dim), dim, _num_cells(num_points))

    def _sample_size(self, num_points: int) -> int:
        return min(num_points, max(_FEWEST_SAMPLED, _SAMPLED_PER_CELL * _num_cells(num_points)))

    def _reach_recall(self, index: Any, sample: RecallSample, queries: Tensor, width: int) -> None:
        r"""Doubles the breadth of a search until the recall on a sample is what was asked for."""
        settings, name, most = (
            (index.hnsw, "efSearch", index.ntotal)
            if self.index == "hnsw"
            else (index, "nprobe", index.nlist)
        )
        breadth = 1
        while True:
            setattr(settings, name, breadth)
            found = torch.from_numpy(index.search(queries.numpy(), width)[1])
            self.measured_recall = sample.recall(found)
            if self.measured_recall >= self.recall or breadth == most:
                break
            breadth = min(2 * breadth, most)
        logger.info("%s: recall %.4f at %s=%d", self, self.measured_recall, name, breadth)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(index={self.index!r}, recall={self.recall})"


class _Unit:
    r"""The center and the power of two of a sample, in which float32 loses least."""

    def __init__(self, sample: Tensor) -> None:
        self.center = mean_point(sample)
        self.scale = power_of_two_scale([sample], self.center)

    def float32(self, points: Tensor) -> Tensor:
        # What lies far beyond the sample stays far; its squares are not infinite.
        return ((points.double() - self.center) * self.scale).clamp_(-_FARTHEST, _FARTHEST).float()


def _num_cells(num_points: int) -> int:
    return max(1, min(int(4 * num_points**0.5), num_points // _POINTS_PER_CELL))


def _distances(x: Tensor, query: Tensor, found: Tensor) -> Tensor:
    r"""Exact distances in float64 of query points and what was found for each :math:`[M, C]`."""
    row = torch.arange(len(found)).repeat_interleave(found.size(1))
    return pair_distance(query, x, row, found.clamp(min=0).view(-1)).view_as(found)


def _roundoff(x: Tensor, query: Tensor) -> Tensor:
    r"""Bounds the float32 error of the squared distances between two sets of points."""
    norm = query.double().square().sum(dim=1) + x.square().sum(dim=1).max()
    return 8 * (x.size(1) + 8) * 2.0**-24 * norm
