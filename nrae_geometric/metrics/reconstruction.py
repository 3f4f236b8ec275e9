"""The squared reconstruction error."""

from typing import Literal

import torch
from torch import Tensor

from nrae_geometric.arguments import choice
from nrae_geometric.metrics._common import ROWS_PER_BLOCK, Array, as_points
from nrae_geometric.metrics.suite import Evaluation, register_measure
from nrae_geometric.neighbors.points import as_tensor


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
    choice("reduction", reduction, ("mean", "none"))
    x, x_recon = as_tensor(x, "x"), as_tensor(x_recon, "x_recon")
    if x.shape != x_recon.shape:
        raise ValueError(
            f"x has shape {list(x.shape)} and x_recon {list(x_recon.shape)}; they must be equal"
        )
    points, recon = as_points(x, "x"), as_points(x_recon, "x_recon")
    blocks = zip(points.split(ROWS_PER_BLOCK), recon.split(ROWS_PER_BLOCK), strict=True)
    error = torch.cat([(a - b).square_().sum(dim=1) for a, b in blocks])
    return error.mean() if reduction == "mean" else error


@register_measure("reconstruction_error", supervised=True, needs=["test"])
def measure_reconstruction_error(evaluation: Evaluation) -> float:
    """Squared distance between the clean test points and their reconstructions, in the mean."""
    test = evaluation.test
    return reconstruction_error(test.x, evaluation.model(test.x, test.edge_index)).item()
