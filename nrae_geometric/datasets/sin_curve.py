r"""Noisy points of a sine wave in the plane."""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch_geometric.data import Data, InMemoryDataset

from nrae_geometric.arguments import integer, number
from nrae_geometric.datasets._common import (
    SyntheticSettings,
    add_gaussian_noise,
    check_seed,
)
from nrae_geometric.registry import register_dataset


class SinCurve(InMemoryDataset):
    r"""The noisy sine wave of the denoising experiment in the `"Neighborhood Reconstructing
    Autoencoders" <https://openreview.net/forum?id=v3LXWP63qOZ>`_ paper.

    .. math::
        \mathbf{x}_i = (t_i, \sin t_i) + \sigma \boldsymbol{\epsilon}_i, \qquad
        t_i \text{ evenly spaced over } [-\pi, \pi], \quad
        \boldsymbol{\epsilon}_i \sim \mathcal{N}(\mathbf{0}, I)

    The one graph has :obj:`x` of shape :obj:`[num_nodes, 2]` and the curve parameter
    :math:`t_i` as :obj:`y` of shape :obj:`[num_nodes]`.

    Args:
        num_nodes (int, optional): The number of points. (default: :obj:`50`)
        noise (float, optional): The standard deviation :math:`\sigma` in both coordinates.
            (default: :obj:`0.3`)
        seed (int, optional): The seed of the noise; PyTorch's global random state is neither
            used nor changed. (default: :obj:`0`)
        transform (callable, optional): Maps a :class:`~torch_geometric.data.Data` to its
            transformed version at every access. (default: :obj:`None`)

    Raises:
        TypeError: If a number or a seed is none.
        ValueError: If there are no points, the noise is negative or not finite, or the seed is
            out of range.
    """

    def __init__(
        self,
        num_nodes: int = 50,
        noise: float = 0.3,
        seed: int = 0,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        num_nodes, seed = integer("num_nodes", num_nodes, 1), check_seed(seed)
        noise = number("noise", noise, 0)
        super().__init__(transform=transform)
        self.num_nodes, self.noise, self.seed = num_nodes, noise, seed
        data = self.manifold(num_nodes)
        data.x = add_gaussian_noise(data.x, noise, seed)
        self.data, self.slices = self.collate([data])

    def manifold(self, num: int = 1000) -> Data:
        r"""Returns clean points of the curve, in the order of the curve parameter.

        Args:
            num (int, optional): The number of points. (default: :obj:`1000`)

        Returns:
            Data: The points :obj:`x` :obj:`[num, 2]` and their parameters :obj:`y` :obj:`[num]`.
        """
        num = integer("num", num, 1)
        t = torch.linspace(-math.pi, math.pi, num)
        return Data(x=torch.stack([t, t.sin()], dim=1), y=t)

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(num_nodes={self.num_nodes}, noise={self.noise}, "
            f"seed={self.seed})"
        )


@register_dataset
class SinCurveSettings(SyntheticSettings):
    """The settings of :class:`SinCurve` in a configuration."""

    type: Literal["sincurve"] = "sincurve"

    def build(self, seed: int) -> SinCurve:
        """Returns the data set."""
        return SinCurve(self.num_data, self.noise_level, seed=seed)

    @property
    def point_shape(self) -> tuple[int, ...]:
        """The shape of one point."""
        return (2,)
