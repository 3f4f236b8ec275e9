"""Squared reconstruction error."""

from typing import Literal

import torch
from torch import Tensor

from nrae_geometric.metrics._checks import as_points


@torch.no_grad()
def reconstruction_error(
    x: Tensor, x_recon: Tensor, reduction: Literal["mean", "none"] = "mean"
) -> Tensor:
    r"""Squared error, summed over the data dimensions.

    .. math::
        e_i = \lVert x_i - \hat{x}_i \rVert^2

    Compare with *clean* points to measure denoising: a model that fits the noise has a small error
    on its training points and a large one here.

    Args:
        x (Tensor): Points ``[N, *shape]``.
        x_recon (Tensor): Their reconstructions, same shape.
        reduction (str): ``"mean"`` over points, or ``"none"``. (default: ``"mean"``)

    Returns:
        Tensor: A scalar, or ``[N]`` with ``reduction="none"``; in squared units of ``x``, from 0.

    Raises:
        ValueError: If the shapes differ, a value is not finite or the reduction is unknown.
    """
    if x.shape != x_recon.shape:
        raise ValueError(
            f"x has shape {list(x.shape)} and x_recon {list(x_recon.shape)}; they must be equal"
        )
    if reduction not in ("mean", "none"):
        raise ValueError(f"reduction is {reduction!r}; choose 'mean' or 'none'")
    error = (as_points(x, "x") - as_points(x_recon, "x_recon")).square().sum(dim=1)
    return error.mean() if reduction == "mean" else error
