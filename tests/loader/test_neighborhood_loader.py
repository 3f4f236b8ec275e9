import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch_geometric import EdgeIndex
from torch_geometric.data import Data

from nrae_geometric.loader import NeighborhoodLoader


def drawn_edges(batch: Data) -> list[tuple[int, int]]:
    """Source and target node of each edge of a batch, in the graph's numbering."""
    row, col = batch.n_id[batch.edge_index]
    return list(zip(row.tolist(), col.tolist(), strict=True))


def graph_edges(data: Data) -> list[tuple[int, int]]:
    return [(s, t) for s, t in data.edge_index.t().tolist()]


@st.composite
def graphs(draw: st.DrawFn) -> Data:
    num_nodes = draw(st.integers(1, 8))
    node = st.integers(0, num_nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=30))
    return Data(
        x=torch.arange(num_nodes).view(-1, 1),
        edge_index=torch.tensor(edges, dtype=torch.long).view(-1, 2).t(),
    )


@settings(deadline=None, max_examples=150)
@given(
    data=graphs(),
    batch_size=st.integers(1, 9),
    num_neighbors=st.one_of(st.none(), st.integers(0, 4)),
    replace=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_any_graph_gives_existing_edges_in_the_right_numbers(
    data: Data, batch_size: int, num_neighbors: int | None, replace: bool, seed: int
) -> None:
    others = {
        node: [i for i, (s, t) in enumerate(graph_edges(data)) if t == node and s != node]
        for node in range(data.num_nodes)
    }
    enough = num_neighbors is None or replace
    seeds = [n for n, e in others.items() if enough or not e or len(e) >= num_neighbors]
    loader = NeighborhoodLoader(
        data,
        num_neighbors,
        replace=replace,
        batch_size=batch_size,
        input_nodes=torch.tensor(seeds, dtype=torch.long),
        generator=torch.Generator().manual_seed(seed),
    )
    assert sum(batch.batch_size for batch in loader) == len(seeds)
    for batch in loader:
        assert batch.n_id[: batch.batch_size].tolist() == [seeds[i] for i in batch.input_id]
        assert batch.n_id.unique().numel() == batch.num_nodes
        assert batch.x.view(-1).tolist() == batch.n_id.tolist()
        for center, node in enumerate(batch.n_id[: batch.batch_size].tolist()):
            mine = batch.edge_index[1] == center
            ids = batch.e_id[mine].tolist()
            sources = batch.n_id[batch.edge_index[0, mine]].tolist()
            assert sources[0] == node
            assert set(ids[1:]) <= set(others[node])
            assert sources[1:] == [int(data.edge_index[0, i]) for i in ids[1:]]
            if num_neighbors is None:
                assert ids[1:] == others[node]
            else:
                assert len(ids) == 1 + (num_neighbors if others[node] else 0)
            if not replace:
                assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_neighbors_are_drawn_uniformly(ragged: Data, replace: bool, num_workers: int) -> None:
    loader = NeighborhoodLoader(
        ragged,
        1 if num_workers else 2,
        include_center=False,
        replace=replace,
        batch_size=4_000,
        input_nodes=torch.full((8_000,), 3),
        num_workers=num_workers,
        generator=torch.Generator().manual_seed(1),
    )
    drawn = torch.cat([batch.e_id for batch in loader])
    edges, observed = drawn.unique(return_counts=True)
    assert edges.tolist() == [i for i, (_, t) in enumerate(graph_edges(ragged)) if t == 3]
    assert chisquare(observed.numpy()).pvalue > 1e-3


def test_shuffling_visits_every_node_once_in_a_new_order_each_epoch(ragged: Data) -> None:
    loader = NeighborhoodLoader(
        ragged, 1, batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(0)
    )
    epochs = [torch.cat([batch.n_id[: batch.batch_size] for batch in loader]) for _ in range(2)]
    assert [order.sort().values.tolist() for order in epochs] == [list(range(6))] * 2
    assert not torch.equal(*epochs)


def test_without_the_center_a_neighborhood_holds_neighbors_alone(ragged: Data) -> None:
    batch = next(iter(NeighborhoodLoader(ragged, None, include_center=False, batch_size=6)))
    assert sorted(drawn_edges(batch)) == sorted(graph_edges(ragged))


def test_the_centers_own_edge_comes_first_without_id_and_with_zero_attributes(
    ragged: Data,
) -> None:
    batch = next(iter(NeighborhoodLoader(ragged, 1, batch_size=6)))
    own = batch.edge_index[0] == batch.edge_index[1]
    assert own.tolist() == [True, False] * 6
    assert batch.edge_index[1].tolist() == [i for i in range(6) for _ in range(2)]
    assert bool((batch.e_id[own] == -1).all())
    assert bool((batch.edge_attr[own] == 0).all())
    assert torch.equal(batch.edge_attr[~own], ragged.edge_attr[batch.e_id[~own]])


def test_an_existing_self_loop_is_the_centers_own_edge_and_never_drawn() -> None:
    data = Data(edge_index=torch.tensor([[1, 0, 2], [0, 0, 0]]), edge_attr=torch.tensor([5, 6, 7]))
    data.num_nodes = 3
    loader = NeighborhoodLoader(data, None, input_nodes=[0])
    batch = next(iter(loader))
    assert batch.e_id.tolist() == [1, 0, 2]
    assert batch.edge_attr.tolist() == [6, 5, 7]
    with_loop = NeighborhoodLoader(data, None, include_center=False, input_nodes=[0])
    assert next(iter(with_loop)).e_id.tolist() == [0, 1, 2]


def test_num_neighbors_zero_leaves_the_centers_alone(ragged: Data) -> None:
    batch = next(iter(NeighborhoodLoader(ragged, 0, batch_size=6)))
    assert drawn_edges(batch) == [(i, i) for i in range(6)]


def test_isolated_nodes_keep_their_own_edge() -> None:
    data = Data(x=torch.eye(3), edge_index=torch.tensor([[0], [1]]), edge_attr=torch.ones(1))
    batch = next(iter(NeighborhoodLoader(data, 1, batch_size=3)))
    assert drawn_edges(batch) == [(0, 0), (1, 1), (0, 1), (2, 2)]
    empty = Data(x=torch.eye(2), edge_index=torch.empty((2, 0), dtype=torch.long))
    empty.edge_attr = torch.empty((0, 3))
    batch = next(iter(NeighborhoodLoader(empty, None, batch_size=2)))
    assert drawn_edges(batch) == [(0, 0), (1, 1)]
    assert torch.equal(batch.edge_attr, torch.zeros(2, 3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.uint8])
def test_images_of_any_dtype_are_gathered(ragged: Data, dtype: torch.dtype) -> None:
    ragged.x = torch.arange(6 * 3 * 4 * 5).remainder(255).view(6, 3, 4, 5).to(dtype)
    for batch in NeighborhoodLoader(ragged, 1, batch_size=4):
        assert batch.x.dtype == dtype
        assert torch.equal(batch.x, ragged.x[batch.n_id])
        assert torch.equal(batch.y, ragged.y[batch.n_id])
        assert batch.name == "ragged"


def test_other_forms_of_edge_index_are_accepted(ragged: Data) -> None:
    reference = next(iter(NeighborhoodLoader(ragged, None, batch_size=6)))
    for edge_index in (ragged.edge_index.int(), EdgeIndex(ragged.edge_index, sparse_size=(6, 6))):
        data = Data(x=ragged.x, edge_index=edge_index)
        batch = next(iter(NeighborhoodLoader(data, None, batch_size=6)))
        assert torch.equal(batch.edge_index, reference.edge_index)


def test_epochs_are_drawn_in_chunks_of_bounded_size() -> None:
    num_nodes = 200_000
    node = torch.arange(num_nodes)
    edge_index = torch.stack(
        [torch.stack([node.roll(i) for i in (1, 2, 3)], 1).view(-1), node.repeat_interleave(3)]
    )
    loader = NeighborhoodLoader(
        Data(edge_index=edge_index, num_nodes=num_nodes), 3, batch_size=60_000, shuffle=True
    )
    seen = []
    for batch in loader:
        seen.append(batch.n_id[: batch.batch_size])
        step = (batch.n_id[batch.edge_index[0]] - batch.n_id[batch.edge_index[1]]) % num_nodes
        allowed = torch.tensor([0, -1, -2, -3]) % num_nodes
        assert torch.equal(
            step.view(-1, 4).sort(dim=1).values, allowed.sort().values.expand(batch.batch_size, 4)
        )
    assert [s.numel() for s in seen] == [60_000, 60_000, 60_000, 20_000]
    assert torch.equal(torch.cat(seen).sort().values, node)


def test_the_loader_can_be_pickled(ragged: Data) -> None:
    loader = pickle.loads(pickle.dumps(NeighborhoodLoader(ragged, 1, batch_size=4)))
    assert len(list(loader)) == 2


def test_repr_tells_the_settings(ragged: Data) -> None:
    loader = NeighborhoodLoader(ragged, 1, batch_size=4, shuffle=True)
    assert repr(loader) == (
        "NeighborhoodLoader(num_nodes=6, num_neighbors=1, include_center=True, replace=False, "
        "batch_size=4, shuffle=True)"
    )


def test_the_number_of_edges_is_told_only_where_all_centers_have_the_same() -> None:
    edge_index = torch.tensor([[1, 2, 0, 0], [0, 0, 1, 2]])
    data = Data(x=torch.zeros(3, 1), edge_index=edge_index)
    [batch] = NeighborhoodLoader(data, 1, batch_size=3)
    assert batch.edges_per_center == 2  # the center and one neighbor
    [batch] = NeighborhoodLoader(data, None, batch_size=3)
    assert "edges_per_center" not in batch
    isolated = Data(x=torch.zeros(4, 1), edge_index=edge_index)
    [batch] = NeighborhoodLoader(isolated, 1, batch_size=4)
    assert "edges_per_center" not in batch
