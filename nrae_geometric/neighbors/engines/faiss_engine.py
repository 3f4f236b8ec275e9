r"""Search by faiss: exact, or approximate for very many points."""

import importlib.util
import logging
from typing import Any, Literal

import torch
from torch import Tensor

from nrae_geometric.neighbors.engines.base import Engine
from nrae_geometric.neighbors.engines.torch_engine import TorchEngine
from nrae_geometric.neighbors.ranking import drop_self, rank

logger = logging.getLogger(__name__)

# Candidates beyond the neighbours: mostly enough to prove that nothing nearer was left out.
_SPARE = 8
_SAMPLE = 1000
_CHUNK = 1 << 14
_HNSW_LINKS = 32
# Fewer than this and faiss warns that the cells are poorly trained.
_POINTS_PER_CELL = 39


class FaissEngine(Engine):
    r"""Neighbours from a faiss index on the CPU.

    The flat index is exact: where its float32 products cannot tell the neighbours apart, the
    points are searched again by :class:`TorchEngine`. The others miss some: their effort is doubled
    until the recall on a sample of 1000 points reaches the one asked for. faiss holds its own
    float32 copy of the points.

    Args:
        index (str): :obj:`"flat"` (exact), :obj:`"hnsw"` (navigable small-world graph, Malkov and
            Yashunin 2018) or :obj:`"ivf"` (inverted file). (default: :obj:`"flat"`)
        recall (float): Share of the true neighbours that an approximate index has to find.
            (default: :obj:`0.95`)
    """

    name = "faiss"

    def __init__(
        self, index: Literal["flat", "hnsw", "ivf"] = "flat", recall: float = 0.95
    ) -> None:
        if index not in ("flat", "hnsw", "ivf"):
            raise ValueError(f"index must be 'flat', 'hnsw' or 'ivf', got {index!r}")
        if not 0 < recall <= 1:
            raise ValueError(f"recall must be above 0 and at most 1, got {recall}")
        self.index = index
        self.recall = recall
        self.measured_recall: float | None = None
        r"""Recall of the last search on the sample; 1 for the flat index."""

    @classmethod
    def unavailable(cls) -> str | None:
        if importlib.util.find_spec("faiss") is None:
            return "faiss is not installed; run `pip install nrae-geometric[faiss]`"
        return None

    def search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        if x.device.type != "cpu":
            raise ValueError(
                f"faiss searches on the CPU, but the points are on {x.device}; use backend='torch'"
            )
        import faiss

        faiss.omp_set_num_threads(torch.get_num_threads())
        # Centred and shrunk points lose least in float32.
        centre = x.mean(dim=0)
        scale = float(1 / (x - centre).abs().max().clamp(min=torch.finfo(x.dtype).tiny))
        target = ((x - centre) * scale).float()
        asking = target if query is None else ((query - centre) * scale).float()
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
        distance = torch.empty(len(asking), k, dtype=x.dtype)
        neighbour = torch.empty(len(asking), k, dtype=torch.long)
        for rows in torch.arange(len(asking)).split(_CHUNK):
            points = (x if query is None else query)[rows]
            squared, found = map(torch.from_numpy, index.search(asking[rows].numpy(), width))
            near, nearest = rank(x, points, found.clamp(min=0), k + (query is None))
            # An approximate index fills what it did not find with -1.
            doubtful = (found < 0).any(dim=1)
            if self.index == "flat" and width < len(x):
                known = (near[:, -1].double() * scale).square()
                doubtful |= squared[:, -1] - known < _roundoff(target, asking[rows])
            if doubtful.any():
                again = TorchEngine().search(x, near.size(1), points[doubtful])
                near[doubtful], nearest[doubtful] = again
            if query is None:
                near, nearest = drop_self(near, nearest, rows)
            distance[rows], neighbour[rows] = near, nearest
        return distance, neighbour

    def _reach_recall(self, index: Any, x: Tensor, target: Tensor, k: int) -> None:
        r"""Doubles the effort of an index until the recall on a sample is what was asked for."""
        sample = torch.arange(0, len(x), max(1, len(x) // _SAMPLE))
        width = min(k + 1, len(x))
        _, expected = TorchEngine().search(x, width, x[sample])
        settings, name, most = (
            (index.hnsw, "efSearch", len(x))
            if self.index == "hnsw"
            else (index, "nprobe", index.nlist)
        )
        effort = 1
        while True:
            setattr(settings, name, effort)
            found = torch.from_numpy(index.search(target[sample].numpy(), width)[1])
            hits = (expected.unsqueeze(2) == found.unsqueeze(1)).any(dim=2)
            # That a point finds itself is no merit.
            self.measured_recall = float(hits[expected != sample.unsqueeze(1)].double().mean())
            if self.measured_recall >= self.recall or effort == most:
                break
            effort = min(2 * effort, most)
        logger.info("%s: recall %.4f at %s=%d", self, self.measured_recall, name, effort)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(index={self.index!r}, recall={self.recall})"


def _roundoff(x: Tensor, query: Tensor) -> Tensor:
    r"""What float32 can have done to the squared distances between two sets of points."""
    norm = query.double().square().sum(dim=1) + x.square().sum(dim=1).max()
    return 8 * (x.size(1) + 8) * 2.0**-24 * norm
