"""The local distortion of the decoder."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from nrae_geometric.metrics._common import (
    ROWS_PER_BLOCK,
    Array,
    Decoder,
    as_points,
    to_decoder,
)
from nrae_geometric.metrics.suite import Evaluation, register_measure
from nrae_geometric.nn.taylor import pullback_metric


class DecoderDistortion(NamedTuple):
    """Local distortion of a decoder at each latent.

    Attributes:
        condition_number (torch.Tensor): ``[N]``, from 1 (all latent directions are
            stretched alike) to infinity (a direction is lost).
        volume (torch.Tensor): ``[N]``, data-space volume for each unit of latent volume, from 0.
        isometry_deviation (torch.Tensor): ``[N]``, from 0; the mean is 0 exactly for a
            scaled isometry.
    """

    condition_number: Tensor
    volume: Tensor
    isometry_deviation: Tensor


@torch.no_grad()
def decoder_distortion(decoder: Decoder, z: Array) -> DecoderDistortion:
    r"""Returns condition number, volume and deviation from isometry of the pullback metric.

    With :math:`\lambda_1 \le \ldots \le \lambda_d` the eigenvalues of :math:`J^\top J` at a latent,
    :math:`J` the decoder's Jacobian there, and :math:`c` the mean of all eigenvalues at all
    latents,

    .. math::
        \kappa = \frac{\lambda_d}{\lambda_1}, \qquad
        V = \sqrt{\det J^\top J} = \prod_i \sqrt{\lambda_i}, \qquad
        S = \sum_i \Bigl( \frac{\lambda_i}{c} - 1 \Bigr)^2.

    Dividing by :math:`c` makes :math:`S` blind to the unit of the latents: its mean is the relaxed
    distortion measure of `Lee et al., "Regularized Autoencoders for Isometric Representation
    Learning", ICLR 2022 <https://openreview.net/forum?id=mQxt8l7JL04>`_.

    Args:
        decoder (callable): Maps latents ``[M, d]`` to points ``[M, *shape]``, row by row; put a
            module with batch normalization or dropout in evaluation mode.
        z (torch.Tensor or ndarray): Latents ``[N, d]`` at which to measure.

    Returns:
        DecoderDistortion: Three tensors ``[N]`` in float64.

    Raises:
        ValueError: If a latent or a derivative is not finite.
    """
    latents = to_decoder(decoder, as_points(z, "z"))
    # The decoder sees each latent once for each of its dimensions.
    blocks = latents.split(max(1, ROWS_PER_BLOCK // latents.size(1)))
    metric = torch.cat([pullback_metric(decoder, block, dtype=torch.float64) for block in blocks])
    as_points(metric, "the decoder's metric")
    # Rounding can leave an eigenvalue that is 0 slightly below it.
    eigenvalues = torch.linalg.eigvalsh(metric).clamp(min=0)
    smallest, largest = eigenvalues[:, 0], eigenvalues[:, -1]
    scale = eigenvalues.mean().clamp(min=torch.finfo(eigenvalues.dtype).tiny)
    return DecoderDistortion(
        condition_number=torch.where(smallest > 0, largest / smallest, torch.inf),
        volume=eigenvalues.sqrt().prod(dim=1),
        isometry_deviation=(eigenvalues / scale - 1).square().sum(dim=1),
    )


@register_measure("decoder_distortion", supervised=False)
def measure_decoder_distortion(evaluation: Evaluation) -> dict[str, Any]:
    """Condition number, volume and deviation from isometry of the decoder at the latents."""
    distortion = decoder_distortion(evaluation.model.decode, evaluation.z)
    return {
        "median_condition_number": distortion.condition_number.median().item(),
        "largest_condition_number": distortion.condition_number.max().item(),
        "smallest_volume": distortion.volume.min().item(),
        "median_volume": distortion.volume.median().item(),
        "largest_volume": distortion.volume.max().item(),
        "isometry_deviation": distortion.isometry_deviation.mean().item(),
    }
