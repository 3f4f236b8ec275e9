import pytest
import torch

from nrae_geometric.neighbors import ScipyEngine, TorchEngine
from nrae_geometric.neighbors.auto import fastest_engine


@pytest.mark.parametrize(
    ("num_points", "dim", "engine"),
    [
        (1_000_000, 3, ScipyEngine),
        (100_000, 8, ScipyEngine),
        (30_000, 2, ScipyEngine),
        (2_000, 3, ScipyEngine),
        (20_000, 6, ScipyEngine),
        (20_000, 8, TorchEngine),
        (20_000, 20, TorchEngine),
        (60_000, 784, TorchEngine),
        (50, 2, TorchEngine),
    ],
)
def test_trees_search_few_dimensions_and_blocks_many(num_points, dim, engine):
    assert isinstance(fastest_engine(torch.empty(num_points, dim)), engine)
