"""Batches in which every edge brings its own copy of the neighbour."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.neighbors import knn_graph
from nrae_geometric.nn import NRAE, BinaryKernel, mlp


def ring(num_nodes: int, k: int) -> Data:
    x = torch.randn(num_nodes, 2, dtype=torch.float64)
    return Data(x=x, edge_index=knn_graph(x, k), edge_attr=torch.rand(num_nodes * k))


def both(data: Data, num_neighbors: int | None, **options: object) -> Iterator[tuple[Data, Data]]:
    """The same draws in the usual layout and in the disjoint one."""
    loaders = [
        NeighborhoodLoader(
            data,
            num_neighbors,
            shuffle=True,
            generator=torch.Generator().manual_seed(3),
            disjoint=disjoint,
            **options,
        )
        for disjoint in (False, True)
    ]
    return zip(*loaders, strict=True)


@settings(deadline=None, max_examples=60)
@given(
    num_nodes=st.integers(6, 30),
    k=st.integers(1, 5),
    num_neighbors=st.integers(0, 5) | st.none(),
    include_center=st.booleans(),
    replace=st.booleans(),
    batch_size=st.integers(1, 12),
)
def test_the_edges_are_those_of_the_usual_layout(
    num_nodes, k, num_neighbors, include_center, replace, batch_size
):
    if num_neighbors is not None:
        num_neighbors = max(min(num_neighbors, k), 1 - include_center)
    torch.manual_seed(num_nodes)
    options = {"include_center": include_center, "replace": replace, "batch_size": batch_size}
    for plain, disjoint in both(ring(num_nodes, k), num_neighbors, **options):
        assert torch.equal(plain.n_id[plain.edge_index], disjoint.n_id[disjoint.edge_index])
        assert torch.equal(plain.edge_index[1], disjoint.edge_index[1])
        assert torch.equal(plain.x[plain.edge_index[0]], disjoint.x[disjoint.edge_index[0]])
        for name in ("e_id", "edge_attr", "input_id"):
            assert torch.equal(plain[name], disjoint[name])
        size = disjoint.batch_size
        assert torch.equal(disjoint.batch[:size], torch.arange(size))
        assert torch.equal(disjoint.batch[disjoint.edge_index[0]], disjoint.edge_index[1])
        # Every row but the centres is the source of one edge.
        rows = disjoint.edge_index[0].bincount(minlength=disjoint.num_nodes)
        assert (rows[size:] == 1).all()
        assert (rows[:size] == include_center).all()
        assert disjoint.num_sampled_nodes == [size, disjoint.num_nodes - size]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("include_center", [True, False])
def test_loss_and_gradients_are_those_of_the_usual_layout(order, include_center):
    torch.manual_seed(0)
    model = NRAE(mlp([2, 8, 1], "elu"), mlp([1, 8, 2], "elu"), order, BinaryKernel(0.3)).double()
    options = {"include_center": include_center, "batch_size": 7}
    for batches in both(ring(20, 4), 3, **options):
        results = []
        for batch in batches:
            model.zero_grad()
            loss = model.loss(batch)
            loss.backward()
            results.append([loss.detach(), *(each.grad.clone() for each in model.parameters())])
        torch.testing.assert_close(*results, rtol=1e-10, atol=1e-12)


def test_all_full_batches_have_one_shape():
    torch.manual_seed(0)
    loader = NeighborhoodLoader(ring(40, 5), 3, batch_size=8, shuffle=True, disjoint=True)
    shapes = {(batch.x.shape, batch.edge_index.shape) for _ in range(3) for batch in loader}
    assert shapes == {((32, 2), (2, 32))}


def test_layouts_of_long_epochs_are_kept():
    loader = NeighborhoodLoader(ring(40, 5), 3, batch_size=7, shuffle=True, disjoint=True)
    loader._seeds_per_chunk = 14
    for _ in range(3):
        assert sum(batch.batch_size for batch in loader) == 40
    assert len(loader.node_sampler._layouts) == 2
