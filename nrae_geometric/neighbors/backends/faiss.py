r"""Search by faiss: exact, or approximate for very many points."""

import importlib.util
import logging
from typing import Any, Literal

import torch
from torch import Tensor

from nrae_geometric.neighbors.backends.base import Backend, register_backend
from nrae_geometric.neighbors.backends.recall import (
    RecallSample,
    check_recall,
    float32_points,
    rank_candidates,
)

logger = logging.getLogger(__name__)

# Candidates beyond the neighbors: mostly enough to prove that nothing nearer was left out.
_SPARE = 8
_BLOCK_ROWS = 1 << 14
_HNSW_LINKS = 32
# Fewer than this and faiss warns that the cells are poorly trained.
_POINTS_PER_CELL = 39


@register_backend
class FaissBackend(Backend):
    r"""Neighbors from a faiss index on the CPU.

    The flat index is exact: where its float32 products cannot tell the neighbors apart, the
    points are searched again by :class:`TorchBackend`. The others miss some: how broadly they
    search is doubled until the recall on a sample of 1000 points reaches the one asked for. faiss
    holds its own float32 copy of the points.

    Args:
        index (str, optional): :obj:`"flat"` (exact), :obj:`"hnsw"` (navigable small-world graph,
            Malkov and Yashunin 2018) or :obj:`"ivf"` (inverted file). (default: :obj:`"flat"`)
        recall (float, optional): Share of the true neighbors that an approximate index has to
            find. (default: :obj:`0.95`)
    """

    name = "faiss"

    def __init__(
        self, index: Literal["flat", "hnsw", "ivf"] = "flat", recall: float = 0.95
    ) -> None:
        if index not in ("flat", "hnsw", "ivf"):
            raise ValueError(f"index must be 'flat', 'hnsw' or 'ivf', got {index!r}")
        self.index = index
        self.recall = check_recall(recall)
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
        if self.index == "flat":
            self.measured_recall = 1.0
            index: Any = faiss.IndexFlatL2(target.size(1))
        elif self.index == "hnsw":
            index = faiss.IndexHNSWFlat(target.size(1), _HNSW_LINKS)
        else:
            num_cells = max(1, min(int(4 * len(x) ** 0.5), len(x) // _POINTS_PER_CELL))
            index = faiss.IndexIVFFlat(faiss.IndexFlatL2(target.size(1)), target.size(1), num_cells)
            index.train(target.numpy())
        index.add(target.numpy())
        if self.index != "flat":
            self._reach_recall(index, x, target, k)

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

    def _reach_recall(self, index: Any, x: Tensor, target: Tensor, k: int) -> None:
        r"""Doubles the breadth of a search until the recall on a sample is what was asked for."""
        sample = RecallSample(x, k, None)
        width = min(k + 1, len(x))
        settings, name, most = (
            (index.hnsw, "efSearch", len(x))
            if self.index == "hnsw"
            else (index, "nprobe", index.nlist)
        )
        breadth = 1
        while True:
            setattr(settings, name, breadth)
            found = torch.from_numpy(index.search(target[sample.rows].numpy(), width)[1])
            self.measured_recall = sample.recall(found)
            if self.measured_recall >= self.recall or breadth == most:
                break
            breadth = min(2 * breadth, most)
        logger.info("%s: recall %.4f at %s=%d", self, self.measured_recall, name, breadth)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(index={self.index!r}, recall={self.recall})"


def _roundoff(x: Tensor, query: Tensor) -> Tensor:
    r"""Bounds the float32 error of the squared distances between two sets of points."""
    norm = query.double().square().sum(dim=1) + x.square().sum(dim=1).max()
    return 8 * (x.size(1) + 8) * 2.0**-24 * norm
