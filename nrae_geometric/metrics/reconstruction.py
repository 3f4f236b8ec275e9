"""The squared reconstruction error."""

from typing import Literal

import torch
from torch import Tensor

from nrae_geometric.metrics._common import Array, as_points, as_tensor
from nrae_geometric.metrics.suite import Evaluation, register_measure


@torch.no_grad()
def reconstruction_error(
    x: Array, x_recon: Array, reduction: Literal["mean", "none"] = "mean"
) -> Tensor:
    r"""Returns the squared error, summed over the data dimensions.

    .. math::
        e_i = \lVert x_i - \hat{x}_i \rVert^2

    Compare with *clean* points to measure denoising: a model that fits the noise has a small error
    on its training points and a large one here.

    Args:
        x (torch.Tensor or ndarray): Points ``[N, *shape]``.
        x_recon (torch.Tensor or ndarray): Their reconstructions, same shape.
        reduction (str, optional): :obj:`"mean"` over points, or :obj:`"none"`.
            (default: :obj:`"mean"`)

    Returns:
        torch.Tensor: A scalar, or ``[N]`` with ``reduction="none"``; in squared units of
        ``x``, from 0.

    Raises:
        ValueError: If the shapes differ, a value is not finite or the reduction is unknown.
    """
    x, x_recon = as_tensor(x), as_tensor(x_recon)
    if x.shape != x_recon.shape:
        raise ValueError(
            f"x has shape {list(x.shape)} and x_recon {list(x_recon.shape)}; they must be equal"
        )
    if reduction not in ("mean", "none"):
        raise ValueError(f"reduction is {reduction!r}; choose 'mean' or 'none'")
    error = (as_points(x, "x") - as_points(x_recon, "x_recon")).square().sum(dim=1)
    return error.mean() if reduction == "mean" else error


@register_measure("reconstruction_error", supervised=True, needs=["test"])
def measure_reconstruction_error(evaluation: Evaluation) -> float:
    """Squared distance between the clean test points and their reconstructions, in the mean."""
    test = evaluation.test
    return reconstruction_error(test.x, evaluation.model(test.x, test.edge_index)).item()
