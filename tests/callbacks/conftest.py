import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv

from nrae_geometric.datasets import SwissRoll
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import NRAE, mlp
from nrae_geometric.training import Trainer
from nrae_geometric.transforms import KNNGraph


def swiss_roll(num_nodes=30, k=2, **options):
    return KNNGraph(k)(SwissRoll(num_nodes, **options)[0])


def circle():
    angle = torch.arange(60) / 60 * 2 * torch.pi
    return KNNGraph(4)(Data(x=torch.stack([angle.cos(), angle.sin()], dim=1)))


def loader(data, batch_size=16):
    return NeighborhoodLoader(
        data, 1, batch_size=batch_size, shuffle=True, generator=torch.Generator()
    )


def model(x_dim=2, z_dim=1, order=1, seed=0):
    torch.manual_seed(seed)
    channels = [x_dim, 64, 64, z_dim]
    return NRAE(mlp(channels, "elu"), mlp(channels[::-1], "elu"), order)


def trainer(max_epochs=1, callbacks=(), **options):
    defaults = {"device": "cpu", "seed": 1, "progress": False}
    return Trainer(max_epochs, callbacks=callbacks, **{**defaults, **options})


class GraphEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = GCNConv(2, 64)
        self.out = nn.Linear(64, 1)

    def forward(self, x, edge_index):
        return self.out(self.conv(x, edge_index).tanh())
