r"""Approximate search by cuVS's CAGRA on a GPU, for very many points."""

import importlib.util
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.neighbors.backends.base import Backend, register_backend
from nrae_geometric.neighbors.backends.recall import (
    RecallSample,
    Unit,
    check_recall,
    rank_candidates,
)
from nrae_geometric.neighbors.backends.shards import ShardIndex, search_in_shards
from nrae_geometric.neighbors.rows import PointRows

_BLOCK_ROWS = 1 << 16
_INSTALL = "https://docs.rapids.ai/install"
# Intermediate results of a search, and the most that one block of threads holds.
_BREADTH, _MOST = 64, 512


@register_backend
class CuvsBackend(Backend):
    r"""Neighbors from CAGRA, a graph that is built and searched on a GPU.

    Points go to the GPU in float32, those that are read in blocks shard by shard, as with
    :class:`~nrae_geometric.neighbors.FaissBackend`; what is found is ranked by exact distances on
    the CPU. The number of intermediate results is doubled, up to 512, until the recall on a sample
    reaches the one asked for.

    Source: Ootomo et al., `"CAGRA: Highly Parallel Graph Construction and Approximate Nearest
    Neighbor Search for GPUs" <https://arxiv.org/abs/2308.15136>`_, ICDE 2024; computed by RAPIDS
    cuVS.

    Args:
        recall (float, optional): Share of the true neighbors to find. (default: :obj:`0.95`)
        shard_bytes (int, optional): The size in float32 of the points of one shard.
            (default: 8 GiB)
        device (str or torch.device, optional): The GPU. (default: :obj:`"cuda"`)
    """

    name = "cuvs"

    def __init__(
        self,
        recall: float = 0.95,
        shard_bytes: int = 8 << 30,
        device: str | torch.device = "cuda",
    ) -> None:
        self.recall = check_recall(recall)
        self.shard_bytes = integer("shard_bytes", shard_bytes, 1)
        self.device = torch.device(device)
        self.measured_recall: float | None = None
        r"""Recall of the last search on the sample."""

    @classmethod
    def unavailable(cls) -> str | None:
        r"""Returns what is missing: cuVS, or a GPU that PyTorch can use."""
        if importlib.util.find_spec("cuvs") is None:
            return f"cuVS of RAPIDS is not installed; it needs an NVIDIA GPU, see {_INSTALL}"
        if not torch.cuda.is_available():
            return "cuVS is installed, but PyTorch finds no NVIDIA GPU"
        return None

    def search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        r"""Builds the graph, searches it and ranks what it finds."""
        _check_width(k + 1)
        if x.is_cuda:
            found = self.search(x.cpu(), k, None if query is None else query.cpu())
            return found[0].to(x.device), found[1].to(x.device)
        unit = Unit(x, query)
        target = unit.float32(x)
        queries = target if query is None else unit.float32(query)
        index = _Cagra(self.device)
        index.fill([target])
        sample = RecallSample(x, k, query)
        width = min(k + (query is None), len(x))
        self.measured_recall = index.reach_recall(self.recall, sample, queries[sample.rows], width)
        parts = [
            rank_candidates(x, k, query, rows, index.search(queries[rows], width))
            for rows in torch.arange(len(queries)).split(_BLOCK_ROWS)
        ]
        distance, neighbor = zip(*parts, strict=True)
        return torch.cat(distance), torch.cat(neighbor)

    def search_rows(
        self, x: PointRows, k: int, rows: range, distance: Tensor, index: Tensor
    ) -> None:
        r"""Builds the graph of each shard, searches it, and merges what is found."""
        _check_width(k + 1)
        self.measured_recall = search_in_shards(
            _Cagra(self.device),
            x,
            k,
            rows,
            distance,
            index,
            recall=self.recall,
            shard_size=max(k + 2, self.shard_bytes // (4 * x.shape[1])),
        )

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(recall={self.recall})"


class _Cagra(ShardIndex):
    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.breadth, self.most = _BREADTH, _MOST
        self._index: Any = None

    def fill(self, points: Iterable[Tensor]) -> None:
        from cuvs.neighbors import cagra

        self._index = None  # so that two are never in memory
        self._points = torch.cat([part.to(self.device) for part in points])
        self._index = cagra.build(cagra.IndexParams(metric="sqeuclidean"), self._points)

    def search(self, query: Tensor, width: int) -> Tensor:
        from cuvs.neighbors import cagra

        while self.breadth < width:
            self.breadth *= 2
        shape = (len(query), width)
        found = torch.empty(shape, dtype=torch.uint32, device=self.device)
        squared = torch.empty(shape, device=self.device)
        settings = cagra.SearchParams(itopk_size=self.breadth)
        # Written by another stream than PyTorch's.
        points = query.to(self.device).contiguous()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        cagra.search(settings, self._index, points, width, neighbors=found, distances=squared)
        index = found.cpu().to(torch.int64)
        # What is not found has the largest number there is.
        return torch.where(index < len(self._points), index, -1)

    def __repr__(self) -> str:
        return f"CAGRA(itopk_size={self.breadth})"


def _check_width(width: int) -> None:
    if width > _MOST:
        raise ValueError(
            f"cuvs finds at most {_MOST - 1} neighbors, got k = {width - 1}; use backend='torch'"
        )
