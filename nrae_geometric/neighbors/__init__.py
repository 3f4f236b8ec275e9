r"""Who is near whom: k-nearest-neighbour search, one function, one file for each engine."""

from nrae_geometric.neighbors.engines import (
    Engine,
    FaissEngine,
    NNDescentEngine,
    ScipyEngine,
    TorchClusterEngine,
    TorchEngine,
)
from nrae_geometric.neighbors.search import available_backends, knn, knn_graph

__all__ = [
    "Engine",
    "FaissEngine",
    "NNDescentEngine",
    "ScipyEngine",
    "TorchClusterEngine",
    "TorchEngine",
    "available_backends",
    "knn",
    "knn_graph",
]
