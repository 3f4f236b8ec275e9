r"""Points and edges that are read when a batch needs them, by PyG's interface of stores.

PyG's loaders take a pair :obj:`(feature_store, graph_store)` where the points or the graph live
elsewhere: in files, in a database, on other machines. :class:`PointStore` and :class:`EdgeStore`
are such stores over arrays and files on this machine.

.. code-block:: python

    points = open_points("points.npy")                   # [N, D], on the disk
    index = np.load("neighbors.npy", mmap_mode="r")      # [N, k], on the disk
    stores = PointStore(points), EdgeStore.from_neighbors(index)
    loader = NeighborhoodLoader(stores, num_neighbors=2, batch_size=256)
"""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data, EdgeAttr, FeatureStore, GraphStore, TensorAttr
from torch_geometric.data.graph_store import EdgeLayout
from torch_geometric.sampler import SamplerOutput

from nrae_geometric.loader.csc import CSCGraph
from nrae_geometric.tables import readable

Stores = tuple[FeatureStore, GraphStore]
"""Points and graph."""


class PointStore(FeatureStore):
    r"""Points in a table, as a feature store of PyG that reads the rows of a batch alone.

    A table has a :obj:`shape`, a :obj:`dtype` and :obj:`table[rows]`: an array, a memory map, a
    Zarr array, what :func:`~nrae_geometric.datasets.open_points` returns.

    Args:
        x (table): The points ``[N, *shape]``.
        transform (callable, optional): Applied to the rows ``[B, *shape]`` that a batch reads, such
            as a function that centers and scales them. (default: :obj:`None`)
        **tables (table): More of each point, such as :obj:`y` ``[N]``.

    Raises:
        ValueError: If a table has another number of rows than :obj:`x`.
    """

    def __init__(
        self,
        x: Any,
        transform: Callable[[np.ndarray], np.ndarray | Tensor] | None = None,
        **tables: Any,
    ) -> None:
        super().__init__()
        self.tables = {"x": x, **tables}
        self.transform = transform
        for name, table in tables.items():
            if table.shape[0] != x.shape[0]:
                raise ValueError(
                    f"{name} has {table.shape[0]} rows, but there are {x.shape[0]} points"
                )

    def _get_tensor(self, attr: TensorAttr) -> Tensor:
        table = readable(self.tables[attr.attr_name])
        index: Any = slice(None) if attr.index is None else attr.index
        if isinstance(table, Tensor):
            rows: Any = table[index]
        else:
            rows = table[index.numpy(force=True) if isinstance(index, Tensor) else index]
        if attr.attr_name == "x" and self.transform is not None:
            rows = self.transform(rows)
        return rows if isinstance(rows, Tensor) else torch.from_numpy(np.array(rows))

    def _get_tensor_size(self, attr: TensorAttr) -> tuple[int, ...]:
        return tuple(self.tables[attr.attr_name].shape)

    def get_all_tensor_attrs(self) -> list[TensorAttr]:
        r"""Returns one attribute for each table."""
        return [TensorAttr(group_name=None, attr_name=name, index=None) for name in self.tables]

    def _put_tensor(self, tensor: Any, attr: TensorAttr) -> bool:
        raise NotImplementedError("points are read from this store, not written to it")

    def _remove_tensor(self, attr: TensorAttr) -> bool:
        raise NotImplementedError("points are read from this store, not removed from it")

    def __repr__(self) -> str:
        shapes = (f"{name}={list(table.shape)}" for name, table in self.tables.items())
        return f"{type(self).__name__}({', '.join(shapes)})"


class EdgeStore(GraphStore):
    r"""Edges in arrays, grouped by center, as a graph store of PyG.

    The arrays may be memory maps, which stay on the disk but for what is drawn from them.

    Args:
        source (ndarray or Tensor): The neighbors, center by center, integers ``[E]``.
        ptr (ndarray or Tensor): The position of each center's first neighbor, and the number of
            edges behind them, ``[N + 1]``.
    """

    def __init__(self, source: Any, ptr: Any) -> None:
        super().__init__()
        self.graph = CSCGraph(_as_tensor(ptr), _as_tensor(source))

    @classmethod
    def from_neighbors(cls, index: Any) -> "EdgeStore":
        r"""Takes the same number of neighbors for each point.

        Args:
            index (ndarray or Tensor): The neighbors, integers ``[N, k]``.
        """
        num_nodes, k = index.shape
        return cls(index.reshape(-1), torch.arange(0, num_nodes * k + 1, k))

    def _get_edge_index(self, attr: EdgeAttr) -> tuple[Tensor, Tensor] | None:
        if attr.layout != EdgeLayout.CSC:
            return None
        return self.graph.source, self.graph.ptr

    def get_all_edge_attrs(self) -> list[EdgeAttr]:
        r"""Returns the one attribute of the only kind of edges."""
        size = (self.graph.num_nodes, self.graph.num_nodes)
        return [EdgeAttr(None, EdgeLayout.CSC, is_sorted=True, size=size)]

    def _put_edge_index(self, edge_index: Any, attr: EdgeAttr) -> bool:
        raise NotImplementedError("edges are read from this store, not written to it")

    def _remove_edge_index(self, attr: EdgeAttr) -> bool:
        raise NotImplementedError("edges are read from this store, not removed from it")

    def __repr__(self) -> str:
        graph = self.graph
        return f"{type(self).__name__}({graph.num_nodes} nodes, {graph.source.numel()} edges)"


