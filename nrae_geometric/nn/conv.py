"""Small convolutional encoders and decoders of images of any size."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from nrae_geometric.nn.mlp import Activation, mlp, new_activation, new_layer

# Kernels of a whole number of strides leave no checkerboard behind.
_KERNEL, _STRIDE, _PADDING = 4, 2, 1


def conv_encoder(
    point_shape: Sequence[int],
    out_width: int,
    *,
    channels: Sequence[int] = (16, 32),
    hidden: Sequence[int] = (128,),
    activation: Activation = "elu",
    generator: torch.Generator | None = None,
) -> nn.Sequential:
    r"""Builds a convolutional encoder of images.

    Convolutions of 4 x 4 pixels, each of which halves height and width, and a multi-layer
    perceptron behind them.

    Args:
        point_shape (Sequence[int]): The shape of one image, :obj:`[C, H, W]` or :obj:`[H, W]`.
        out_width (int): The number of latent coordinates.
        channels (Sequence[int], optional): The channels behind each convolution.
            (default: :obj:`(16, 32)`)
        hidden (Sequence[int], optional): The widths of the hidden layers of the perceptron.
            (default: :obj:`(128,)`)
        activation (str or callable, optional): As in :func:`~nrae_geometric.nn.mlp`.
            (default: :obj:`"elu"`)
        generator (torch.Generator, optional): What the weights are drawn from; :obj:`None` is
            PyTorch's global generator. (default: :obj:`None`)

    Returns:
        torch.nn.Sequential: :obj:`[N, *point_shape] -> [N, out_width]`.

    Raises:
        ValueError: If the points are no images, or too small for so many convolutions (4 x 4
            pixels for two).
    """
    sizes = _sizes(point_shape, channels)
    layers: list[nn.Module] = []
    if len(point_shape) == 2:
        layers.append(nn.Unflatten(1, sizes[0][:2]))
    for (width_in, *_), (width_out, *_) in pairwise(sizes):
        args = (width_in, width_out, _KERNEL, _STRIDE, _PADDING)
        layers.append(new_layer(nn.Conv2d, *args, generator=generator))
        layers.append(new_activation(activation))
    widths = [math.prod(sizes[-1]), *hidden, out_width]
    return nn.Sequential(*layers, nn.Flatten(), *mlp(widths, activation, generator=generator))


def conv_decoder(
    latent_dim: int,
    point_shape: Sequence[int],
    *,
    channels: Sequence[int] = (16, 32),
    hidden: Sequence[int] = (128,),
    activation: Activation = "elu",
    generator: torch.Generator | None = None,
) -> nn.Sequential:
    r"""Builds the mirror of :func:`conv_encoder`, of transposed convolutions.

    Each of its layers has a Taylor rule.

    Args:
        latent_dim (int): The number of latent coordinates.
        point_shape (Sequence[int]): The shape of one image, :obj:`[C, H, W]` or :obj:`[H, W]`.
        channels (Sequence[int], optional): Those of the encoder. (default: :obj:`(16, 32)`)
        hidden (Sequence[int], optional): Those of the encoder. (default: :obj:`(128,)`)
        activation (str or callable, optional): As in :func:`~nrae_geometric.nn.mlp`.
            (default: :obj:`"elu"`)
        generator (torch.Generator, optional): What the weights are drawn from; :obj:`None` is
            PyTorch's global generator. (default: :obj:`None`)

    Returns:
        torch.nn.Sequential: :obj:`[N, latent_dim] -> [N, *point_shape]`.

    Raises:
        ValueError: If the points are no images, or too small for so many convolutions (4 x 4
            pixels for two).
    """
    sizes = _sizes(point_shape, channels)[::-1]
    widths = [latent_dim, *reversed(hidden), math.prod(sizes[0])]
    dense = mlp(widths, activation, generator=generator)
    layers: list[nn.Module] = [*dense, nn.Unflatten(1, sizes[0])]
    for before, after in pairwise(sizes):
        layers.append(new_activation(activation))
        odd = tuple(size % _STRIDE for size in after[1:])
        args = (before[0], after[0], _KERNEL, _STRIDE, _PADDING, odd)
        layers.append(new_layer(nn.ConvTranspose2d, *args, generator=generator))
    if len(point_shape) == 2:
        layers.append(nn.Flatten(1, 2))
    return nn.Sequential(*layers)


def _sizes(point_shape: Sequence[int], channels: Sequence[int]) -> list[tuple[int, int, int]]:
    """Channels, height and width of an image, and of what each convolution makes of it."""
    if len(point_shape) not in (2, 3):
        shape = ", ".join(map(str, ("N", *point_shape)))
        raise ValueError(
            "convolutional networks take images, [N, C, H, W] or [N, H, W], but the points are "
            f"[{shape}]; reshape them to images, or use a multi-layer perceptron"
        )
    num_channels, height, width = (1, *point_shape)[-3:]
    least = _STRIDE ** len(channels)
    if min(height, width) < least:
        raise ValueError(
            f"{len(channels)} convolutions that halve an image take {least} x {least} pixels or "
            f"more, but these images have {height} x {width}; use a multi-layer perceptron"
        )
    sizes = [(num_channels, height, width)]
    for num_channels in channels:
        height, width = height // _STRIDE, width // _STRIDE
        sizes.append((num_channels, height, width))
    return sizes
