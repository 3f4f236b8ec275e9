r"""Who is near whom: k-nearest-neighbor search, one function, one file for each engine."""

from nrae_geometric.neighbors.backends import (
    Backend,
    FaissBackend,
    PyNNDescentBackend,
    ScipyBackend,
    TorchBackend,
    TorchClusterBackend,
)
from nrae_geometric.neighbors.search import available_backends, knn, knn_graph

__all__ = [
    "Backend",
    "FaissBackend",
    "PyNNDescentBackend",
    "ScipyBackend",
    "TorchBackend",
    "TorchClusterBackend",
    "available_backends",
    "knn",
    "knn_graph",
]
