"""The k-nearest-neighbor graph of a data set."""

from torch_geometric.data import Data
from torch_geometric.transforms import BaseTransform

from nrae_geometric.arguments import choice, flag, integer
from nrae_geometric.neighbors import Backend, Metric
from nrae_geometric.neighbors.search import FLOWS, as_metric, check_backend, knn_edges
from nrae_geometric.points import point_tensor


class KNNGraph(BaseTransform):
    r"""Connects each point of :obj:`data.x` with its :obj:`k` nearest neighbors.

    Edges run from the neighbor to the center, are grouped by center and ordered nearest first;
    see :func:`nrae_geometric.neighbors.knn_graph`. Unlike PyG's transform of this name it reads
    :obj:`data.x`, of any feature shape, and :obj:`data.pos` only where there is no :obj:`data.x`.
    Where there is :obj:`data.batch`, points of different graphs are never joined. The distances
    stay on the graph as :obj:`data.edge_length` :math:`[E]`, in the unit of the metric; edge
    attributes of an earlier graph are removed.

    Args:
        k (int): Number of neighbors of every point.
        metric (str or Metric, optional): The distance of two points, as in
            :func:`~nrae_geometric.neighbors.knn`. (default: :obj:`"euclidean"`)
        backend (str or Backend, optional): Name of the search backend. (default: :obj:`"auto"`)
        loop (bool, optional): Whether a point is the first of its own :obj:`k` neighbors.
            (default: :obj:`False`)
        flow (str, optional): The direction of the edges, as in
            :func:`~nrae_geometric.neighbors.knn_graph`; the loader of this library reads those of
            the default alone. (default: :obj:`"source_to_target"`)
        force_undirected (bool, optional): Whether each edge is there in both directions.
            (default: :obj:`False`)
    """

    def __init__(
        self,
        k: int,
        *,
        metric: str | Metric = "euclidean",
        backend: str | Backend = "auto",
        loop: bool = False,
        flow: str = "source_to_target",
        force_undirected: bool = False,
    ) -> None:
        as_metric(metric)
        check_backend(backend)
        self.k = integer("k", k)
        self.metric = metric
        self.backend = backend
        self.loop = flag("loop", loop)
        self.flow = choice("flow", flow, FLOWS)
        self.force_undirected = flag("force_undirected", force_undirected)

    def forward(self, data: Data) -> Data:
        """Returns the data with :obj:`edge_index` and :obj:`edge_length`.

        Raises:
            ValueError: If there are no points, or no such graph over them.
        """
        edge_index, edge_length = knn_edges(
            point_tensor(data),
            self.k,
            batch=data.batch,
            metric=self.metric,
            backend=self.backend,
            loop=self.loop,
            flow=self.flow,
            force_undirected=self.force_undirected,
        )
        for name in {*data.edge_attrs(), "edge_attr", "edge_weight", "adj_t", "adj"}:
            if name in data:
                del data[name]
        data.edge_index, data.edge_length = edge_index, edge_length
        return data

    def __repr__(self) -> str:
        settings = {
            name: value
            for name, value, default in (
                ("loop", self.loop, False),
                ("flow", self.flow, "source_to_target"),
                ("force_undirected", self.force_undirected, False),
            )
            if value != default
        }
        more = "".join(f", {name}={value!r}" for name, value in settings.items())
        return (
            f"{self.__class__.__name__}(k={self.k}, metric={self.metric!r}, "
            f"backend={self.backend!r}{more})"
        )
