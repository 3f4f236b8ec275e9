"""Parts of the batches of a loader, one for each of several processes."""

import pytest
import torch
from torch_geometric.data import Data

from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.transforms import KNNGraph


def make_loader(**options):
    x = torch.randn(22, 3, generator=torch.Generator().manual_seed(0))
    data = KNNGraph(4)(Data(x=x))
    generator = torch.Generator().manual_seed(5)
    return NeighborhoodLoader(
        data, **{"num_neighbors": 2, "batch_size": 8, "shuffle": True, **options},
        generator=generator,
    )  # fmt: skip


def edges(batch):
    return batch.n_id[batch.edge_index]


def parts(count, **options):
    return [list(make_loader(**options).part(rank, count)) for rank in range(count)]


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("options", [{}, {"num_neighbors": None}, {"num_workers": 2}])
def test_parts_make_up_the_batches_of_the_whole_loader(count, options):
    for whole, *of_batch in zip(make_loader(**options), *parts(count, **options), strict=True):
        centers = torch.cat([part.n_id[: part.batch_size] for part in of_batch])
        assert torch.equal(centers, whole.n_id[: whole.batch_size])
        assert torch.equal(torch.cat([edges(part) for part in of_batch], dim=1), edges(whole))
        assert torch.equal(torch.cat([part.e_id for part in of_batch]), whole.e_id)


def test_each_part_brings_the_features_of_its_own_nodes():
    loader = make_loader()
    for batch in loader.part(1, 3):
        assert torch.equal(batch.x, loader.data.x[batch.n_id])


def test_a_mean_over_weighted_parts_is_the_mean_over_the_batch():
    for whole, *of_batch in zip(make_loader(), *parts(3), strict=True):
        means = [part.x[: part.batch_size].mean() * part.part.weight for part in of_batch]
        expected = whole.x[: whole.batch_size].mean()
        torch.testing.assert_close(torch.stack(means).mean(), expected)


def test_a_part_without_centers_counts_nothing():
    of_batch = [batches[-1] for batches in parts(4, batch_size=21)]  # of one center
    assert sorted(part.part.weight for part in of_batch) == [0, 0, 0, 4]
    assert all(part.batch_size == 1 for part in of_batch)


def test_parts_leave_the_loader_whole():
    loader = make_loader()
    loader.part(0, 2)
    assert all("part" not in batch for batch in loader)


def test_parts_divide_the_rows_of_a_batch():
    assert make_loader().part(0, 2).rows_per_batch == make_loader().rows_per_batch / 2
