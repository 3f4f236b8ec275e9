r"""Approximate search by NN-descent, for very many points."""

import importlib
import importlib.util
import logging
from typing import Any

import torch
from torch import Tensor

from nrae_geometric.neighbors.backends.base import Backend, register_backend
from nrae_geometric.neighbors.backends.recall import (
    RecallSample,
    Unit,
    check_recall,
    rank_candidates,
)
from nrae_geometric.neighbors.backends.torch import TorchBackend

logger = logging.getLogger(__name__)

# Up to here the exact search takes no longer than the descent.
_MAX_EXACT = 5000
_BLOCK_ROWS = 1 << 16
# Least neighbors of each point in a graph that queries follow, and how much farther than the best
# point so far they may look at that number of neighbors, and at most.
_QUERY_DEGREE, _EPSILON, _MAX_EPSILON = 30, 0.1, 0.5
# With so many neighbors for each point, a graph takes more memory than it is worth.
_MAX_DEGREE = 480


@register_backend
class PyNNDescentBackend(Backend):
    r"""Neighbors from a graph that is improved by looking at neighbors of neighbors.

    Some neighbors are missed: the graph is built with more and more neighbors until the recall on
    a sample of the points reaches the one asked for, or a warning says that it does not. Up to 5000
    points are searched exactly. The first search of a process compiles for some seconds.

    Source: Dong, Moses and Li, `"Efficient k-nearest neighbor graph construction for generic
    similarity measures" <https://doi.org/10.1145/1963405.1963487>`_, WWW 2011; computed by
    pynndescent.

    Args:
        recall (float, optional): Share of the true neighbors to find. (default: :obj:`0.95`)
    """

    name = "pynndescent"

    def __init__(self, recall: float = 0.95) -> None:
        self.recall = check_recall(recall)
        self.measured_recall: float | None = None
        r"""Recall of the last search on the sample; 1 where it was exact."""

    @classmethod
    def unavailable(cls) -> str | None:
        r"""Returns the command that installs pynndescent where it is missing."""
        if importlib.util.find_spec("pynndescent") is None:
            return "pynndescent is not installed; run `pip install nrae-geometric[pynndescent]`"
        return None

    def search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        r"""Improves the graph until the recall is reached, and ranks what it holds."""
        self._require_cpu(x)
        if len(x) <= max(_MAX_EXACT, 4 * k):
            self.measured_recall = 1.0
            return TorchBackend().search(x, k, query)
        unit = Unit(x, query)
        target, queries = unit.float32(x), None if query is None else unit.float32(query)
        sample = RecallSample(x, k, query)
        width = k + (query is None)
        degree = width if query is None else max(width, _QUERY_DEGREE)
        max_degree = max(degree, min(_MAX_DEGREE, len(x) // 2))
        while True:
            found = _descend(target, queries, width, degree)
            self.measured_recall = sample.recall(found[sample.rows])
            logger.info("%s: recall %.4f at %d neighbors", self, self.measured_recall, degree)
            if self.measured_recall >= self.recall:
                break
            if degree == max_degree:
                logger.warning(
                    "%s found only a share of %.4f of the neighbors", self, self.measured_recall
                )
                break
            degree = min(2 * degree, max_degree)
        parts = [
            rank_candidates(x, k, query, rows, found[rows])
            for rows in torch.arange(len(found)).split(_BLOCK_ROWS)
        ]
        distance, index = zip(*parts, strict=True)
        return torch.cat(distance), torch.cat(index)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(recall={self.recall})"


def _descend(target: Tensor, queries: Tensor | None, width: int, degree: int) -> Tensor:
    r"""Indices of :obj:`width` or more neighbors :math:`[M, C]`, :obj:`-1` for those not found."""
    from pynndescent import NNDescent

    # numba refuses more threads than it has started with.
    numba: Any = importlib.import_module("numba")
    num_threads = min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)
    index = NNDescent(target.numpy(), n_neighbors=degree, random_state=0, n_jobs=num_threads)
    if queries is None:
        return torch.from_numpy(index.neighbor_graph[0]).long()
    index.prepare()
    epsilon = min(_MAX_EPSILON, _EPSILON * degree / _QUERY_DEGREE)
    return torch.from_numpy(index.query(queries.numpy(), k=width, epsilon=epsilon)[0]).long()
