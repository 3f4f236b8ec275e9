r"""Noisy points of a Swiss roll: a spiral in the plane, or a rolled-up sheet in space."""

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

# The range of scikit-learn's roll: its parameter in radians, its height in the points' unit.
_PARAMETER_RANGE = (1.5 * math.pi, 4.5 * math.pi)
_HEIGHT = 21.0


class SwissRoll(InMemoryDataset):
    r"""The Swiss roll, as a curve in the plane or as a surface in space.

    With :obj:`dim=2` it is the spiral of the geometry-preserving experiment in the `"Neighborhood
    Reconstructing Autoencoders" <https://openreview.net/forum?id=v3LXWP63qOZ>`_ paper,

    .. math::
        \mathbf{x}_i = (r_i \cos\theta_i, \, 0.6 \, r_i \sin\theta_i), \qquad
        \theta_i = 2\pi i / N, \quad r_i \text{ evenly spaced over } [0.1, 3],
        \quad i = 0, \ldots, N - 1,

    and :obj:`y` of shape :obj:`[num_nodes]` is the angle :math:`\theta_i` in radians.

    With :obj:`dim=3` it is the roll of :func:`sklearn.datasets.make_swiss_roll`,

    .. math::
        \mathbf{x}_i = (t_i \cos t_i, \, h_i, \, t_i \sin t_i), \qquad
        t_i \sim \mathcal{U}(1.5\pi, 4.5\pi), \quad h_i \sim \mathcal{U}(0, 21),

    and :obj:`y` of shape :obj:`[num_nodes, 2]` holds the roll parameter :math:`t_i` in radians
    and the height :math:`h_i`. Noise :math:`\sigma \boldsymbol{\epsilon}_i` with
    :math:`\boldsymbol{\epsilon}_i \sim \mathcal{N}(\mathbf{0}, I)` is added to either.

    .. note::
        As published, the spiral's last angle :math:`2\pi (N - 1) / N` depends on the number of
        points: a sample of few points follows a slightly shorter spiral than
        :meth:`manifold`, the difference vanishing with :math:`1 / N`.

    Args:
        num_nodes (int, optional): The number of points :math:`N`. (default: :obj:`30`)
        noise (float, optional): The standard deviation :math:`\sigma` in every coordinate.
            (default: :obj:`0.01`)
        dim (int, optional): The dimension of the points, :obj:`2` or :obj:`3`.
            (default: :obj:`2`)
        seed (int, optional): The seed of the noise and, for :obj:`dim=3`, of the positions on
            the roll; PyTorch's global random state is neither used nor changed.
            (default: :obj:`0`)
        transform (callable, optional): Maps a :class:`~torch_geometric.data.Data` to its
            transformed version at every access. (default: :obj:`None`)

    Raises:
        TypeError: If a number or a seed is none.
        ValueError: If there are no points, the noise is negative or not finite, the dimension is
            neither 2 nor 3, or the seed is out of range.
    """

    def __init__(
        self,
        num_nodes: int = 30,
        noise: float = 0.01,
        dim: int = 2,
        seed: int = 0,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        num_nodes, seed = integer("num_nodes", num_nodes, 1), check_seed(seed)
        noise = number("noise", noise, 0)
        dim = integer("dim", dim, 2, 3)
        super().__init__(transform=transform)
        self.num_nodes, self.noise, self.dim, self.seed = num_nodes, noise, dim, seed
        data = _spiral(num_nodes) if dim == 2 else _random_roll(num_nodes, seed)
        data.x = add_gaussian_noise(data.x, noise, seed)
        self.data, self.slices = self.collate([data])

    def manifold(self, num: int = 1000) -> Data:
        r"""Returns clean points of the manifold, in the order of the roll's parameter.

        With :obj:`dim=2` they are the published test points, the formula above with
        :math:`N` = :obj:`num`. With :obj:`dim=3` the parameter is evenly spaced and the heights
        follow the golden ratio, :math:`h_i = 21 \, (i \varphi \bmod 1)`, a lattice that covers the
        sheet evenly for every :obj:`num`.

        Args:
            num (int, optional): The number of points. (default: :obj:`1000`)

        Returns:
            Data: The points :obj:`x` :obj:`[num, dim]` and their coordinates :obj:`y`, of shape
            :obj:`[num]` for :obj:`dim=2` and :obj:`[num, 2]` for :obj:`dim=3`.
        """
        num = integer("num", num, 1)
        return _spiral(num) if self.dim == 2 else _lattice_roll(num)

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(num_nodes={self.num_nodes}, noise={self.noise}, "
            f"dim={self.dim}, seed={self.seed})"
        )


def _spiral(num: int) -> Data:
    theta = torch.arange(num) / num * (2 * math.pi)
    r = torch.linspace(0.1, 3, num)
    return Data(x=torch.stack([r * theta.cos(), 0.6 * r * theta.sin()], dim=1), y=theta)


def _random_roll(num: int, seed: int) -> Data:
    from sklearn.datasets import make_swiss_roll  # not above: its import takes half a second

    points, parameter = make_swiss_roll(num, random_state=seed)
    x = torch.from_numpy(points).float()
    return Data(x=x, y=torch.stack([torch.from_numpy(parameter).float(), x[:, 1]], dim=1))


def _lattice_roll(num: int) -> Data:
    golden_ratio = (1 + math.sqrt(5)) / 2
    t = torch.linspace(*_PARAMETER_RANGE, num)
    # In float64: the fractional part of large multiples would lose its digits in float32.
    height = (torch.arange(num, dtype=torch.float64) * golden_ratio % 1 * _HEIGHT).float()
    x = torch.stack([t * t.cos(), height, t * t.sin()], dim=1)
    return Data(x=x, y=torch.stack([t, height], dim=1))


@register_dataset
class SwissRollSettings(SyntheticSettings):
    """The settings of :class:`SwissRoll` in a configuration.

    ``swiss_role`` is the published spelling.
    """

    type: Literal["swiss_role", "swiss_roll"]
    dim: Literal[2, 3] = 2

    def build(self, seed: int) -> SwissRoll:
        """Returns the data set."""
        return SwissRoll(self.num_data, self.noise_level, self.dim, seed=seed)

    @property
    def point_shape(self) -> tuple[int, ...]:
        """The shape of one point."""
        return (self.dim,)
