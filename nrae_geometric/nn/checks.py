"""Checks of what the expansion and the loss are given, each with one named error."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric import EdgeIndex

from nrae_geometric.neighbors.points import as_tensor


class RowIndexError(IndexError, ValueError):
    """An index of a row that is not there."""


def check_order(order: Any) -> int:
    """Returns the order of an expansion, 1 or 2.

    Args:
        order (int): The order.

    Raises:
        ValueError: If it is another value.
    """
    if isinstance(order, bool) or not isinstance(order, int | np.integer) or order not in (1, 2):
        raise ValueError(f"order must be 1 or 2, got {order!r}")
    return int(order)


def check_rows(name: str, x: Any) -> Tensor:
    """Returns real floating-point values, :obj:`[N, *]`.

    Args:
        name (str): What errors call them.
        x (torch.Tensor): The values.

    Raises:
        TypeError: If they are no tensor.
        ValueError: If they are of another type, or a single number.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(x).__name__}; use torch.as_tensor")
    if not x.is_floating_point():
        raise ValueError(f"{name} must hold floating-point values, got {x.dtype}; use .float()")
    if x.dim() == 0:
        raise ValueError(f"{name} must have a row for each point, [N, ...], got a single number")
    return x


def check_alike(name: str, x: Tensor, other_name: str, other: Tensor) -> None:
    """Makes sure that two tensors have one type and lie on one device.

    Args:
        name (str): What errors call the first.
        x (torch.Tensor): The first.
        other_name (str): What errors call the second.
        other (torch.Tensor): The second.

    Raises:
        ValueError: If they do not.
    """
    if x.dtype != other.dtype or x.device != other.device:
        raise ValueError(
            f"{name} is of {x.dtype} on {x.device}, but {other_name} of {other.dtype} on "
            f"{other.device}; bring one to the other with {name}.to({other_name})"
        )


def check_indices(name: str, index: Any, num_rows: int, device: torch.device) -> Tensor:
    """Returns indices of rows as int64, which all are there.

    Args:
        name (str): What errors call them.
        index (torch.Tensor or array): Integers of any shape.
        num_rows (int): The number of rows.
        device (torch.device): The device of the rows.

    Raises:
        RowIndexError: If an index is negative or too large.
        TypeError: If it is no tensor or array of integers.
        ValueError: If they are on another device.
    """
    if isinstance(index, EdgeIndex):
        index = index.as_tensor()
    if isinstance(index, np.ndarray | list | tuple) and not any(
        isinstance(part, Tensor) for part in index
    ):
        index = as_tensor(index, name).to(device)
    if not isinstance(index, Tensor):
        raise TypeError(f"{name} must be a tensor of integers, got {type(index).__name__}")
    if index.dtype == torch.bool or index.is_floating_point() or index.is_complex():
        raise TypeError(
            f"{name} must hold the numbers of rows as integers, got {index.dtype}"
            + ("; use mask.nonzero()" if index.dtype == torch.bool else "")
        )
    if index.device != device:
        raise ValueError(f"{name} is on {index.device}, but the rows that it names on {device}")
    index = index.long()
    if index.numel() and not torch.compiler.is_compiling():
        smallest, largest = torch.stack(index.aminmax()).tolist()
        if smallest < 0 or largest >= num_rows:
            wrong = smallest if smallest < 0 else largest
            place = (index == wrong).nonzero()[0].tolist()
            raise RowIndexError(
                f"{name} names row {wrong} (at {place if len(place) > 1 else place[0]}), but "
                f"there are the rows 0 to {num_rows - 1}"
            )
    return index


def check_edges(edge_index: Any, num_nodes: int, device: torch.device) -> Tensor:
    """Returns the edges of a graph, :obj:`[2, E]`, between nodes that are there.

    Args:
        edge_index (torch.Tensor or array): The edges.
        num_nodes (int): The number of nodes.
        device (torch.device): The device of the nodes.

    Raises:
        RowIndexError: If a node is not there.
        TypeError: If they are no integers.
        ValueError: If they have another shape, or are on another device.
    """
    shape = getattr(edge_index, "shape", None)
    if shape is not None and (len(shape) != 2 or shape[0] != 2):
        raise ValueError(
            f"edge_index must have the shape [2, num_edges], from neighbor to center, got "
            f"{list(shape)}"
        )
    return check_indices("edge_index", edge_index, num_nodes, device)
