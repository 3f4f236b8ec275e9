"""Latent traversals: the curve that a model with a one-dimensional latent space has learned."""

from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from nrae_geometric.nn.evaluation import evaluating, to_model


@runtime_checkable
class Autoencoder(Protocol):
    """The part of a model that pictures need; :class:`~nrae_geometric.nn.AE` has it."""

    decoder: nn.Module

    def encode(self, x: Tensor, edge_index: Tensor | None = None) -> Tensor:
        """Returns the latents :obj:`[N, d]` of points :obj:`[N, *]`."""

    def decode(self, z: Tensor) -> Tensor:
        """Returns the points :obj:`[N, *]` at latents :obj:`[N, d]`."""


def encode(
    model: Autoencoder, x: Tensor, edge_index: Tensor | None = None, **edges: Tensor
) -> Tensor:
    """Encodes points on the model's device and in its precision.

    Args:
        model (Autoencoder): The autoencoder.
        x (torch.Tensor): The points, :obj:`[N, *]`, anywhere.
        edge_index (torch.Tensor, optional): The graph for encoders that use one, :obj:`[2, E]`.
            (default: :obj:`None`)
        **edges (torch.Tensor): What the encoder takes of the edges beside, see
            :obj:`AE.encoder_edge_arguments`.

    Returns:
        torch.Tensor: The latents, :obj:`[N, 1]`.

    Raises:
        ValueError: If the latent space has more than one dimension.
    """
    module = cast(nn.Module, model)
    graph = None if edge_index is None else to_model(module, edge_index)
    x = x if x.is_floating_point() else x.float()
    z = model.encode(to_model(module, x), graph, **edges)
    if z.dim() != 2 or z.size(1) != 1:
        raise ValueError(
            f"the encoder gave latents of shape {tuple(z.shape)}; only a 1-dimensional latent "
            f"space ([{x.size(0)}, 1]) can be pictured as a curve (for 2 dimensions: "
            "plot_latent_planes)"
        )
    return z


def decode_latent_range(
    model: Autoencoder, x: Tensor, edge_index: Tensor | None = None, num: int = 300
) -> tuple[Tensor, Tensor]:
    """Decodes an even grid over the range of the latents of points, in evaluation mode.

    Args:
        model (Autoencoder): An autoencoder with a one-dimensional latent space.
        x (torch.Tensor): The points, :obj:`[N, *]`, anywhere.
        edge_index (torch.Tensor, optional): The graph for encoders that use one, :obj:`[2, E]`.
            (default: :obj:`None`)
        num (int, optional): The number of grid points. (default: :obj:`300`)

    Returns:
        (torch.Tensor, torch.Tensor): The grid, :obj:`[num, 1]`, from the smallest to the largest
        latent, and its decoded points, :obj:`[num, *]`, both where the model lives.

    Raises:
        ValueError: If the latent space has more than one dimension.
    """
    with evaluating(cast(nn.Module, model)):
        grid = latent_grid(encode(model, x, edge_index), num)
        return grid, model.decode(grid)


def latent_grid(z: Tensor, num: int) -> Tensor:
    """Returns :obj:`num` evenly spaced latents, :obj:`[num, 1]`, over the range of :obj:`z`."""
    steps = torch.linspace(0, 1, num, device=z.device, dtype=z.dtype).unsqueeze(1)
    return torch.lerp(z.min(), z.max(), steps)
