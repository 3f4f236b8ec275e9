r"""The Wasserstein autoencoder."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.arguments import number
from nrae_geometric.nn.models.regularized import (
    RegularizedAE,
    RegularizedSettings,
    Weight,
    squared_error,
)
from nrae_geometric.nn.parts import from_first, gathered
from nrae_geometric.registry import register_model

_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class WAE(RegularizedAE):
    r"""The Wasserstein autoencoder, whose latents as a whole are distributed normally.

    .. math::
        \mathcal{L} = \frac{1}{B} \sum_i \lVert x_i - f(z_i) \rVert^2 +
        \lambda\, \mathrm{MMD}(\{z_i\}, \{\tilde z_i\}), \qquad \tilde z_i \sim \mathcal{N}(0, I)

    with the unbiased :func:`mmd` of the latents of a batch and as many draws of the prior. Unlike a
    VAE it asks nothing of the distribution of a single point, so that reconstructions stay sharp.

    Args:
        encoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        decoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        prior_weight (float, optional): The weight :math:`\lambda \geq 0`; 10 is that of the
            paper on MNIST. (default: :obj:`10.0`)
        neighborhood_weight (float, optional): As in
            :class:`~nrae_geometric.nn.models.regularized.RegularizedAE`. (default: :obj:`0.0`)

    Raises:
        ValueError: If a weight is negative or not finite.

    Source: Tolstikhin, Bousquet, Gelly and Schoelkopf, `"Wasserstein Auto-Encoders"
    <https://openreview.net/forum?id=HkL7n1-0b>`_, ICLR 2018, algorithm 2.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        prior_weight: float = 10.0,
        neighborhood_weight: float = 0.0,
    ) -> None:
        super().__init__(encoder, decoder, neighborhood_weight)
        self.prior_weight = number("prior_weight", prior_weight, 0)

    def objective(self, x: Tensor, code: Tensor, batch: Data) -> Tensor:
        """Returns the squared error summed over values, and the distance from the prior."""
        error = squared_error(self.decode(code), x).flatten(1).sum(1).mean()
        part = batch.get("part")
        z = gathered(code, part)
        if len(z) < 2:  # the last batch of an epoch; one point has no distribution
            return error
        return error + self.prior_weight * mmd(z, from_first(torch.randn_like(z), part))


def mmd(z: Tensor, prior: Tensor) -> Tensor:
    r"""Returns the unbiased estimate of the squared maximum mean discrepancy of two samples.

    .. math::
        \frac{1}{n (n - 1)} \sum_{i \neq j} \bigl( k(z_i, z_j) + k(\tilde z_i, \tilde z_j) \bigr) -
        \frac{2}{n^2} \sum_{i, j} k(z_i, \tilde z_j), \qquad
        k(z, z') = \sum_s \frac{2 d s}{2 d s + \lVert z - z' \rVert^2}

    The kernel is the inverse multiquadratic one, over scales :math:`s` from 0.1 to 10 of the
    expected squared distance :math:`2 d` of two draws of a standard normal.

    Args:
        z (torch.Tensor): One sample, :obj:`[n, d]`.
        prior (torch.Tensor): The other, :obj:`[n, d]`.

    Raises:
        ValueError: If the samples differ in shape, or have fewer than two points.
    """
    num, dim = z.shape
    if prior.shape != z.shape or num < 2:
        raise ValueError(
            f"mmd needs two samples of one shape and at least two points, got {list(z.shape)} and "
            f"{list(prior.shape)}"
        )
    both = torch.cat([z, prior])
    # Not by torch.cdist, whose gradient is not defined where points are equal.
    squared = (both[:, None] - both).square().sum(2)
    widths = 2 * dim * squared.new_tensor(_SCALES)
    kernel = (widths / (widths + squared[..., None])).sum(2)
    within = kernel[:num, :num].sum() + kernel[num:, num:].sum() - kernel.diagonal().sum()
    return within / (num * (num - 1)) - 2 * kernel[:num, num:].mean()


@register_model
class WAESettings(RegularizedSettings):
    """The settings of :class:`WAE`."""

    autoencoder: ClassVar[type[RegularizedAE]] = WAE
    searched: ClassVar[tuple[str, float, float]] = ("prior_weight", 0.1, 100.0)

    arch: Literal["wae"] = "wae"
    prior_weight: Weight = 10.0
