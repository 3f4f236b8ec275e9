import pytest
import torch

from nrae_geometric.neighbors import ScipyBackend, TorchBackend
from nrae_geometric.neighbors.auto import fastest_engine


@pytest.mark.parametrize(
    ("num_points", "dim", "engine"),
    [
        (1_000_000, 3, ScipyBackend),
        (100_000, 8, ScipyBackend),
        (30_000, 2, ScipyBackend),
        (2_000, 3, ScipyBackend),
        (20_000, 6, ScipyBackend),
        (20_000, 8, TorchBackend),
        (20_000, 20, TorchBackend),
        (60_000, 784, TorchBackend),
        (50, 2, TorchBackend),
    ],
)
def test_trees_search_few_dimensions_and_blocks_many(num_points, dim, engine):
    assert isinstance(fastest_engine(torch.empty(num_points, dim)), engine)
