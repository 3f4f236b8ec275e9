"""Helpers of several metrics: checks, correlations, random subsets and decoding."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nrae_geometric.arguments import integer
from nrae_geometric.geodesics.graph import power_of_two
from nrae_geometric.neighbors.points import as_tensor, refuse_rows
from nrae_geometric.nn.evaluation import to_model

Array = Tensor | np.ndarray
Decoder = Callable[[Tensor], Tensor]

ROWS_PER_BLOCK = 4096
"""The number of latents that are decoded at once."""


class NotApplicableError(ValueError):
    """Points or coordinates of a kind that a metric is not defined for.

    A suite of measures leaves such a metric out.
    """


def as_points(x: Array, name: str) -> Tensor:
    """Returns points of any feature shape as a finite matrix ``[N, D]``.

    Integers of more than 16 bits become float64, as float32 would make some of them equal.
    """
    x = as_tensor(x, name)
    if x.is_complex():
        raise TypeError(f"{name} has dtype {x.dtype}; pass real numbers")
    if x.dim() == 0 or x.numel() == 0:
        raise ValueError(f"{name} has shape {list(x.shape)}; pass at least one point, [N, *shape]")
    points = x.reshape(x.size(0), -1)
    if points.dtype not in (torch.float32, torch.float64):
        is_wide = not points.is_floating_point() and points.dtype.itemsize > 2
        points = points.to(torch.float64 if is_wide else torch.float32)
    # The extremes of a row are NaN or infinite if any of its values is: no [N, D] mask is needed.
    low, high = points.aminmax(dim=1)
    refuse_rows(
        ~(low.isfinite() & high.isfinite()),
        name,
        "with NaN or infinite values",
        "clean the data, or lower the learning rate of a model that diverged",
    )
    return points


def as_edges(edge_index: Array, edge_length: Array | None = None) -> tuple[Tensor, Tensor | None]:
    """Returns a graph's edges and their lengths, if there are any, as tensors."""
    length = None if edge_length is None else as_tensor(edge_length, "edge_length")
    return as_tensor(edge_index, "edge_index"), length


def as_coordinate(values: Array, name: str) -> Tensor:
    """Returns a one-dimensional coordinate ``[N]`` or ``[N, 1]`` as ``[N]``."""
    points = as_points(values, name)
    if points.size(1) != 1:
        raise NotApplicableError(
            f"{name} has rows of {points.size(1)} values; an order needs one coordinate a point, "
            f"[N] or [N, 1]"
        )
    return points.flatten()


def check_same_length(**tensors: Tensor) -> None:
    """Raises an error unless the named tensors describe the same number of points."""
    if len({tensor.size(0) for tensor in tensors.values()}) > 1:
        counts = ", ".join(f"{name} has {tensor.size(0)} rows" for name, tensor in tensors.items())
        raise ValueError(f"{counts}; every row must describe the same point in all of them")


def check_positive(value: int, name: str) -> int:
    """Returns a count of at least one, and raises an error for any other."""
    value = integer(name, value)
    if value < 1:
        raise ValueError(f"{name} is {value}; it must be at least 1")
    return value


def sample_rows(
    num_rows: int, num_samples: int | None, seed: int, name: str = "num_samples"
) -> Tensor:
    """Returns sorted row numbers ``[S]`` on the CPU: all, or some drawn without replacement.

    The generator is its own: a metric recorded during training must not move the random stream
    that training draws from.
    """
    seed = integer("seed", seed)
    if num_samples is None:
        return torch.arange(num_rows)
    num_samples = check_positive(num_samples, name)
    if num_samples >= num_rows:
        return torch.arange(num_rows)
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(num_rows, generator=generator)[:num_samples].sort().values


def to_decoder(decoder: Decoder, z: Tensor) -> Tensor:
    """Returns latents on the device and of the type of a module, or of the one of a method."""
    module = decoder if isinstance(decoder, nn.Module) else getattr(decoder, "__self__", None)
    return to_model(module, z) if isinstance(module, nn.Module) else z


def decode(decoder: Decoder, z: Tensor) -> Tensor:
    """Returns the points ``[M, D]`` of latents ``[M, d]``, decoded in blocks of rows."""
    blocks = to_decoder(decoder, z).split(ROWS_PER_BLOCK)
    return as_points(torch.cat([decoder(block).flatten(1) for block in blocks]), "decoder(z)")


def pearson(a: Tensor, b: Tensor) -> float:
    """Returns Pearson's r of two ``[N]`` tensors, 0 where one of them is constant."""
    from scipy.stats import pearsonr

    # In units in which squares neither overflow nor vanish.
    a, b = (values.double() / power_of_two(values) for values in (a, b))
    return _or_zero(pearsonr, a, b)


def spearman(a: Tensor, b: Tensor) -> float:
    """Returns Spearman's rho of two ``[N]`` tensors, 0 where one of them is constant."""
    from scipy.stats import spearmanr

    return _or_zero(spearmanr, a, b)


def kendall(a: Tensor, b: Tensor) -> float:
    """Returns Kendall's tau-b of two ``[N]`` tensors, 0 where one of them is constant."""
    from scipy.stats import kendalltau

    return _or_zero(kendalltau, a, b)


def _or_zero(coefficient: Callable[..., Any], a: Tensor, b: Tensor) -> float:
    first, second = (values.cpu().double().numpy() for values in (a, b))
    if any(values.min() == values.max() for values in (first, second)):
        return 0.0
    return float(coefficient(first, second).statistic)
