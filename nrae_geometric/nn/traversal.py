"""From a model with a one-dimensional latent space to the curve it has learned."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class Autoencoder(Protocol):
    """What pictures need of a model; :class:`nrae_geometric.nn.AE` and ``NRAE`` have it."""

    decoder: nn.Module

    def encode(self, x: Tensor, edge_index: Tensor | None = None) -> Tensor:
        """Return latents of shape :obj:`[N, d]`."""

    def decode(self, z: Tensor) -> Tensor:
        """Return points of shape :obj:`[N, *feature_shape]`."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters, which tell the device and the precision."""


def encode(model: Autoencoder, x: Tensor, edge_index: Tensor | None = None) -> Tensor:
    """Encode ``x`` on the model's device and in its precision.

    Args:
        model: An autoencoder.
        x: Points of shape :obj:`[N, *feature_shape]`, anywhere.
        edge_index: Graph over the points for encoders that use one.

    Returns:
        Latents of shape :obj:`[N, 1]`.

    Raises:
        ValueError: If the latent space has more than one dimension.
    """
    parameter = next(model.parameters(), None)
    if parameter is not None:
        x = x.to(parameter.device, parameter.dtype)
        edge_index = None if edge_index is None else edge_index.to(parameter.device)
    z = model.encode(x, edge_index)
    if z.dim() != 2 or z.size(1) != 1:
        raise ValueError(
            f"the encoder gave latents of shape {tuple(z.shape)}; only a 1-dimensional latent "
            f"space ([{x.size(0)}, 1]) can be pictured as a curve (for 2 dimensions: plot_latents)"
        )
    return z


@torch.no_grad()
def learned_manifold(
    model: Autoencoder, x: Tensor, edge_index: Tensor | None = None, num: int = 300
) -> tuple[Tensor, Tensor]:
    """Decode an even grid over the range of the latents of ``x``.

    Args:
        model: An autoencoder with a 1-dimensional latent space.
        x: Training points of shape :obj:`[N, *feature_shape]`.
        edge_index: Graph over the points for encoders that use one.
        num: Number of grid points.

    Returns:
        The grid :obj:`[num, 1]` from the smallest to the largest latent, and its decoded points
        :obj:`[num, *feature_shape]`, both where the model lives.
    """
    grid = latent_grid(encode(model, x, edge_index), num)
    return grid, model.decode(grid)


def latent_grid(z: Tensor, num: int) -> Tensor:
    """Return ``num`` evenly spaced latents :obj:`[num, 1]` from the least to the greatest of z."""
    steps = torch.linspace(0, 1, num, device=z.device, dtype=z.dtype).unsqueeze(1)
    return torch.lerp(z.min(), z.max(), steps)
