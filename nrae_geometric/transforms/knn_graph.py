from torch_geometric.data import Data
from torch_geometric.transforms import BaseTransform

from nrae_geometric.neighbors import knn_graph
from nrae_geometric.neighbors.backends import Backend


class KNNGraph(BaseTransform):
    r"""Connects each point of `data.x` with its `k` nearest neighbors.

    Edges run from the neighbor to the center, are grouped by center and ordered nearest first;
    see :func:`nrae_geometric.neighbors.knn_graph`. Unlike PyG's transform of this name it reads
    `data.x`, of any feature shape, instead of `data.pos`.

    Args:
        k (int): Number of neighbors of every point.
        backend (str or Backend): Name of the search engine. (default: :obj:`"auto"`)
    """

    def __init__(self, k: int, *, backend: str | Backend = "auto") -> None:
        self.k = k
        self.backend = backend

    def forward(self, data: Data) -> Data:
        if data.x is None:
            raise ValueError("KNNGraph needs points in data.x, but this data has none")
        data.edge_index = knn_graph(data.x, self.k, backend=self.backend)
        return data

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(k={self.k}, backend={self.backend!r})"
