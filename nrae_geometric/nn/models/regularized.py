r"""Autoencoders whose loss has a term besides the reconstruction."""

from inspect import signature
from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.arguments import number
from nrae_geometric.nn.losses import NeighborhoodReconstruction
from nrae_geometric.nn.models.ae import AE
from nrae_geometric.nn.parts import weighted_by_edges
from nrae_geometric.registry import ModelSettings

Weight = Annotated[float, Field(ge=0, le=1e30)]
"""A factor of a term of a loss."""


class RegularizedAE(AE):
    r"""An autoencoder whose loss is that of a subclass, with or without the neighborhoods.

    .. math::
        \mathcal{L} = \mathcal{L}_{\text{objective}} +
        \frac{w}{D}\, \mathcal{L}_{\text{neighborhoods}}

    The second term is :class:`~nrae_geometric.nn.NeighborhoodReconstruction` of first order over
    the edges into the centers, for each of the :math:`D` values of a point. So the local
    connectivity of a graph can be asked of any model.

    Args:
        encoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        decoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        neighborhood_weight (float, optional): The weight :math:`w \geq 0` of the neighborhoods.
            (default: :obj:`0.0`)

    Raises:
        TypeError: If a weight is no number.
        ValueError: If a weight is negative or not finite.
    """

    encodes_neighbors = False
    """Whether the objective needs the codes of neighbors beside those of centers, and edges."""

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, neighborhood_weight: float = 0.0
    ) -> None:
        super().__init__(encoder, decoder)
        self.neighborhood_weight = number("neighborhood_weight", neighborhood_weight, 0)
        self.neighborhoods = NeighborhoodReconstruction()

    def loss(self, batch: Data) -> Tensor:
        """Returns the loss of the centers and of the edges into them.

        Args:
            batch (torch_geometric.data.Data): Points :obj:`batch.x` of which the first
                :obj:`batch.batch_size` are centers (all without that attribute), and
                :obj:`batch.edge_index` from neighbor to center where the neighborhoods count.

        Raises:
            ValueError: If neighborhoods count and there is no edge into a center, or the
                decoder's points have another shape than those of the batch.
        """
        x = self._centers(batch)
        seen = self.corrupted(batch)
        if not (self.neighborhood_weight or self.encodes_neighbors):
            return self.objective(x, self.code_centers(seen)[1], batch)
        if batch.edge_index is None:
            raise ValueError("the batch has no edge_index; build a graph with KNNGraph first")
        code = self.code_batch(seen)
        objective = self.objective(x, code if self.encodes_neighbors else code[: len(x)], batch)
        if not self.neighborhood_weight:
            return objective
        neighborhoods = self.neighborhoods(
            self.decoder, self.latents(code), batch.x, batch.edge_index, batch.get("batch_size")
        )
        weight = self.neighborhood_weight / x[0].numel()
        return objective + weight * weighted_by_edges(neighborhoods, batch)

    @classmethod
    def setting_names(cls) -> list[str]:
        """Returns the names of the arguments beside the networks, which are attributes too."""
        return [name for name in signature(cls).parameters if name not in ("encoder", "decoder")]

    def extra_repr(self) -> str:
        """Returns the settings."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.setting_names())

    def corrupted(self, batch: Data) -> Data:
        """Returns the batch as the encoder sees it: as it is."""
        return batch

    def objective(self, x: Tensor, code: Tensor, batch: Data) -> Tensor:
        """Returns the loss without the neighborhoods, ``[]``.

        Args:
            x (torch.Tensor): The centers, :obj:`[B, *]`.
            code (torch.Tensor): What the encoder returns for them, :obj:`[B, encoder_width]`, or
                for all points of the batch where it :obj:`encodes_neighbors`.
            batch (torch_geometric.data.Data): The batch, or a part of it. A mean over centers is
                that of the part; what is over several of them at once takes those of all parts, see
                :mod:`nrae_geometric.nn.parts`.
        """
        raise NotImplementedError

    def reconstruction(self, x: Tensor, z: Tensor) -> Tensor:
        """Returns the squared error of points decoded from their latents, averaged over points
        and values.

        Args:
            x (torch.Tensor): The points, :obj:`[B, *]`.
            z (torch.Tensor): Their latents, :obj:`[B, d]`.

        Raises:
            ValueError: If the decoder's points have another shape than those given.
        """
        return squared_error(self.decode(z), x).mean()


def squared_error(decoded: Tensor, x: Tensor) -> Tensor:
    """Returns the squared difference of decoded points and points, of the shape of both.

    Args:
        decoded (torch.Tensor): What the decoder returns, :obj:`[B, *]`.
        x (torch.Tensor): The points, :obj:`[B, *]`.

    Raises:
        ValueError: If their shapes differ.
    """
    if decoded.shape != x.shape:
        raise ValueError(
            f"the decoder returns points of shape {tuple(decoded.shape[1:])}, "
            f"but x has points of shape {tuple(x.shape[1:])}"
        )
    return (x - decoded).square()


class RegularizedSettings(ModelSettings):
    """The settings of a :class:`RegularizedAE`, which are the arguments beside its networks."""

    autoencoder: ClassVar[type[RegularizedAE]]
    searched: ClassVar[tuple[str, float, float]]
    """The setting that a search is to try, and its smallest and largest value."""

    neighborhood_weight: Weight = 0.0

    @property
    def follows_graph(self) -> bool:
        """Whether the neighborhoods count."""
        return self.needs_graph or self.neighborhood_weight > 0

    def build(self, encoder: nn.Module, decoder: nn.Module) -> RegularizedAE:
        """Returns the model."""
        names = self.autoencoder.setting_names()
        return self.autoencoder(encoder, decoder, **{name: getattr(self, name) for name in names})

    @classmethod
    def search_space(cls, trial: Any) -> dict[str, Any]:
        """Returns a value of the setting to try."""
        name, low, high = cls.searched
        return {name: trial.suggest_float(name, low, high, log=True)}
