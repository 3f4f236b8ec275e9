r"""Errors at the loader's door."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.data import Data

_UNSUPPORTED_OPTIONS = {
    "custom_cls",
    "directed",
    "input_time",
    "is_sorted",
    "neighbor_sampler",
    "subgraph_type",
    "temporal_strategy",
    "time_attr",
    "weight_attr",
}


def check_options(options: Iterable[str]) -> None:
    r"""Refuses options of :class:`~torch_geometric.loader.NeighborLoader` that would do nothing."""
    unsupported = sorted(_UNSUPPORTED_OPTIONS.intersection(options))
    if unsupported:
        raise TypeError(
            f"NeighborhoodLoader does not support {', '.join(unsupported)}; "
            f"use torch_geometric.loader.NeighborLoader for that"
        )


def check_num_neighbors(num_neighbors: Any, include_center: bool) -> None:
    r"""Makes sure that :obj:`num_neighbors` is a count that leaves something to learn from."""
    if num_neighbors is None:
        return
    if not isinstance(num_neighbors, int) or isinstance(num_neighbors, bool):
        raise TypeError(
            f"num_neighbors must be an integer for the only hop, or None for all neighbors "
            f"(got {num_neighbors!r})"
        )
    if num_neighbors < 0:
        raise ValueError(
            f"num_neighbors must not be negative (got {num_neighbors}); None takes all neighbors"
        )
    if num_neighbors == 0 and not include_center:
        raise ValueError("num_neighbors=0 without include_center=True leaves no edges at all")


def check_generator(generator: torch.Generator | None) -> None:
    r"""Makes sure that :class:`torch.utils.data.DataLoader` can use the generator."""
    if generator is not None and generator.device.type != "cpu":
        raise ValueError(
            f"generator must be a CPU generator (got one on '{generator.device}'), also for data "
            f"on another device: pass torch.Generator()"
        )


def check_edge_index(data: Data) -> Tensor:
    r"""Returns the edges of :obj:`data` if they are well-formed.

    Returns:
        Neighbor (row 0) and center (row 1) of each edge, of shape :obj:`[2, E]`.
    """
    if not isinstance(data, Data):
        raise TypeError(
            f"data must be a torch_geometric.data.Data object (got '{type(data).__name__}')"
        )
    edge_index = data.get("edge_index")
    if edge_index is None:
        raise ValueError("data has no edge_index; build a graph first, e.g. with KNNGraph(k=10)")
    if isinstance(edge_index, EdgeIndex):
        edge_index = edge_index.as_tensor()
    if edge_index.ndim != 2 or edge_index.shape[0] != 2 or edge_index.is_floating_point():
        raise ValueError(
            f"data.edge_index must hold integers in shape [2, num_edges] (got {edge_index.dtype} "
            f"in shape {list(edge_index.shape)})"
        )
    outside = ((edge_index < 0) | (edge_index >= data.num_nodes)).any(dim=0)
    if bool(outside.any()):
        edge = int(outside.nonzero()[0])
        raise ValueError(
            f"data.edge_index has {int(outside.sum())} edges to or from nodes that do not exist "
            f"(first: edge {edge}, from {int(edge_index[0, edge])} to {int(edge_index[1, edge])}; "
            f"data has {data.num_nodes} nodes)"
        )
    return edge_index.long()
