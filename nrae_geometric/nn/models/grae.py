r"""The geometry-regularized autoencoder."""

import math
from typing import ClassVar, Literal

from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.arguments import flag, number
from nrae_geometric.nn.models.regularized import RegularizedAE, RegularizedSettings, Weight
from nrae_geometric.registry import register_model

_STEEPNESS = 0.2


class GRAE(RegularizedAE):
    r"""The geometry-regularized autoencoder, whose latents stay near given coordinates.

    .. math::
        \mathcal{L} = \frac{1}{B D} \sum_i \lVert x_i - f(z_i) \rVert^2 +
        \frac{\lambda}{B d} \sum_i \lVert z_i - e_i \rVert^2

    with :math:`e_i` the coordinates :obj:`batch.embedding` of the points, such as
    :class:`~nrae_geometric.callbacks.EmbeddingStart` hands out: geodesic ones, principal components
    or those of any object with ``fit_transform``, such as PHATE, that of the paper. They are
    centered, and their variance is 1 over all dimensions. So an embedding that has no way back to
    the points, and none for new ones, gets both. Points left out to validate have no coordinates;
    their loss is the first term.

    With :obj:`relax` the weight falls from :math:`\lambda` to 0 around the middle of training,
    :math:`\lambda / (1 + e^{0.2 (t - T / 2)})` in epoch :math:`t` of :math:`T`. So the coordinates
    shape the latents first, and the reconstruction has the last word.

    With PHATE's coordinates, the paper's (``pip install 'nrae-geometric[phate]'``)::

        ManifoldAutoencoder(2, method="grae", init=phate.PHATE(n_components=2)).fit(points)

    Args:
        encoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        decoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        embedding_weight (float, optional): The weight :math:`\lambda \geq 0`; 100 is that of the
            authors' code. (default: :obj:`100.0`)
        relax (bool, optional): Whether the weight falls. (default: :obj:`False`)
        neighborhood_weight (float, optional): As in
            :class:`~nrae_geometric.nn.models.regularized.RegularizedAE`. (default: :obj:`0.0`)

    Raises:
        ValueError: If a weight is negative or not finite.

    Source: Duque, Morin, Wolf and Moon, `"Extendable and invertible manifold learning with geometry
    regularized autoencoders" <https://arxiv.org/abs/2007.07142>`_, IEEE BigData 2020.
    """

    needs_embedding = True

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        embedding_weight: float = 100.0,
        relax: bool = False,
        neighborhood_weight: float = 0.0,
    ) -> None:
        super().__init__(encoder, decoder, neighborhood_weight)
        self.embedding_weight = number("embedding_weight", embedding_weight, 0)
        self.relax = flag("relax", relax)
        self._share = 1.0

    def anneal(self, epoch: int, max_epochs: int) -> None:
        """Sets the weight to that of an epoch, where it falls.

        Args:
            epoch (int): The epoch, from 0.
            max_epochs (int): The number of epochs of the run.
        """
        if self.relax:
            exponent = _STEEPNESS * (epoch - max_epochs / 2)
            self._share = 1 / (1 + math.exp(min(exponent, 700.0)))

    def objective(self, x: Tensor, code: Tensor, batch: Data) -> Tensor:
        """Returns the squared error and the weighted distance from the coordinates.

        Raises:
            ValueError: If there are none while the model is trained, or they are of another shape.
        """
        error = self.reconstruction(x, code)
        embedding = batch.get("embedding")
        if embedding is None and not self.training:
            return error
        if embedding is None:
            raise ValueError(
                "GRAE needs coordinates of its points, batch.embedding: start from some, such as "
                "init='geodesic', or train with the callback EmbeddingStart(init, num_steps=0)"
            )
        target = embedding[: len(x)].to(code)
        if target.shape != code.shape:
            raise ValueError(
                f"batch.embedding has coordinates of shape {list(target.shape)}, but the latents "
                f"of these points are {list(code.shape)}"
            )
        return error + self.embedding_weight * self._share * (code - target).square().mean()


@register_model
class GRAESettings(RegularizedSettings):
    """The settings of :class:`GRAE`."""

    autoencoder: ClassVar[type[RegularizedAE]] = GRAE
    searched: ClassVar[tuple[str, float, float]] = ("embedding_weight", 0.01, 100.0)
    draws: ClassVar[bool] = False
    needs_embedding: ClassVar[bool] = True

    arch: Literal["grae"] = "grae"
    embedding_weight: Weight = 100.0
    relax: bool = False
