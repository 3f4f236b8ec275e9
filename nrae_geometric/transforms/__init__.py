r"""PyG transforms that turn points into a graph."""

from nrae_geometric.transforms.knn_graph import KNNGraph

__all__ = ["KNNGraph"]
