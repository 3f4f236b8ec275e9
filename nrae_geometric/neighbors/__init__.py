r"""Nearest-neighbor search: one function, one file for each backend and for each metric."""

from nrae_geometric.neighbors.backends import (
    Backend,
    CuvsBackend,
    FaissBackend,
    PyNNDescentBackend,
    ScipyBackend,
    TorchBackend,
    TorchClusterBackend,
    register_backend,
)
from nrae_geometric.neighbors.metrics import Cosine, Euclidean, Metric, register_metric
from nrae_geometric.neighbors.precomputed import precomputed_graph
from nrae_geometric.neighbors.ranking import rank
from nrae_geometric.neighbors.search import available_backends, knn, knn_graph
from nrae_geometric.neighbors.stored import StoredGraph, open_knn_graph, stored_knn_graph
from nrae_geometric.neighbors.streamed import shard_rows, streamed_knn

__all__ = [
    "Backend",
    "Cosine",
    "CuvsBackend",
    "Euclidean",
    "FaissBackend",
    "Metric",
    "PyNNDescentBackend",
    "ScipyBackend",
    "StoredGraph",
    "TorchBackend",
    "TorchClusterBackend",
    "available_backends",
    "knn",
    "knn_graph",
    "open_knn_graph",
    "precomputed_graph",
    "rank",
    "register_backend",
    "register_metric",
    "shard_rows",
    "stored_knn_graph",
    "streamed_knn",
]
