r"""Argument checks, noise and settings that several data sets share."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.registry import DatasetSettings, Length


def check_seed(seed: int) -> int:
    r"""Returns a seed that every generator takes as an integer of Python.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is negative or above :math:`2^{32} - 1`.
    """
    return integer("seed", seed, 0, 2**32 - 1)


def add_gaussian_noise(x: Tensor, std: float, seed: int) -> Tensor:
    r"""Returns :math:`x + \sigma \epsilon` with :math:`\epsilon \sim \mathcal{N}(0, I)`.

    PyTorch's global random state is neither used nor changed.

    Args:
        x (Tensor): Points of any shape, on the CPU.
        std (float): The standard deviation :math:`\sigma`, in the units of :obj:`x`.
        seed (int): The seed of the draw.

    Returns:
        Tensor: The noisy points, in the shape of :obj:`x`.
    """
    generator = torch.Generator().manual_seed(seed)
    return x + std * torch.randn(x.shape, generator=generator, dtype=x.dtype)


class SyntheticSettings(DatasetSettings):
    """The settings of noisy points drawn from a formula."""

    dataset: Literal["synthetic"]
    num_data: Annotated[int, Field(ge=2, le=10**8)] = 50
    noise_level: Length = 0.0

    @property
    def num_points(self) -> int:
        """The number of points."""
        return self.num_data
