r"""The plain autoencoder."""

from typing import Literal

from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn.inits import reset

from nrae_geometric._compat import takes_edge_index
from nrae_geometric.registry import ModelSettings, register_model


class AE(nn.Module):
    r"""The autoencoder: an encoder :math:`g` and a decoder :math:`f` with
    :math:`f(g(x)) \approx x`.

    Args:
        encoder (torch.nn.Module): A module :obj:`x [N, *] -> z [N, d]`, or a graph neural network
            :obj:`(x, edge_index) -> z`.
        decoder (torch.nn.Module): A module :obj:`z [N, d] -> x [N, *]` that treats each row by
            itself.

    Attributes:
        encoder_uses_graph (bool): Whether the encoder takes a graph.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.encoder_uses_graph = takes_edge_index(encoder)

    def reset_parameters(self) -> None:
        """Draws all learnable parameters anew."""
        reset(self.encoder)
        reset(self.decoder)

    def encode(self, x: Tensor, edge_index: Tensor | None = None) -> Tensor:
        """Returns the latent coordinates of points, :obj:`[N, d]`.

        Args:
            x (torch.Tensor): The points, :obj:`[N, *]`.
            edge_index (torch.Tensor, optional): The graph, :obj:`[2, E]`; used where the encoder
                takes one. (default: :obj:`None`)

        Raises:
            ValueError: If the encoder takes a graph and none is given.
        """
        if not self.encoder_uses_graph:
            return self.encoder(x)
        if edge_index is None:
            raise ValueError(
                f"the encoder {type(self.encoder).__name__} takes edge_index; pass the graph"
            )
        return self.encoder(x, edge_index)

    def decode(self, z: Tensor) -> Tensor:
        """Returns the points :obj:`[N, *]` at latent coordinates :obj:`[N, d]`."""
        return self.decoder(z)

    def forward(self, x: Tensor, edge_index: Tensor | None = None) -> Tensor:
        """Returns the reconstruction :math:`f(g(x))` of the points, :obj:`[N, *]`."""
        return self.decode(self.encode(x, edge_index))

    def encode_centers(self, batch: Data) -> tuple[Tensor, Tensor]:
        """Returns the centers of a batch, :obj:`[B, *]`, and their latents, :obj:`[B, d]`.

        Args:
            batch (torch_geometric.data.Data): Points :obj:`batch.x` of which the first
                :obj:`batch.batch_size` are centers (all without that attribute), and
                :obj:`batch.edge_index` for an encoder that takes it.
        """
        num_centers = batch.get("batch_size")
        x = batch.x[:num_centers]
        if self.encoder_uses_graph:
            return x, self.encode(batch.x, batch.edge_index)[:num_centers]
        return x, self.encode(x)

    def loss(self, batch: Data) -> Tensor:
        r"""Returns the squared error of the centers, averaged over points and dimensions.

        Args:
            batch (torch_geometric.data.Data): A batch as :meth:`encode_centers` takes it.

        Raises:
            ValueError: If the decoder's points have another shape than those of the batch.
        """
        x, z = self.encode_centers(batch)
        recon = self.decode(z)
        if recon.shape != x.shape:
            raise ValueError(
                f"the decoder returns points of shape {tuple(recon.shape[1:])}, "
                f"but x has points of shape {tuple(x.shape[1:])}"
            )
        return (x - recon).square().mean()


@register_model
class AESettings(ModelSettings):
    """The settings of :class:`AE`."""

    arch: Literal["ae"] = "ae"

    def build(self, encoder: nn.Module, decoder: nn.Module) -> AE:
        """Returns the model."""
        return AE(encoder, decoder)
