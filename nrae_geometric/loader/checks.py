"""Checks of a graph and of options before batches are drawn."""

import copy
from collections.abc import Iterator, Mapping, Set
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.data import Batch, Data

from nrae_geometric.arguments import flag, integer
from nrae_geometric.neighbors.points import as_tensor
from nrae_geometric.points import Points

# fmt: off
_BATCH_ATTRIBUTES = (
    "batch_size", "e_id", "edges_per_center", "input_id", "n_id", "num_sampled_edges",
    "num_sampled_nodes", "ptr", "seed_time",
)
_UNSUPPORTED_OPTIONS = {
    "custom_cls", "directed", "input_time", "is_sorted", "neighbor_sampler", "subgraph_type",
    "temporal_strategy", "time_attr", "weight_attr",
}
# fmt: on
_EDGE_ATTRIBUTES = ("edge_attr", "edge_length", "edge_weight")
_MOST = 2**63 - 1


def checked_data(data: Any) -> Data:
    """Returns a graph whose edges and points are well-formed tensors; the given one stays.

    It has no attributes that a batch of another loader would leave in it, and no gradient history.

    Args:
        data (torch_geometric.data.Data): The graph.

    Raises:
        TypeError: If it is no graph, or its points or edges are no numbers.
        ValueError: If its edges are no ``[2, E]`` nodes, or an attribute has another length than
            there are nodes or edges.
    """
    if not isinstance(data, Data):
        raise TypeError(
            "data must be a torch_geometric.data.Data object, or a pair (feature_store, "
            f"graph_store) (got '{type(data).__name__}')"
        )
    if data.get("edge_index") is None:
        raise ValueError("data has no edge_index; build a graph first, e.g. with KNNGraph(k=10)")
    if isinstance(data, Batch):  # whose batch_size is its number of graphs
        data = Data.from_dict(data.to_dict())
    data = copy.copy(data)
    for key in _BATCH_ATTRIBUTES:
        if key in data:
            del data[key]
    for key in ("x", "pos"):
        if data.get(key) is not None and not isinstance(data[key], Tensor):
            data[key] = _tensor(data[key], f"data.{key}")
    data.edge_index = _edges(data["edge_index"])
    if data.get("x") is None and data.get("pos") is not None:
        data.x = data.pos
    for key, value in data.to_dict().items():
        if isinstance(value, Tensor) and value.requires_grad:
            data[key] = value.detach()  # a second step cannot go back to where it comes from
    _check_lengths(data)
    _check_nodes(data.edge_index, data.num_nodes)
    return data


def _tensor(points: Any, name: str) -> Tensor:
    given = Points(points, name)
    values = given.values
    if not isinstance(values, np.ndarray | Tensor) or values.dtype in (object, np.longdouble):
        values = given.rows().reshape(given.shape)
    return as_tensor(values, name)


def _edges(edge_index: Any) -> Tensor:
    if isinstance(edge_index, EdgeIndex):
        edge_index = edge_index.as_tensor()
    if not isinstance(edge_index, Tensor):
        edge_index = as_tensor(edge_index, "data.edge_index")
        if edge_index.numel() == 0:
            edge_index = edge_index.long()
    kind = edge_index.dtype
    is_integral = not (kind.is_floating_point or kind.is_complex or kind == torch.bool)
    if edge_index.ndim != 2 or edge_index.shape[0] != 2 or not is_integral:
        transposed = edge_index.ndim == 2 and edge_index.shape[1] == 2
        raise ValueError(
            f"data.edge_index must hold integers in shape [2, num_edges] (got {kind} in shape "
            f"{list(edge_index.shape)}{', which may have to be transposed' * transposed})"
        )
    return edge_index.long()


def _check_nodes(edge_index: Tensor, num_nodes: int) -> None:
    outside = ((edge_index < 0) | (edge_index >= num_nodes)).any(dim=0)
    if bool(outside.any()):
        edge = int(outside.nonzero()[0])
        raise ValueError(
            f"data.edge_index has {int(outside.sum())} edges to or from nodes that do not exist "
            f"(first: edge {edge}, from {int(edge_index[0, edge])} to {int(edge_index[1, edge])}; "
            f"data has {num_nodes} nodes)"
        )


def _check_lengths(data: Data) -> None:
    """Makes sure that what is said of each node or edge is said of all."""
    for key, value in data.to_dict().items():
        is_of_nodes = key in ("x", "pos", "y", "batch") or key.endswith("mask")
        if value is None or not (is_of_nodes or key in _EDGE_ATTRIBUTES):
            continue
        shape = getattr(value, "shape", None)
        length = (shape[0] if len(shape) else None) if shape is not None else len(value)
        expected = data.num_nodes if is_of_nodes else data.edge_index.shape[1]
        is_of_graph = key == "y" and length in (None, 1)
        if length != expected and not is_of_graph:
            noun = "nodes" if is_of_nodes else "edges"
            raise ValueError(
                f"data.{key} has {length or 'no'} entries, but data has {expected} {noun}"
            )


