r"""Checks of points, numbers of neighbors and graphs before any backend sees them."""

from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from nrae_geometric.arguments import integer

# Integers of up to 16 bits and half-precision floats are exact in float32; wider integers are
# exact in float64 only.
_FLOAT32_EXACT = {
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.float16,
    torch.bfloat16,
    torch.float32,
}


def as_tensor(values: Any, name: str = "x") -> Tensor:
    r"""Returns numbers of any library as a detached tensor, without a copy where possible.

    Args:
        values (torch.Tensor, array, data frame or list): The numbers; Python's own become float64.
        name (str, optional): The name in error messages. (default: :obj:`"x"`)

    Raises:
        TypeError: If they are sparse, or no numbers.
        ValueError: If some are masked.
    """
    if sparse.issparse(values):
        raise TypeError(f"{name} is a sparse matrix; pass a dense one, {name}.toarray()")
    if isinstance(values, Tensor):
        if values.layout != torch.strided or values.is_nested:
            raise TypeError(f"{name} is a sparse or nested tensor; pass a dense one")
        return values.detach()
    if np.ma.isMaskedArray(values):
        masked = np.ma.getmaskarray(values)
        if masked.any():
            raise ValueError(
                f"{name} has {int(masked.sum())} masked values (first: row "
                f"{int(masked.nonzero()[0][0]) if masked.ndim else 0}); drop or impute them"
            )
        values = np.ma.getdata(values)
    try:
        values = np.asarray(values)
        # Files of other machines come in their byte order.
        native = values.dtype.newbyteorder("=")
        return torch.from_numpy(np.require(values, native, ["C", "W"]))
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} is not an array of numbers: {error}") from None


def as_points(x: Any, name: str = "x") -> Tensor:
    r"""Returns :obj:`x` as a finite, contiguous matrix with one row for each point.

    Args:
        x (torch.Tensor or array): Points of any feature shape :math:`[N, *]`; a vector :math:`[N]`
            is :math:`N` points on a line.
        name (str, optional): The name in error messages. (default: :obj:`"x"`)

    Returns:
        torch.Tensor: :math:`[N, D]`, float64 for float64 and wide integers, else float32.

    Raises:
        TypeError: If :obj:`x` is complex, sparse, or not made of numbers.
        ValueError: If :obj:`x` has no rows or no features, or rows with NaN or infinite values.
    """
    x = as_tensor(x, name)
    if x.is_complex():
        raise TypeError(f"{name} must be real, got {x.dtype}")
    if x.dim() == 0 or x.numel() == 0:
        raise ValueError(
            f"{name} must have the shape [num_points, *features] with at least one of each, "
            f"got {list(x.shape)}"
        )
    dtype = torch.float32 if x.dtype in _FLOAT32_EXACT else torch.float64
    points = x.reshape(x.size(0), -1).to(dtype).contiguous()

    # The extremes of a row are NaN or infinite if any of its values is: no [N, D] mask is needed.
    low, high = points.amin(dim=1), points.amax(dim=1)
    refuse_rows(
        ~(low.isfinite() & high.isfinite()),
        name,
        "with NaN or infinite values",
        "drop or impute them before building a graph",
    )
    return points


def as_query(query: Any, x: Tensor) -> Tensor:
    r"""Returns :obj:`query` as points that can be compared with the points :obj:`x`.

    Raises:
        ValueError: If the number of features or the device differs from that of :obj:`x`.
    """
    points = as_points(query, "query")
    if points.size(1) != x.size(1):
        raise ValueError(
            f"query has {points.size(1)} features for each point, but x has {x.size(1)}"
        )
    if points.device != x.device:
        raise ValueError(f"query is on {points.device}, but x is on {x.device}; move one of them")
    return points


def as_batch(batch: Any, x: Tensor) -> Tensor:
    r"""Returns the graph of each of the points :obj:`x` as int64 :math:`[N]`.

    Raises:
        TypeError: If :obj:`batch` does not hold integers.
        ValueError: If there is not one for each point, or they are on another device.
    """
    batch = as_tensor(batch, "batch")
    if batch.is_floating_point() or batch.is_complex() or batch.dtype == torch.bool:
        raise TypeError(f"batch must hold integers, got {batch.dtype}")
    if batch.shape != x.shape[:1]:
        raise ValueError(
            f"batch must have one entry for each of {x.size(0)} points, got {list(batch.shape)}"
        )
    if batch.device != x.device:
        raise ValueError(f"batch is on {batch.device}, but x is on {x.device}; move one of them")
    return batch.long()


def check_k(k: int, num_points: int, leave_out_self: bool, graph: int | None = None) -> int:
    r"""Returns :obj:`k` as an int if that many neighbors exist.

    Args:
        k (int): Number of neighbors.
        num_points (int): Number of points to choose from.
        leave_out_self (bool): Whether the query point is one of them and no neighbor.
        graph (int, optional): The graph that the points belong to, for the error message.

    Raises:
        TypeError: If :obj:`k` is not an integer.
        ValueError: If :obj:`k` is below one or above the number of possible neighbors.
    """
    k = integer("k", k)
    largest = num_points - 1 if leave_out_self else num_points
    if not 1 <= k <= largest:
        where = "" if graph is None else f" of graph {graph}"
        why = " (a point is not its own neighbor)" if leave_out_self else ""
        raise ValueError(
            f"k must be between 1 and {largest} for {num_points} points{where}{why}, got {k}"
        )
    return k


def refuse_rows(bad: Tensor, name: str, fault: str, remedy: str) -> None:
    r"""Raises an error if any row is bad, with their number and the first of them.

    Args:
        bad (torch.Tensor): Mask :math:`[N]`.
        name (str): The name of the points.
        fault (str): The property of the bad rows, to follow "rows".
        remedy (str): The advice to the caller.

    Raises:
        ValueError: If the mask is not empty.
    """
    num_bad = int(bad.sum())
    if num_bad > 0:
        first = int(bad.nonzero()[0])
        raise ValueError(
            f"{name} has {num_bad} row{'s' if num_bad > 1 else ''} {fault} "
            f"(first: row {first}); {remedy}"
        )
