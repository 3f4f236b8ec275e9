"""The loader takes graphs in any unambiguous form, and refuses all others by name at its door."""

import logging
import multiprocessing

import numpy as np
import pytest
import torch
from scipy import sparse
from torch_geometric import EdgeIndex
from torch_geometric.data import Batch, Data, HeteroData

from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.datasets import SwissRoll
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import NRAE, mlp
from nrae_geometric.training import Trainer
from nrae_geometric.transforms import KNNGraph

GRAPH = KNNGraph(3)(SwissRoll(12)[0])
EDGES = GRAPH.edge_index


def batches(data, **options):
    options = {"batch_size": 5, "generator": torch.Generator().manual_seed(0), **options}
    return list(NeighborhoodLoader(data, 2, **options))


def with_edges(edge_index, **attributes):
    return Data(x=GRAPH.x, edge_index=edge_index, **attributes)


@pytest.mark.parametrize(
    "edge_index",
    [
        EDGES.numpy(),
        EDGES.numpy().astype(np.int32),
        EDGES.numpy().astype(np.uint16),
        EDGES.numpy().astype(">i8"),
        np.asfortranarray(EDGES.numpy()),
        EDGES.tolist(),
        tuple(map(tuple, EDGES.tolist())),
        list(EDGES.numpy()),
        EDGES.int(),
        EDGES.byte(),
        EDGES.t().contiguous().t(),
        EdgeIndex(EDGES, sparse_size=(12, 12)),
    ],
)
def test_edges_of_any_unambiguous_form_are_the_same(edge_index):
    for batch, expected in zip(batches(with_edges(edge_index)), batches(GRAPH), strict=True):
        assert torch.equal(batch.edge_index, expected.edge_index)
        assert torch.equal(batch.n_id, expected.n_id)
        assert batch.edge_index.dtype == torch.int64


@pytest.mark.parametrize(
    ("edge_index", "message"),
    [
        (EDGES.bool(), "must hold integers .*got torch.bool"),
        (EDGES.numpy() > 3, "must hold integers .*got torch.bool"),
        (EDGES.float(), "must hold integers .*got torch.float32"),
        (EDGES.numpy() + 0.5, "must hold integers .*got torch.float64"),
        (EDGES.t(), r"shape \[36, 2\], which may have to be transposed"),
        (EDGES.t().tolist(), "may have to be transposed"),
        (EDGES.flatten(), r"shape \[72\]"),
        (EDGES[:1], r"shape \[1, 36\]"),
        (torch.cat([EDGES, EDGES[:1]]), r"shape \[3, 36\]"),
        (EDGES + 1, "nodes that do not exist .* from 11 to 12|nodes that do not exist"),
        (EDGES - 1, "nodes that do not exist"),
        (EDGES.numpy().astype(np.uint64) + 2**63, "nodes that do not exist"),
        ([[0, 1], [1]], "is not an array of numbers"),
        ([["0", "1"], ["1", "0"]], "is not an array of numbers"),
        ("edges", r"is not an array of numbers|shape \[\]"),
        ({0: 1}, "is not an array of numbers"),
        (np.array([[None, 1], [1, 0]]), "is not an array of numbers"),
        (np.array([["2024-01-01"], ["2024-01-01"]], "M8[D]"), "is not an array of numbers"),
        (None, "no edge_index; build a graph first"),
    ],
)
def test_edges_that_are_none_are_refused(edge_index, message):
    with pytest.raises((TypeError, ValueError), match=message):
        NeighborhoodLoader(with_edges(edge_index), 1)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("y", torch.zeros(11), "data.y has 11 entries, but data has 12 nodes"),
        ("y", np.zeros(13), "data.y has 13 entries"),
        ("y", ["a"] * 5, "data.y has 5 entries"),
        ("train_mask", torch.ones(11, dtype=torch.bool), "data.train_mask has 11 entries"),
        ("val_mask", np.ones(13, bool), "data.val_mask has 13 entries"),
        ("batch", torch.zeros(3).long(), "data.batch has 3 entries"),
        ("pos", torch.zeros(4, 2), "data.pos has 4 entries"),
        ("edge_attr", torch.zeros(5, 2), "data.edge_attr has 5 entries, but data has 36 edges"),
        ("edge_weight", torch.zeros(12), "data.edge_weight has 12 entries"),
        ("edge_length", torch.zeros(37), "data.edge_length has 37 entries"),
        ("edge_weight", torch.tensor(1.0), "data.edge_weight has no entries"),
        ("num_nodes", 13, "data.x has 12 entries, but data has 13 nodes"),
    ],
)
def test_attributes_of_another_length_are_refused(key, value, message):
    with pytest.raises(ValueError, match=message):
        NeighborhoodLoader(with_edges(EDGES, **{key: value}), 1)


@pytest.mark.parametrize("y", [torch.tensor(3), torch.tensor([3]), torch.zeros(1, 5), None])
def test_label_of_the_whole_graph_is_none_of_its_nodes(y):
    assert len(batches(with_edges(EDGES, y=y))) == 3


