r"""The plain autoencoder."""

import inspect
from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import Sequential
from torch_geometric.nn.inits import reset

from nrae_geometric.registry import ModelSettings, register_model


class AE(nn.Module):
    r"""The autoencoder: an encoder :math:`g` and a decoder :math:`f` with
    :math:`f(g(x)) \approx x`.

    Args:
        encoder: A module ``x [N, *] -> z [N, d]``, or a graph neural network
            ``(x, edge_index) -> z``.
        decoder: A module ``z [N, d] -> x [N, *]`` that treats each row by itself.

    Attributes:
        encoder_uses_graph: Whether the encoder takes a graph.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.encoder_uses_graph = _takes_edge_index(encoder)

    def reset_parameters(self) -> None:
        """Draws all learnable parameters anew."""
        reset(self.encoder)
        reset(self.decoder)

    def encode(self, x: Tensor, edge_index: Tensor | None = None) -> Tensor:
        """Returns the latent coordinates ``[N, d]`` of the points ``[N, *]``.

        Args:
            x: The points, ``[N, *]``.
            edge_index: The graph, ``[2, E]``; used where the encoder takes one.

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
        """Returns the points ``[N, *]`` at latent coordinates ``[N, d]``."""
        return self.decoder(z)

    def forward(self, x: Tensor, edge_index: Tensor | None = None) -> Tensor:
        """Returns the reconstruction :math:`f(g(x))` of the points, ``[N, *]``."""
        return self.decode(self.encode(x, edge_index))

    def loss(self, batch: Data) -> Tensor:
        r"""The squared error of the centers, averaged over points and dimensions.

        Args:
            batch: Points ``batch.x`` of which the first ``batch.batch_size`` are centers (all
                without that attribute), and ``batch.edge_index`` for an encoder that takes it.
        """
        num_centers = num_centers_of(batch)
        if self.encoder_uses_graph:
            z = self.encode(batch.x, batch.edge_index)[:num_centers]
        else:
            z = self.encode(batch.x[:num_centers])
        x = batch.x[:num_centers]
        recon = self.decode(z)
        if recon.shape != x.shape:
            raise ValueError(
                f"the decoder returns points of shape {tuple(recon.shape[1:])}, "
                f"but x has points of shape {tuple(x.shape[1:])}"
            )
        return (x - recon).square().mean()


def num_centers_of(batch: Data) -> int:
    return batch.batch_size if "batch_size" in batch else batch.num_nodes


def _takes_edge_index(encoder: Callable[..., Tensor]) -> bool:
    if isinstance(encoder, Sequential):  # PyG's hides its arguments behind *args
        return "edge_index" in encoder.signature.param_dict
    forward = getattr(encoder, "forward", encoder)
    return "edge_index" in inspect.signature(forward).parameters


@register_model
class AESettings(ModelSettings):
    """The settings of :class:`AE`."""

    arch: Literal["ae"] = "ae"

    def build(self, encoder: nn.Module, decoder: nn.Module) -> AE:
        """Returns the model."""
        return AE(encoder, decoder)
