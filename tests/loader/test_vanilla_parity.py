from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader

from nrae_geometric.loader import NeighborhoodLoader

pytest.importorskip("torch_sparse", reason="PyG's own sampler needs torch-sparse")

# Only pyg-lib, the other engine of PyG's sampler, counts what it draws in each hop.
HOP_COUNTS = {"num_sampled_nodes", "num_sampled_edges"}


def edges(batch: Data) -> list[tuple[int, ...]]:
    """Source, target and number of each edge, in the graph's numbering, and its attribute."""
    row, col = batch.n_id[batch.edge_index].tolist()
    return sorted(zip(row, col, batch.e_id.tolist(), batch.edge_attr.tolist(), strict=True))


def assert_same_batches(data: Data, batch_size: int, **options: Any) -> None:
    ours = NeighborhoodLoader(data, None, include_center=False, batch_size=batch_size, **options)
    vanilla = NeighborLoader(data, [-1], batch_size=batch_size, **options)
    assert len(ours) == len(vanilla)
    for mine, theirs in zip(ours, vanilla, strict=True):
        assert set(mine.keys()) - HOP_COUNTS == set(theirs.keys()) - HOP_COUNTS
        assert mine.batch_size == theirs.batch_size
        assert mine.num_nodes == theirs.num_nodes
        assert torch.equal(mine.input_id, theirs.input_id)
        seeds = slice(0, mine.batch_size)
        assert torch.equal(mine.n_id[seeds], theirs.n_id[seeds])
        assert torch.equal(mine.n_id.sort().values, theirs.n_id.sort().values)
        assert torch.equal(mine.x, data.x[mine.n_id])
        assert torch.equal(theirs.x, data.x[theirs.n_id])
        assert torch.equal(mine.y, data.y[mine.n_id])
        assert edges(mine) == edges(theirs)
        assert bool((mine.edge_index[1] < mine.batch_size).all())
        for key, value in mine:
            if isinstance(value, torch.Tensor):
                assert value.dtype == theirs[key].dtype
                assert value.shape == theirs[key].shape


@settings(deadline=None, max_examples=50)
@given(data=st.data(), num_nodes=st.integers(2, 9), batch_size=st.integers(1, 10))
def test_all_neighbors_give_the_vanilla_loaders_batches(
    data: st.DataObject, num_nodes: int, batch_size: int
) -> None:
    node = st.integers(0, num_nodes - 1)
    pairs = data.draw(st.lists(st.tuples(node, node), max_size=30))
    pairs += [((i + 1) % num_nodes, i) for i in range(num_nodes)]
    graph = Data(
        x=torch.randn(num_nodes, 1, 2, 2),
        y=torch.arange(num_nodes),
        edge_index=torch.tensor(data.draw(st.permutations(pairs))).t().contiguous(),
        edge_attr=torch.arange(len(pairs)),
        title="not sliced",
    )
    assert_same_batches(graph, batch_size)


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("drop_last", [False, True])
def test_loader_options_mean_the_same(ragged: Data, num_workers: int, drop_last: bool) -> None:
    ragged.edge_attr = ragged.edge_attr.view(-1)
    for input_nodes in (None, torch.tensor([5, 0, 3]), torch.tensor([1, 1, 0, 1, 0, 0]).bool()):
        assert_same_batches(
            ragged, 2, input_nodes=input_nodes, num_workers=num_workers, drop_last=drop_last
        )
