import pytest
import torch
from torch_geometric.data import Data

from nrae_geometric.transforms import KNNGraph


@pytest.fixture
def knn_edges():
    def edges(x, k):
        return KNNGraph(k)(Data(x=x)).edge_index

    return edges


@pytest.fixture
def circle():
    """Evenly spread points over part of a circle of radius 1."""

    def points(num, angle=2 * torch.pi):
        theta = torch.arange(num) / num * angle
        return torch.stack([theta.cos(), theta.sin()], dim=1)

    return points


@pytest.fixture
def path_edges():
    def edges(*rows):
        rows = torch.tensor(rows)
        return torch.stack([rows[:-1], rows[1:]])

    return edges


@pytest.fixture
def sheet_jumps():
    """Edges ``[2, num]`` from points of the roll to the nearest ones on the next sheet."""

    def edges(roll, num):
        rows = (roll.y[:, 0] < 7).nonzero()[:num, 0]
        distance = torch.cdist(roll.x[rows], roll.x)
        distance[(roll.y[rows, :1] - roll.y[:, 0]).abs() < 4] = torch.inf
        return torch.stack([rows, distance.argmin(dim=1)])

    return edges
