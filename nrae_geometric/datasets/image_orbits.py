r"""Orbits of one image under rotation and under horizontal translation.

An affine map about the image's center takes each output pixel at offset :math:`\mathbf{p}` from
the center to the source offset :math:`A \mathbf{p} + \mathbf{b}`; the output is the value of the
nearest source pixel, or zero outside the image. No value is interpolated, so every pixel of an
orbit is a pixel of the image or zero.
"""

import torch
from torch import Tensor


def rotate(image: Tensor, angles: Tensor) -> Tensor:
    r"""Rotates an image about its center, clockwise.

    Args:
        image (Tensor): The image, of shape :obj:`[C, H, W]` and any type.
        angles (Tensor): The angles in degrees, of shape :obj:`[M]`.

    Returns:
        Tensor: One image for each angle, of shape :obj:`[M, C, H, W]` and the image's type.
    """
    radians = angles.double().deg2rad()
    cos, sin, zero = radians.cos(), radians.sin(), torch.zeros_like(radians)
    return _resample(image, torch.stack([cos, sin, zero, -sin, cos, zero], dim=1).view(-1, 2, 3))


def shift(image: Tensor, offsets: Tensor, scale: float = 1.0) -> Tensor:
    r"""Scales an image about its center, then moves it to the right.

    Args:
        image (Tensor): The image, of shape :obj:`[C, H, W]` and any type.
        offsets (Tensor): The shifts in pixels, of shape :obj:`[M]`; negative ones go left.
        scale (float, optional): The factor by which the picture grows. (default: :obj:`1.0`)

    Returns:
        Tensor: One image for each offset, of shape :obj:`[M, C, H, W]` and the image's type.
    """
    inverse = offsets.new_zeros(len(offsets), 2, 3, dtype=torch.float64)
    inverse[:, 0, 0] = inverse[:, 1, 1] = 1 / scale
    inverse[:, 0, 2] = -offsets.double() * (1 / scale)
    return _resample(image, inverse)


def _resample(image: Tensor, inverse: Tensor) -> Tensor:
    r"""Looks up the nearest source pixels; :obj:`inverse` :obj:`[M, 2, 3]` holds
    :math:`[A \,|\, \mathbf{b}]` in (x, y) order.

    A scale such as 0.7 puts some source points exactly between two pixels, where rounding errors
    decide. Single precision on coordinates normalized to [-1, 1], in this order of operations,
    decides as torchvision does. Elementwise operations, unlike a matrix product or
    :func:`torch.nn.functional.grid_sample`, round alike on every machine.
    """
    height, width = image.shape[-2:]
    size = torch.tensor([width, height], dtype=torch.float32, device=image.device).view(2, 1, 1)
    x = torch.arange(width, dtype=torch.float32, device=image.device) - (width - 1) / 2
    y = torch.arange(height, dtype=torch.float32, device=image.device) - (height - 1) / 2
    matrix = inverse.to(image.device, torch.float32)[..., None, None] / (size / 2).unsqueeze(1)
    ax, ay, b = matrix.unbind(2)
    normalized = ax * x + ay * y.unsqueeze(1) + b  # [M, 2, H, W]
    source = torch.round(((normalized + 1) * size - 1) / 2)

    outside = ((source < 0) | (source >= size)).any(dim=1)
    column, row = torch.minimum(source.clamp(min=0), size - 1).long().unbind(1)
    return image[:, row, column].masked_fill(outside, 0).transpose(0, 1).contiguous()