def checked_input_nodes(input_nodes: Any, num_nodes: int) -> Tensor | None:
    """Returns indices as integers and a mask of any kind as booleans.

    Args:
        input_nodes (Tensor, array or sequence, optional): Indices, or a mask.
        num_nodes (int): The number of nodes.

    Raises:
        TypeError: If they are no numbers.
        ValueError: If they are neither, a mask is of another length, or there is no such node.
    """
    if input_nodes is None:
        return None
    try:
        if isinstance(input_nodes, str | Mapping | Set | Iterator):
            raise TypeError
        nodes = as_tensor(input_nodes, "input_nodes")
    except (TypeError, ValueError):
        raise TypeError(
            f"input_nodes must be an array of indices or a mask, got {input_nodes!r:.60}"
        ) from None
    if nodes.numel() == 0:
        nodes = nodes.long()
    is_mask = nodes.dtype == torch.bool
    if nodes.dtype == torch.uint8 and nodes.shape == (num_nodes,):
        is_mask = bool((nodes <= 1).all())
    if is_mask:
        if nodes.shape != (num_nodes,):
            raise ValueError(
                f"input_nodes is a mask of shape {list(nodes.shape)}, but data has {num_nodes} "
                f"nodes; a mask has one value for each"
            )
        return nodes.bool()
    if nodes.ndim != 1 or nodes.is_floating_point() or nodes.is_complex():
        raise ValueError(
            f"input_nodes must hold integers in one dimension, or be a mask (got {nodes.dtype} in "
            f"shape {list(nodes.shape)})"
        )
    nodes = nodes.long()
    outside = (nodes < 0) | (nodes >= num_nodes)
    if bool(outside.any()):
        raise ValueError(
            f"input_nodes names node {int(nodes[outside][0])}, but data has the nodes 0 to "
            f"{num_nodes - 1} ({int(outside.sum())} such entries in all)"
        )
    return nodes


def checked_num_neighbors(num_neighbors: Any, include_center: bool) -> int | None:
    """Returns the number of neighbors to draw, or :obj:`None` for all.

    Args:
        num_neighbors (int, optional): The number.
        include_center (bool): Whether a center has an edge of its own.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is negative, or leaves no edges.
    """
    if num_neighbors is None:
        return None
    try:
        number = integer("num_neighbors", num_neighbors, -_MOST, _MOST)
    except TypeError as error:
        raise TypeError(f"{error}; it is one number for the only hop, or None for all") from None
    if number < 0:
        raise ValueError(
            f"num_neighbors must not be negative (got {number}); None takes all neighbors"
        )
    if number == 0 and not include_center:
        raise ValueError("num_neighbors=0 without include_center=True leaves no edges at all")
    return number


def checked_batch_size(batch_size: Any) -> int:
    """Returns the number of centers in a batch.

    Args:
        batch_size (int): The number.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is below one, or :obj:`None`.
    """
    if batch_size is None:
        raise ValueError("batch_size must be a positive integer (got None)")
    return integer("batch_size", batch_size, 1, _MOST)


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns options of a data loader, with its numbers as integers of Python.

    Args:
        options (Mapping[str, Any]): The options by their names.

    Raises:
        TypeError: If one has no meaning here, or is of another type.
        ValueError: If a number is negative.
    """
    unsupported = sorted(_UNSUPPORTED_OPTIONS.intersection(options))
    if unsupported:
        raise TypeError(
            f"NeighborhoodLoader does not support {', '.join(unsupported)}; "
            f"use torch_geometric.loader.NeighborLoader for that"
        )
    checked = dict(options)
    for name in ("num_workers", "prefetch_factor"):
        if checked.get(name) is not None:
            checked[name] = integer(name, checked[name], 0, _MOST)
    for name in ("drop_last", "persistent_workers", "pin_memory", "filter_per_worker"):
        if checked.get(name) is not None:
            checked[name] = flag(name, checked[name])
    return checked


def check_generator(generator: Any) -> None:
    """Makes sure that a source of randomness is a generator on the CPU.

    Args:
        generator (torch.Generator, optional): The source.

    Raises:
        TypeError: If it is none.
        ValueError: If it is on another device.
    """
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator must be a torch.Generator, got {generator!r}; pass "
            "torch.Generator().manual_seed(seed)"
        )
    if generator is not None and generator.device.type != "cpu":
        raise ValueError(
            f"generator must be a CPU generator (got one on '{generator.device}'), also for data "
            f"on another device: pass torch.Generator()"
        )
