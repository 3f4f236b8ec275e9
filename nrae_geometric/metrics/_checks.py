"""Checks at the door: what every metric asks of its points, coordinates, edges and counts."""

import torch
from torch import Tensor


def as_points(x: Tensor, name: str) -> Tensor:
    """Detached, floating-point ``[N, D]`` view of points with any feature shape."""
    if x.dim() == 0 or x.size(0) == 0:
        raise ValueError(f"{name} has shape {list(x.shape)}; pass at least one point, [N, *shape]")
    points = x.detach().reshape(x.size(0), -1)
    if points.dtype not in (torch.float32, torch.float64):
        points = points.float()
    bad = (~points.isfinite().all(dim=1)).nonzero().flatten()
    if bad.numel() > 0:
        raise ValueError(
            f"{name} has {bad.numel()} rows with NaN or infinite values "
            f"(first: row {bad[0].item()}); clean the data, or lower the learning rate of a model "
            f"that diverged"
        )
    return points


def as_coordinate(values: Tensor, name: str) -> Tensor:
    """Detached ``[N]`` view of a one-dimensional coordinate given as ``[N]`` or ``[N, 1]``."""
    points = as_points(values, name)
    if points.size(1) != 1:
        raise ValueError(
            f"{name} has shape {list(values.shape)}; an order needs one coordinate a point, "
            f"[N] or [N, 1]"
        )
    return points.flatten()


def check_same_length(**tensors: Tensor) -> None:
    """Raise if the named tensors do not describe the same number of points."""
    if len({tensor.size(0) for tensor in tensors.values()}) > 1:
        counts = ", ".join(f"{name} has {tensor.size(0)} rows" for name, tensor in tensors.items())
        raise ValueError(f"{counts}; every row must describe the same point in all of them")


def check_edge_index(edge_index: Tensor, num_nodes: int) -> None:
    """Raise unless ``edge_index`` is ``[2, E]`` with integer node numbers below ``num_nodes``."""
    if edge_index.dim() != 2 or edge_index.size(0) != 2:
        raise ValueError(f"edge_index has shape {list(edge_index.shape)}; it must be [2, E]")
    if edge_index.is_floating_point() or edge_index.dtype == torch.bool:
        raise ValueError(f"edge_index has dtype {edge_index.dtype}; node numbers are integers")
    if edge_index.numel() > 0:
        low, high = int(edge_index.min()), int(edge_index.max())
        if low < 0 or high >= num_nodes:
            raise ValueError(
                f"edge_index names node {low if low < 0 else high}, but the {num_nodes} points are "
                f"numbered 0 to {num_nodes - 1}"
            )


def check_positive(value: int, name: str) -> None:
    """Raise unless a count is at least one."""
    if value < 1:
        raise ValueError(f"{name} is {value}; it must be at least 1")
