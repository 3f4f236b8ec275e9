r"""Kernels: the weight of each neighbor's reconstruction in the loss.

A kernel is any callable :obj:`(x_center [E, *], x_neighbor [E, *]) -> [E]`.
"""

import torch
from torch import Tensor, nn

from nrae_geometric.arguments import number


class BinaryKernel(nn.Module):
    r"""One for the center itself, a constant for every other point.

    .. math::
        K(x, x') = \begin{cases} 1 & \lVert x - x' \rVert < 10^{-12} \\
        \lambda & \text{otherwise} \end{cases}

    Args:
        weight (float): The constant :math:`\lambda \geq 0`.

    Raises:
        TypeError: If the weight is no number.
        ValueError: If the weight is negative or not finite.

    Source: Lee, Kwon and Park, "Neighborhood Reconstructing Autoencoders", NeurIPS 2021,
    section 3.2.
    """

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = number("weight", weight, 0)

    def forward(self, x_center: Tensor, x_neighbor: Tensor) -> Tensor:
        """Returns the weight of each edge, :obj:`[E]`, from its two points, :obj:`[E, *]` each."""
        distance = torch.linalg.vector_norm((x_center - x_neighbor).flatten(1), dim=1)
        return torch.full_like(distance, self.weight).masked_fill(distance < 1e-12, 1)

    def extra_repr(self) -> str:
        """Returns the settings."""
        return f"weight={self.weight}"


class GaussianKernel(nn.Module):
    r"""Larger weights for nearer neighbors.

    .. math::
        K(x, x') = \exp(-\lVert x - x' \rVert^2 / 2 h^2)

    Args:
        bandwidth (float): The length :math:`h > 0`, in the unit of the points.

    Raises:
        TypeError: If the bandwidth is no number.
        ValueError: If the bandwidth is not positive and finite.
    """

    def __init__(self, bandwidth: float) -> None:
        super().__init__()
        self.bandwidth = number("bandwidth", bandwidth, above=0)

    def forward(self, x_center: Tensor, x_neighbor: Tensor) -> Tensor:
        """Returns the weight of each edge, :obj:`[E]`, from its two points, :obj:`[E, *]` each."""
        squared = (x_center - x_neighbor).flatten(1).square().sum(1)
        return torch.exp(squared / (-2 * self.bandwidth**2))

    def extra_repr(self) -> str:
        """Returns the settings."""
        return f"bandwidth={self.bandwidth}"