@pytest.mark.parametrize(
    "points",
    [
        GRAPH.x.numpy(),
        GRAPH.x.tolist(),
        GRAPH.x.numpy().astype(">f4"),
        GRAPH.x.numpy().astype(object),
        GRAPH.x.numpy().astype(np.longdouble),
        np.ascontiguousarray(GRAPH.x.numpy()[::-1])[::-1],
        np.asfortranarray(GRAPH.x.numpy()),
    ],
)
def test_points_of_any_unambiguous_form_are_tensors(points):
    for batch, expected in zip(
        batches(Data(x=points, edge_index=EDGES)), batches(GRAPH), strict=True
    ):
        torch.testing.assert_close(batch.x.float(), expected.x)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.full((12, 2), "a"), "data.x holds strings"),
        (np.full((12, 2), np.datetime64(0, "s")), "data.x holds dates"),
        (np.ma.masked_array(np.zeros((12, 2)), mask=np.eye(12, 2)), "2 rows with masked values"),
        ([[1.0, 2.0], [3.0]] * 6, "data.x is ragged"),
        (sparse.eye_array(12).tocsr(), "dense data is required"),
    ],
)
def test_points_that_are_none_are_refused(points, message):
    with pytest.raises((TypeError, ValueError), match=message):
        NeighborhoodLoader(Data(x=points, edge_index=EDGES, num_nodes=12), 1)


@pytest.mark.parametrize(
    "data", [None, "graph", {}, GRAPH.x, [GRAPH], HeteroData(), SwissRoll(12), (GRAPH.x, EDGES)]
)
def test_what_is_no_graph_is_refused(data):
    with pytest.raises(TypeError, match=r"data must be a torch_geometric\.data\.Data object"):
        NeighborhoodLoader(data, 1)


def test_positions_are_points_where_there_are_no_others():
    data = Data(pos=GRAPH.x, edge_index=EDGES)
    for batch, expected in zip(batches(data), batches(GRAPH), strict=True):
        assert torch.equal(batch.x, expected.x)
        assert torch.equal(batch.pos, expected.x)
    assert "x" not in data
    both = Data(x=GRAPH.x + 1, pos=GRAPH.x, edge_index=EDGES)
    assert torch.equal(batches(both)[0].x, batches(GRAPH)[0].x + 1)


@pytest.mark.parametrize("kind", ["leaf", "history", "pos"])
@pytest.mark.parametrize("start", [None, "geodesic", "pca"])
def test_history_of_gradients_is_left_behind(kind, start):
    x = GRAPH.x.clone().requires_grad_()
    x = x if kind == "leaf" else x * 1.0
    data = Data(**{"pos" if kind == "pos" else "x": x}, edge_index=EDGES)
    loader = NeighborhoodLoader(data, 2, batch_size=5)
    assert not any(batch.x.requires_grad for batch in loader)
    model = NRAE(mlp([2, 4, 1], "elu"), mlp([1, 4, 2], "elu"))
    callbacks = [] if start is None else [EmbeddingStart(start, num_steps=2)]
    Trainer(2, callbacks=callbacks, device="cpu", progress=False).fit(model, loader)
    assert x.requires_grad
    assert kind != "leaf" or x.grad is None


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16, np.array, torch.tensor])
def test_integers_of_any_library_are_options(kind):
    options = {"batch_size": kind(5), "num_workers": kind(0)}
    loader = NeighborhoodLoader(GRAPH, kind(2), **options, generator=torch.Generator())
    assert len(loader) == 3
    assert next(iter(loader)).edges_per_center == 3


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("num_neighbors", 2.0), ("num_neighbors", np.float64(2)), ("num_neighbors", True),
        ("num_neighbors", [2]), ("num_neighbors", "2"), ("num_neighbors", np.array([2])),
        ("batch_size", 2.0), ("batch_size", True), ("batch_size", "all"), ("batch_size", 0),
        ("batch_size", -1), ("batch_size", 10**30), ("num_workers", 1.0), ("num_workers", -1),
        ("num_workers", True), ("include_center", "no"), ("include_center", 1),
        ("replace", "False"), ("replace", 0), ("shuffle", "yes"), ("shuffle", 1),
        ("drop_last", "False"), ("filter_per_worker", 1), ("generator", 0),
        ("generator", np.random.default_rng(0)), ("input_nodes", "train"), ("input_nodes", {1, 2}),
        ("input_nodes", iter([1])), ("input_nodes", {0: 1}), ("input_nodes", [None]),
    ],
)  # fmt: skip
def test_other_values_of_options_are_refused_by_name(option, value):
    options = {"num_neighbors": 1, option: value}
    with pytest.raises((TypeError, ValueError), match=f"{option} (must|is)"):
        NeighborhoodLoader(GRAPH, **options)


@pytest.mark.parametrize("num_workers", [0, 1, 2, np.int64(2)])
@pytest.mark.parametrize("filter_per_worker", [None, False, True])
def test_logging_of_the_program_is_left_alone(num_workers, filter_per_worker, monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])
    level = logging.root.level
    context = multiprocessing.get_context("fork")
    options = {"multiprocessing_context": context} if num_workers else {}
    batches(GRAPH, num_workers=num_workers, filter_per_worker=filter_per_worker, **options)
    assert logging.root.handlers == []
    assert logging.root.level == level


def test_graphs_of_a_batch_stay_apart():
    batch = Batch.from_data_list([GRAPH, GRAPH])
    loaded = batches(batch, batch_size=24)[0]
    assert loaded.batch_size == 24
    apart = loaded.batch[loaded.edge_index]
    assert torch.equal(apart[0], apart[1])


def test_graph_that_is_given_stays_as_it_is():
    x = GRAPH.x.clone().requires_grad_()
    data = Data(pos=x, edge_index=EDGES.numpy(), n_id=torch.arange(12))
    before = dict(data)
    batches(data)
    assert dict(data).keys() == before.keys()
    assert all(data[key] is before[key] for key in before)
