r"""The denoising autoencoder."""

import copy
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.arguments import number
from nrae_geometric.nn.models.regularized import RegularizedAE, RegularizedSettings
from nrae_geometric.registry import Length, register_model


class DAE(RegularizedAE):
    r"""The denoising autoencoder, which reconstructs points from noisy ones.

    .. math::
        \mathcal{L} = \frac{1}{B D} \sum_i \lVert x_i - f(g(x_i + \sigma \epsilon_i)) \rVert^2,
        \qquad \epsilon_i \sim \mathcal{N}(0, I)

    Noise is added in training mode alone. Use it where points are dense, and the noise of what is
    to come is known.

    Args:
        encoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        decoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        noise (float, optional): The standard deviation :math:`\sigma \geq 0`, in the unit of the
            points. (default: :obj:`0.1`)
        neighborhood_weight (float, optional): As in
            :class:`~nrae_geometric.nn.models.regularized.RegularizedAE`. (default: :obj:`0.0`)

    Raises:
        ValueError: If the noise or a weight is negative or not finite.

    Source: Vincent, Larochelle, Bengio and Manzagol, `"Extracting and Composing Robust Features
    with Denoising Autoencoders" <https://doi.org/10.1145/1390156.1390294>`_, ICML 2008.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        noise: float = 0.1,
        neighborhood_weight: float = 0.0,
    ) -> None:
        super().__init__(encoder, decoder, neighborhood_weight)
        self.noise = number("noise", noise, 0)

    def corrupted(self, batch: Data) -> Data:
        """Returns the batch with noise on its points while the model is trained."""
        if not self.training or not batch.x.is_floating_point():
            return batch
        batch = copy.copy(batch)
        batch.x = batch.x + self.noise * torch.randn_like(batch.x)
        return batch

    def objective(self, x: Tensor, code: Tensor, batch: Data) -> Tensor:
        """Returns the squared error between what noisy points decode to and the points."""
        return self.reconstruction(x, code)


@register_model
class DAESettings(RegularizedSettings):
    """The settings of :class:`DAE`."""

    autoencoder: ClassVar[type[RegularizedAE]] = DAE
    searched: ClassVar[tuple[str, float, float]] = ("noise", 0.01, 1.0)

    arch: Literal["dae"] = "dae"
    noise: Length = 0.1
