import logging
import operator
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch_geometric import EdgeIndex
from torch_geometric.data import Batch, Data
from torch_geometric.loader import NodeLoader

from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import AE


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


def test_the_centers_own_edge_comes_first_beyond_the_graphs_and_with_zero_attributes(
    ragged: Data,
) -> None:
    ragged.weight = ragged.edge_attr.view(-1).double().numpy()
    batch = next(iter(NeighborhoodLoader(ragged, 1, batch_size=6)))
    own = batch.edge_index[0] == batch.edge_index[1]
    assert own.tolist() == [True, False] * 6
    assert batch.edge_index[1].tolist() == [i for i in range(6) for _ in range(2)]
    assert batch.e_id[own].tolist() == [ragged.num_edges + i for i in range(6)]
    assert bool((batch.edge_attr[own] == 0).all())
    assert torch.equal(batch.weight, batch.edge_attr.view(-1).double())
    assert torch.equal(batch.edge_attr[~own], ragged.edge_attr[batch.e_id[~own]])


def test_an_existing_self_loop_is_the_centers_own_edge_and_never_drawn() -> None:
    data = Data(edge_index=torch.tensor([[1, 0, 2], [0, 0, 0]]), edge_attr=torch.tensor([5, 6, 7]))
    data.num_nodes = 3
    batch = next(iter(NeighborhoodLoader(data, None, input_nodes=[0])))
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


@pytest.mark.parametrize("num_nodes", [None, 6])
def test_a_batch_is_the_one_that_pyg_makes_of_the_same_sample(
    ragged: Data, num_nodes: int | None
) -> None:
    ragged.update({"edge_weight": ragged.edge_attr.double().numpy(), "num_nodes": num_nodes})
    loader = NeighborhoodLoader(ragged, None, include_center=False, batch_size=4)
    out = loader.node_sampler.sample_from_nodes(loader.input_data[torch.tensor([4, 0, 3])])
    batch, expected = loader.filter_fn(out), NodeLoader.filter_fn(loader, out)
    assert set(batch.keys()) == set(expected.keys())
    assert batch.num_nodes == expected.num_nodes
    for key, value in expected:
        same = torch.equal if isinstance(value, torch.Tensor) else operator.eq
        assert same(batch[key], value), key


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


@pytest.mark.parametrize(
    "mask",
    [
        [False, True, False, True, True, False],
        np.array([0, 1, 0, 1, 1, 0], dtype=bool),
        torch.tensor([0, 1, 0, 1, 1, 0], dtype=torch.uint8),
        torch.tensor([0, 1, 0, 1, 1, 0], dtype=torch.bool),
    ],
    ids=["list", "numpy", "uint8", "bool"],
)
def test_a_mask_of_any_kind_names_the_nodes_that_it_marks(ragged: Data, mask: Any) -> None:
    [batch] = NeighborhoodLoader(ragged, 1, batch_size=6, input_nodes=mask)
    assert batch.n_id[: batch.batch_size].tolist() == [1, 3, 4]


@pytest.mark.parametrize(
    "indices",
    [[5, 0], range(5, 3, -1), np.array([5, 0], dtype=np.int32), torch.tensor([5, 0]).byte(), []],
    ids=["list", "range", "numpy", "uint8", "empty"],
)
def test_indices_of_any_kind_name_nodes(ragged: Data, indices: Any) -> None:
    batches = list(NeighborhoodLoader(ragged, 1, batch_size=6, input_nodes=indices))
    seeds = [node for batch in batches for node in batch.n_id[: batch.batch_size].tolist()]
    assert seeds == [int(i) for i in indices]


STALE = {
    "batch_size": 3,
    "n_id": torch.arange(6) + 50,
    "e_id": torch.arange(13) + 50,
    "input_id": torch.arange(3),
    "ptr": torch.tensor([0, 6]),
    "edges_per_center": 9,
    "num_sampled_nodes": [3, 3],
}


@pytest.mark.parametrize("num_neighbors", [1, None])
@pytest.mark.parametrize("form", ["attributes", "batch"])
def test_what_other_batches_leave_in_the_data_does_not_matter(
    ragged: Data, num_neighbors: int | None, form: str
) -> None:
    used = ragged.clone()
    if form == "batch":
        used = Batch.from_data_list(
            [used.subgraph(torch.arange(4)), used.subgraph(torch.arange(4, 6))]
        )
        ragged = Data(x=used.x, y=used.y, edge_index=used.edge_index, edge_attr=used.edge_attr)
    else:
        used.update(STALE)
    before = dict(used)
    model = AE(torch.nn.Linear(2, 1), torch.nn.Linear(1, 2))
    loaders = [
        NeighborhoodLoader(
            data, num_neighbors, batch_size=4, generator=torch.Generator().manual_seed(0)
        )
        for data in (ragged, used)
    ]
    for clean, batch in zip(*loaders, strict=True):
        assert batch.batch_size == clean.batch_size
        assert set(batch.keys()) - set(clean.keys()) <= {"batch", "name"}
        for key, value in clean:
            same = torch.equal if isinstance(value, torch.Tensor) else operator.eq
            assert same(batch[key], value), key
        assert model.loss(batch) == model.loss(clean)
    assert dict(used) == before


@pytest.mark.parametrize("num_workers", [0, 1])
def test_no_handler_is_added_to_the_root_logger(
    ragged: Data, num_workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    list(NeighborhoodLoader(ragged, 1, num_workers=num_workers))
    assert logging.root.handlers == []


def test_lists_and_arrays_of_node_attributes_are_gathered(ragged: Data) -> None:
    ragged.label = ["a", "b", "c", "d", "e", "f"]
    ragged.height = np.arange(6.0)
    for batch in NeighborhoodLoader(ragged, 1, batch_size=4):
        assert batch.label == ["abcdef"[i] for i in batch.n_id.tolist()]
        assert torch.equal(batch.height, batch.n_id.double())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("num_workers", [0, 1])
def test_batches_stay_on_the_gpu(ragged: Data, num_workers: int) -> None:
    for batch in NeighborhoodLoader(ragged.cuda(), 1, batch_size=4, num_workers=num_workers):
        assert all(value.is_cuda for _, value in batch if isinstance(value, torch.Tensor))


@pytest.mark.parametrize(
    ("num_neighbors", "include_center", "batch_size", "expected"),
    [(2, True, 4, 12), (2, False, 4, 12), (0, True, 4, 4), (None, True, 4, 16), (2, True, 99, 18)],
)
def test_rows_per_batch_are_centers_and_the_neighbors_drawn_for_them(
    num_neighbors: int | None, include_center: bool, batch_size: int, expected: int
) -> None:
    ring = torch.arange(6)
    edges = [torch.stack([(ring + step) % 6, ring]) for step in (1, 2, 3)]
    data = Data(x=torch.randn(6, 2), edge_index=torch.cat(edges, dim=1))
    loader = NeighborhoodLoader(
        data, num_neighbors, include_center=include_center, batch_size=batch_size
    )
    assert loader.rows_per_batch == expected


def test_loader_of_no_centers_has_no_rows(ragged: Data) -> None:
    assert NeighborhoodLoader(ragged, 1, input_nodes=[], batch_size=4).rows_per_batch == 0