def are_stores(data: Any) -> bool:
    r"""Returns whether data are a pair of a feature store and a graph store."""
    return (
        isinstance(data, tuple | list)
        and len(data) == 2
        and isinstance(data[0], FeatureStore)
        and isinstance(data[1], GraphStore)
    )


def stored_attributes(stores: Stores) -> list[TensorAttr]:
    r"""Returns what a feature store has of each point.

    Raises:
        ValueError: If it has no :obj:`x`, or points of several kinds.
    """
    attributes = stores[0].get_all_tensor_attrs()
    groups = {attr.group_name for attr in attributes}
    if len(groups) > 1:
        raise ValueError(
            f"the feature store has several kinds of points ({', '.join(sorted(map(str, groups)))})"
            ", but neighborhoods are those of one; pass a store of that kind alone"
        )
    names = [str(attr.attr_name) for attr in attributes]
    if "x" not in names:
        raise ValueError(f"the feature store has no x; it has {', '.join(names) or 'nothing'}")
    return attributes


def stored_graph(stores: Stores) -> CSCGraph:
    r"""Returns the graph of a pair of stores; edges that are grouped by center are not copied.

    Raises:
        ValueError: If there are edges of several kinds, or not as many nodes as points.
    """
    features, edges = stores
    attributes = edges.get_all_edge_attrs()
    kinds = {attr.edge_type for attr in attributes}
    if len(kinds) != 1:
        raise ValueError(f"the graph store has {len(kinds)} kinds of edges; it must have one")
    [kind] = kinds
    [x] = [attr for attr in stored_attributes(stores) if attr.attr_name == "x"]
    size = features.get_tensor_size(x)
    if size is None:
        raise ValueError("the feature store does not know the number of its points")
    num_nodes = size[0]
    if any(attr.layout == EdgeLayout.CSC for attr in attributes):
        source, ptr, edge_id = (_of_kind(part, kind) for part in edges.csc())
        # Where a store does not know the number of its nodes, PyG takes the last that has an edge.
        if 0 < len(ptr) <= num_nodes:
            ptr = torch.cat([ptr, ptr[-1:].expand(num_nodes + 1 - len(ptr))])
        graph = CSCGraph(ptr, source, edge_id)
    else:
        # PyG's own way to columns does not keep the order of a node's edges.
        row, col, _ = (_of_kind(part, kind) for part in edges.coo())
        graph = CSCGraph.from_edge_index(torch.stack([row, col]), num_nodes)
    if graph.num_nodes != num_nodes:
        raise ValueError(
            f"the graph store has {graph.num_nodes} nodes, but the feature store {num_nodes} points"
        )
    return graph


def _of_kind(part: Any, kind: Any) -> Any:
    return part[kind] if isinstance(part, dict) else part


def stored_batch(features: FeatureStore, attributes: list[TensorAttr], out: SamplerOutput) -> Data:
    r"""Returns a batch with the rows of its nodes, which are all that is asked of the store."""
    wanted = []
    for attr in attributes:
        attr = copy.copy(attr)
        attr.index = out.node
        wanted.append(attr)
    batch = Data()
    for attr, rows in zip(wanted, features.multi_get_tensor(wanted), strict=True):
        values = torch.as_tensor(rows)
        if len(values) != len(out.node):
            raise ValueError(
                f"{features} returned {len(values)} rows of {attr.attr_name} for {len(out.node)}"
            )
        batch[attr.attr_name] = values
    return batch


def _as_tensor(array: Any) -> Tensor:
    if isinstance(array, Tensor):
        return array
    with warnings.catch_warnings():
        # Nothing is written to a map that cannot be written to.
        warnings.filterwarnings("ignore", "The given NumPy array is not writ")
        return torch.from_numpy(np.asarray(array))
