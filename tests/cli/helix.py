"""A kind of points that the package does not know, to be given to ``--plugin``."""

from typing import Literal

import torch
from pydantic import PositiveInt
from torch_geometric.data import Data

from nrae_geometric.registry import DatasetSettings, register_dataset


class Helix:
    """Points on a helix in space."""

    def __init__(self, num_nodes):
        self.num_nodes = num_nodes

    def __getitem__(self, index):
        return self.manifold(self.num_nodes)

    def manifold(self, num=1000):
        t = torch.linspace(0, 6, num)
        return Data(x=torch.stack([t.cos(), t.sin(), t / 6], dim=1), y=t)


@register_dataset
class HelixSettings(DatasetSettings):
    """The settings of :class:`Helix`."""

    dataset: Literal["helix"]
    num_data: PositiveInt = 20

    def build(self, seed):
        return Helix(self.num_data)

    @property
    def num_points(self):
        return self.num_data

    @property
    def point_shape(self):
        return (3,)
