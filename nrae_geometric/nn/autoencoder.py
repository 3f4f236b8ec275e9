r"""Autoencoders, plain and neighbourhood reconstructing."""

import inspect
from collections.abc import Callable

from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import Sequential
from torch_geometric.nn.inits import reset

from nrae_geometric.nn.neighborhood_reconstruction import Kernel, NeighborhoodReconstruction


class AE(nn.Module):
    r"""The autoencoder: an encoder :math:`g` and a decoder :math:`f` with
    :math:`f(g(x)) \approx x`.

    Args:
        encoder: A module ``x [N, *] -> z [N, d]``, or a graph neural network
            ``(x, edge_index) -> z``.
        decoder: A module ``z [N, d] -> x [N, *]`` that treats each row by itself.

    Attributes:
        encodes_graphs: Whether the encoder takes a graph.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.encodes_graphs = _takes_edge_index(encoder)

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
        if not self.encodes_graphs:
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
        r"""The squared error of the centres, averaged over points and dimensions.

        Args:
            batch: Points ``batch.x`` of which the first ``batch.batch_size`` are centres (all
                without that attribute), and ``batch.edge_index`` for an encoder that takes it.
        """
        num_centers = _num_centers(batch)
        if self.encodes_graphs:
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


class NRAE(AE):
    r"""The neighborhood reconstructing autoencoder: an autoencoder whose decoder's local Taylor
    expansion reconstructs the graph neighbours of each point.

    The loss is :class:`NeighborhoodReconstruction`; order 1 is published as NRAE-L, order 2 as
    NRAE-Q.

    Args:
        encoder: A module ``x [N, *] -> z [N, d]``, or a graph neural network
            ``(x, edge_index) -> z``.
        decoder: A module ``z [N, d] -> x [N, *]`` that treats each row by itself.
        order: The order of the expansion, 1 or 2.
        kernel: The weight of each neighbour, see :mod:`nrae_geometric.nn.kernels`; 1 by default.

    Source: Lee, Kwon and Park, `"Neighborhood Reconstructing Autoencoders"
    <https://proceedings.neurips.cc/paper/2021/hash/05311655a15b75fab86956663e1819cd-Abstract.html>`_,
    NeurIPS 2021.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        order: int = 1,
        kernel: Kernel | None = None,
    ) -> None:
        super().__init__(encoder, decoder)
        self.criterion = NeighborhoodReconstruction(order, kernel)

    @property
    def order(self) -> int:
        """The order of the expansion."""
        return self.criterion.order

    def loss(self, batch: Data) -> Tensor:
        """The neighbourhood reconstruction loss of the edges into the centres.

        Args:
            batch: Points ``batch.x`` of which the first ``batch.batch_size`` are centres (all
                without that attribute), and ``batch.edge_index`` from neighbour to centre. Where
                it says ``batch.num_neighbors``, each centre has so many edges, side by side.
        """
        if batch.edge_index is None:
            raise ValueError("the batch has no edge_index; build a graph with KNNGraph first")
        z = self.encode(batch.x, batch.edge_index)
        num_neighbors = batch.num_neighbors if "num_neighbors" in batch else None
        return self.criterion(
            self.decoder, z, batch.x, batch.edge_index, _num_centers(batch), num_neighbors
        )


def _num_centers(batch: Data) -> int:
    return batch.batch_size if "batch_size" in batch else batch.num_nodes


def _takes_edge_index(encoder: Callable[..., Tensor]) -> bool:
    if isinstance(encoder, Sequential):  # PyG's hides its arguments behind *args
        return "edge_index" in encoder.signature.param_dict
    forward = getattr(encoder, "forward", encoder)
    return "edge_index" in inspect.signature(forward).parameters
