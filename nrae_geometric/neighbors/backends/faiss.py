r"""Search by faiss: exact, or approximate for very many points."""

import importlib.util
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.neighbors.backends.base import Backend, register_backend
from nrae_geometric.neighbors.backends.cells import Assign
from nrae_geometric.neighbors.backends.inverted_file import search_in_cells
from nrae_geometric.neighbors.backends.recall import (
    RecallSample,
    Unit,
    check_recall,
    rank_candidates,
    roundoff,
)
from nrae_geometric.neighbors.backends.shards import ShardIndex, search_in_shards
from nrae_geometric.neighbors.rows import PointRows

# Candidates beyond the neighbors: mostly enough to prove that nothing nearer was left out.
_SPARE = 8
_BLOCK_ROWS = 1 << 14
_HNSW_LINKS = 32
# Fewer than this and faiss warns that the cells are poorly trained.
_POINTS_PER_CELL = 39
# Points that k-means finds a cell from at most, and its rounds.
_SAMPLED_PER_CELL, _ROUNDS = 64, 10


@register_backend
class FaissBackend(Backend):
    r"""Neighbors from a faiss index on the CPU.

    The flat index is exact: where its float32 products cannot tell the neighbors apart, the
    points are searched again by :class:`TorchBackend`. The others miss some: how broadly they
    search is doubled until the recall on a sample of 1000 points reaches the one asked for. faiss
    holds its own float32 copy of the points.

    Points that are read in blocks, see :func:`~nrae_geometric.neighbors.streamed_knn`, are written
    to the disk in the order of the cells of :obj:`"ivf"`, and those of each cell are compared with
    those of the nearest cells, which takes time in proportion to the number of points. Those of
    :obj:`"hnsw"` are indexed in shards, one after the other, each of which is searched for all
    rows. What is found is ranked by exact distances, and the recall is measured among all points.

    Args:
        index (str, optional): :obj:`"flat"` (exact), :obj:`"hnsw"` (navigable small-world graph,
            Malkov and Yashunin 2018) or :obj:`"ivf"` (inverted file). (default: :obj:`"flat"`)
        recall (float, optional): Share of the true neighbors that an approximate index has to
            find. (default: :obj:`0.95`)
        shard_bytes (int, optional): The size of the points of one shard, or of the cells that are
            in memory at once; about three times of it are needed. (default: 512 MiB)
    """

    name = "faiss"

    def __init__(
        self,
        index: Literal["flat", "hnsw", "ivf"] = "flat",
        recall: float = 0.95,
        shard_bytes: int = 1 << 29,
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
        unit = Unit(x, query)
        target = unit.float32(x)
        queries = target if query is None else unit.float32(query)
        index: Any = faiss.IndexFlatL2(target.size(1))
        self.measured_recall = 1.0
        if self.index == "flat":
            index.add(target.numpy())
        else:
            filled = _FaissShard(self.index, target.size(1), len(x))
            filled.train(target)
            filled.fill([target])
            sample, index = RecallSample(x, k, None), filled.index
            self.measured_recall = filled.reach_recall(
                self.recall, sample, target[sample.rows], min(k + 1, len(x))
            )

        width = min(k + 1 + _SPARE, len(x)) if self.index == "flat" else k + (query is None)
        distance = torch.empty(len(queries), k, dtype=x.dtype)
        neighbor = torch.empty(len(queries), k, dtype=torch.long)
        for rows in torch.arange(len(queries)).split(_BLOCK_ROWS):
            squared, found = map(torch.from_numpy, index.search(queries[rows].numpy(), width))
            beyond = None
            if self.index == "flat" and width < len(x):
                least = squared[:, -1] - roundoff(target, queries[rows])
                beyond = least.clamp(min=0).sqrt() / unit.scale
            distance[rows], neighbor[rows] = rank_candidates(x, k, query, rows, found, beyond)
        return distance, neighbor

    def search_rows(
        self, x: PointRows, k: int, rows: range, distance: Tensor, index: Tensor
    ) -> None:
        r"""Searches cell by cell or shard by shard, and measures what is found.

        Raises:
            OSError: If there is too little space for a copy of the points.
            ValueError: If the index is flat, which is exact for points in memory alone.
        """
        if self.index == "flat":
            raise ValueError(
                "the flat index of faiss needs all points in memory; use FaissBackend('ivf') or "
                "FaissBackend('hnsw'), which are approximate, or backend='torch', which is exact"
            )
        import faiss

        faiss.omp_set_num_threads(torch.get_num_threads())
        if self.index == "ivf":
            self.measured_recall = search_in_cells(
                x,
                k,
                rows,
                distance,
                index,
                cluster=_cluster,
                recall=self.recall,
                most_bytes=self.shard_bytes,
            )
            return
        size = min(len(x), max(k + 2, self.shard_bytes // (4 * x.shape[1])))
        self.measured_recall = search_in_shards(
            _FaissShard("hnsw", x.read(slice(0, 1)).size(1), size),
            x,
            k,
            rows,
            distance,
            index,
            recall=self.recall,
            shard_size=size,
        )

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(index={self.index!r}, recall={self.recall})"


class _FaissShard(ShardIndex):
    def __init__(self, kind: str, dim: int, num_points: int) -> None:
        import faiss

        self.is_hnsw = kind == "hnsw"
        self.index: Any = (
            faiss.IndexHNSWFlat(dim, _HNSW_LINKS)
            if self.is_hnsw
            else faiss.IndexIVFFlat(faiss.IndexFlatL2(dim), dim, _num_cells(num_points))
        )
        self.most = num_points if self.is_hnsw else _num_cells(num_points)
        self.breadth = 1

    def train(self, sample: Tensor) -> None:
        """Finds the cells of an inverted file."""
        if not self.is_hnsw:
            self.index.train(sample.numpy())

    def fill(self, points: Iterable[Tensor]) -> None:
        self.index.reset()
        for part in points:
            self.index.add(part.numpy())

    def search(self, query: Tensor, width: int) -> Tensor:
        if self.is_hnsw:
            self.index.hnsw.efSearch = self.breadth
        else:
            self.index.nprobe = self.breadth
        return torch.from_numpy(self.index.search(query.numpy(), width)[1])

    def __repr__(self) -> str:
        kind, name = ("hnsw", "efSearch") if self.is_hnsw else ("ivf", "nprobe")
        return f"faiss {kind} at {name}={self.breadth}"


def _cluster(points: Tensor, count: int) -> tuple[Assign, Tensor]:
    """Centers by k-means."""
    import faiss

    kmeans = faiss.Kmeans(
        points.size(1),
        count,
        niter=_ROUNDS,
        min_points_per_centroid=1,
        max_points_per_centroid=_SAMPLED_PER_CELL,
    )
    kmeans.train(points.numpy())

    def assign(points: Tensor) -> Tensor:
        return torch.from_numpy(kmeans.index.search(points.numpy(), 1)[1][:, 0])

    return assign, torch.from_numpy(kmeans.centroids)


def _num_cells(num_points: int) -> int:
    return max(1, min(int(4 * num_points**0.5), num_points // _POINTS_PER_CELL))
