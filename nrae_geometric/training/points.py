"""Faults of points that no learning rate mends."""

import math

import torch
from torch import Tensor


def points_fault(x: Tensor, dtype: torch.dtype) -> str | None:
    """Returns what is wrong with points, and what to do; :obj:`None` where nothing is.

    Args:
        x (torch.Tensor): The points, ``[N, *]``.
        dtype (torch.dtype): The type that a model computes in.
    """
    if not _are_numbers(x):
        return None
    x = x.detach().flatten(1) if x.dim() > 1 else x.detach()[:, None]
    low, high = _extremes(x)
    if not bool(low.isfinite().all() & high.isfinite().all()):
        wrong = ~x.isfinite().all(dim=1)
        count, first = int(wrong.sum()), int(wrong.nonzero()[0])
        return (
            f"the points have {count} row{'s' * (count > 1)} with NaN or infinite values (first: "
            f"row {first}); drop or impute them"
        )
    lost = _loss_of_type(low, high, dtype)
    if lost is not None:
        return lost
    spread = float((high - low).max())
    if len(x) > 1 and spread == 0:
        return "all points are equal; there is nothing to learn from them"
    largest = float(torch.maximum(low.abs(), high.abs()).max())
    name, range_ = str(dtype).removeprefix("torch."), torch.finfo(dtype)
    if largest > math.sqrt(range_.max / (16 * x.size(1))):
        return (
            f"the points reach {largest:.3g}, whose squares are too large for {name}; scale them "
            "to about unit size, for example by their standard deviation"
        )
    if len(x) > 1 and spread < math.sqrt(range_.tiny):
        return (
            f"the points differ by {spread:.3g} at most, whose square is zero in {name}; scale "
            "them to about unit size, for example by their standard deviation"
        )
    return None


def check_type(x: Tensor, dtype: torch.dtype) -> None:
    """Makes sure that points are still points in the type that a model computes in.

    Args:
        x (torch.Tensor): The points, ``[N, *]``.
        dtype (torch.dtype): The type.

    Raises:
        ValueError: If they are infinite, or all equal, in this type alone.
    """
    if not _are_numbers(x) or x.dtype == dtype:
        return
    lost = _loss_of_type(*_extremes(x.detach().flatten(1) if x.dim() > 1 else x[:, None]), dtype)
    if lost is not None:
        raise ValueError(lost)


def _are_numbers(x: Tensor) -> bool:
    return x.dim() > 0 and x.numel() > 0 and not x.is_complex() and x.layout == torch.strided


def _extremes(x: Tensor) -> tuple[Tensor, Tensor]:
    low, high = torch.aminmax(x, dim=0)
    return low.double(), high.double()


def _loss_of_type(low: Tensor, high: Tensor, dtype: torch.dtype) -> str | None:
    """What is lost of points between these values where they are rounded to a type."""
    name = str(dtype).removeprefix("torch.")
    rounded_low, rounded_high = low.to(dtype), high.to(dtype)
    if bool(low.isfinite().all() & high.isfinite().all()) and not bool(
        rounded_low.isfinite().all() & rounded_high.isfinite().all()
    ):
        largest = float(torch.maximum(low.abs(), high.abs()).max())
        return (
            f"the points reach {largest:.3g}, which is infinite in {name}; scale them to about "
            "unit size, for example by their standard deviation"
        )
    if bool((high > low).any()) and not bool((rounded_high > rounded_low).any()):
        spread = float((high - low).max())
        return (
            f"the points differ by {spread:.3g} at most, and are all equal in {name}; subtract "
            "their mean and scale them to about unit size, in their own type"
        )
    return None
