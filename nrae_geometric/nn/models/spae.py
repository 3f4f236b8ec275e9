r"""The structure-preserving autoencoder."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.arguments import flag, number
from nrae_geometric.nn.models.regularized import RegularizedAE, RegularizedSettings, Weight
from nrae_geometric.nn.parts import gathered
from nrae_geometric.registry import register_model


class SPAE(RegularizedAE):
    r"""The structure-preserving autoencoder, whose latents have the distances of the points up to
    one factor.

    .. math::
        \mathcal{L} = \frac{1}{B D} \sum_i \lVert x_i - f(z_i) \rVert^2 + \lambda
        \operatorname{Var}_{i < j} \log \frac{\lVert z_i - z_j \rVert}{\lVert x_i - x_j \rVert}

    with the :func:`log_ratio_variance` over all pairs of a batch. As far pairs count as much as
    near ones, and their distances are straight ones, it keeps the shape of a cloud of points as a
    whole; it does not unroll what is rolled up. With :obj:`per_point` each point has a factor of
    its own, so that parts of different scale can be kept side by side: the variance is that of the
    pairs of one point, averaged over points.

    Args:
        encoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        decoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        structure_weight (float, optional): The weight :math:`\lambda \geq 0`.
            (default: :obj:`1.0`)
        per_point (bool, optional): Whether each point has its own factor.
            (default: :obj:`False`)
        neighborhood_weight (float, optional): As in
            :class:`~nrae_geometric.nn.models.regularized.RegularizedAE`. (default: :obj:`0.0`)

    Raises:
        ValueError: If a weight is negative or not finite.

    Source: Singh and Nag, "Structure-Preserving Deep Autoencoder-based Dimensionality Reduction for
    Data Visualization", SNPD 2021, which has both: one factor for each point (R1) and one for all
    (R2). Its text could not be read for this implementation, which follows accounts of it; the
    default weight and variant are those of this library, and may not be the paper's.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        structure_weight: float = 1.0,
        per_point: bool = False,
        neighborhood_weight: float = 0.0,
    ) -> None:
        super().__init__(encoder, decoder, neighborhood_weight)
        self.structure_weight = number("structure_weight", structure_weight, 0)
        self.per_point = flag("per_point", per_point)

    def objective(self, x: Tensor, code: Tensor, batch: Data) -> Tensor:
        """Returns the squared error and the weighted variance of the ratios."""
        part = batch.get("part")
        points = gathered(x.detach(), part)
        variance = log_ratio_variance(points, gathered(code, part), self.per_point)
        return self.reconstruction(x, code) + self.structure_weight * variance


def log_ratio_variance(x: Tensor, z: Tensor, per_point: bool = False) -> Tensor:
    r"""Returns the variance of the logarithm of how much longer distances of latents are, ``[]``.

    Pairs of equal points or equal latents, which have no ratio, are left out. It is 0 where one
    factor turns all distances of points into those of their latents.

    Args:
        x (torch.Tensor): The points, :obj:`[B, *]`.
        z (torch.Tensor): Their latents, :obj:`[B, d]`.
        per_point (bool, optional): Whether to average the variances of the pairs of each point,
            over the points that have some. (default: :obj:`False`)
    """
    first, second = torch.triu_indices(len(x), len(x), 1, device=x.device)
    points = x.detach().flatten(1)
    # By matrix products, near points would have no distance in single precision.
    exact = "donot_use_mm_for_euclid_dist"
    of_points = torch.cdist(points, points, compute_mode=exact)[first, second]
    of_latents = (z[first] - z[second]).square().sum(1)
    is_apart = (of_points > 0) & (of_latents > 0)
    ratio = (
        torch.where(is_apart, of_latents, 1).log() / 2 - torch.where(is_apart, of_points, 1).log()
    )
    if not per_point:
        return _variances(ratio[None], is_apart[None])[0]
    rows = torch.arange(len(x), device=x.device)[:, None]
    # Each point's pairs are those in which it is the first or the second.
    of_point = ((first == rows) | (second == rows)) & is_apart
    has_pairs = of_point.any(1)
    return _variances(ratio.expand(len(x), -1), of_point).sum() / has_pairs.sum().clamp(min=1)


def _variances(values: Tensor, is_counted: Tensor) -> Tensor:
    """The variance of the counted values of each row, 0 where there are none."""
    num = is_counted.sum(1).clamp(min=1)
    mean = (values * is_counted).sum(1) / num
    return ((values - mean[:, None]) * is_counted).square().sum(1) / num


@register_model
class SPAESettings(RegularizedSettings):
    """The settings of :class:`SPAE`."""

    autoencoder: ClassVar[type[RegularizedAE]] = SPAE
    searched: ClassVar[tuple[str, float, float]] = ("structure_weight", 1e-3, 10.0)
    draws: ClassVar[bool] = False

    arch: Literal["spae"] = "spae"
    structure_weight: Weight = 1.0
    per_point: bool = False
