r"""Gaussian noise that depends on its seed alone."""

import torch
from torch import Tensor


def add_gaussian_noise(x: Tensor, std: float, seed: int) -> Tensor:
    r"""Returns :math:`x + \sigma \epsilon` with :math:`\epsilon \sim \mathcal{N}(0, I)`.

    The draw comes from a generator of its own, so it neither reads nor advances PyTorch's global
    random state.

    Args:
        x (Tensor): Points of any shape, on the CPU.
        std (float): The standard deviation :math:`\sigma`, in the units of :obj:`x`.
        seed (int): The seed of the draw.

    Returns:
        Tensor: The noisy points, in the shape of :obj:`x`.
    """
    generator = torch.Generator().manual_seed(seed)
    return x + std * torch.randn(x.shape, generator=generator, dtype=x.dtype)
