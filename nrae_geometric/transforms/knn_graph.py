"""The k-nearest-neighbor graph of a data set."""

from torch_geometric.data import Data
from torch_geometric.transforms import BaseTransform

from nrae_geometric.neighbors import Backend, Metric
from nrae_geometric.neighbors.search import knn_edges


class KNNGraph(BaseTransform):
    r"""Connects each point of :obj:`data.x` with its :obj:`k` nearest neighbors.

    Edges run from the neighbor to the center, are grouped by center and ordered nearest first;
    see :func:`nrae_geometric.neighbors.knn_graph`. Unlike PyG's transform of this name it reads
    :obj:`data.x`, of any feature shape, instead of :obj:`data.pos`. Where there is
    :obj:`data.batch`, points of different graphs are never joined. The distances stay on the graph
    as :obj:`data.edge_length` :math:`[E]`, in the unit of the metric; edge attributes of an earlier
    graph are removed.

    Args:
        k (int): Number of neighbors of every point.
        metric (str or Metric, optional): The distance of two points, as in
            :func:`~nrae_geometric.neighbors.knn`. (default: :obj:`"euclidean"`)
        backend (str or Backend, optional): Name of the search backend. (default: :obj:`"auto"`)
    """

    def __init__(
        self, k: int, *, metric: str | Metric = "euclidean", backend: str | Backend = "auto"
    ) -> None:
        self.k = k
        self.metric = metric
        self.backend = backend

    def forward(self, data: Data) -> Data:
        """Returns the data with :obj:`edge_index` and :obj:`edge_length`.

        Raises:
            ValueError: If there are no points, or no such graph over them.
        """
        if data.x is None:
            raise ValueError("KNNGraph needs points in data.x, but this data has none")
        edge_index, edge_length = knn_edges(
            data.x, self.k, batch=data.batch, metric=self.metric, backend=self.backend
        )
        for name in {*data.edge_attrs(), "edge_attr", "edge_weight", "adj_t", "adj"}:
            if name in data:
                del data[name]
        data.edge_index, data.edge_length = edge_index, edge_length
        return data

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(k={self.k}, metric={self.metric!r}, "
            f"backend={self.backend!r})"
        )
