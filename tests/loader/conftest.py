import pytest
import torch
from torch_geometric.data import Data


@pytest.fixture
def ragged() -> Data:
    """Six nodes with 1, 2, 3, 4, 2 and 1 in-neighbors, edges in random order."""
    edges = [(1, 0), (0, 1), (2, 1), (0, 2), (1, 2), (3, 2), (0, 3), (1, 3), (2, 3), (4, 3)]
    edges += [(3, 4), (5, 4), (4, 5)]
    edge_index = torch.tensor(edges).t()
    order = torch.randperm(len(edges), generator=torch.Generator().manual_seed(7))
    return Data(
        x=torch.arange(12.0).view(6, 2),
        y=torch.arange(6) * 10,
        edge_index=edge_index[:, order],
        edge_attr=torch.arange(1.0, 14.0)[order].view(-1, 1),
        name="ragged",
    )
