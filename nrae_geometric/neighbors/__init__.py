r"""Who is near whom: k-nearest-neighbour search, one function, one file for each engine."""

from nrae_geometric.neighbors.engines import Engine
from nrae_geometric.neighbors.search import available_backends, knn, knn_graph

__all__ = ["Engine", "available_backends", "knn", "knn_graph"]
