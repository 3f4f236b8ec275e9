"""Guarantee: an encoder of graphs is known as one however it is wrapped, and is given what it
takes of the edges.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import GAT, GCN, GCNConv, Sequential

from nrae_geometric.callbacks import CurveRecorder, EmbeddingStart
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.metrics.suite import evaluate_unsupervised
from nrae_geometric.nn import AE, NRAE, mlp
from nrae_geometric.training import Trainer
from nrae_geometric.transforms import KNNGraph


class Weighs(nn.Module):
    """Adds the weights of a point's edges to it, and notes whether there were any."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        if edge_weight is None:
            return self.linear(x) * float("nan")
        weight = torch.zeros_like(x[:, 0]).index_add(0, edge_index[1], edge_weight)
        return self.linear(x) + weight[:, None]


class NeedsFeatures(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 1)

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        attr = torch.zeros_like(x[:, :1]).index_add(0, edge_index[1], edge_attr)
        return self.linear(torch.cat([x, attr], dim=1))


class Plain(nn.Module):
    def __init__(self, *_: object) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


WRAPPERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "itself": lambda encoder: encoder,
    "compiled": lambda encoder: torch.compile(encoder, backend="eager"),
    "compiled in place": lambda encoder: (encoder.compile(backend="eager"), encoder)[1],
    "parallel": nn.DataParallel,
    "averaged": torch.optim.swa_utils.AveragedModel,
    "scripted": torch.jit.script,
    "compiled and parallel": lambda encoder: torch.compile(
        nn.DataParallel(encoder), backend="eager"
    ),
}


@pytest.fixture
def data() -> Data:
    t = torch.linspace(0, 3, 30)
    data = KNNGraph(4)(Data(x=torch.stack([t, t.sin()], dim=1), y=t))
    data.edge_weight = torch.linspace(0.5, 1.5, data.num_edges)
    data.edge_attr = torch.linspace(0, 1, data.num_edges)[:, None]
    return data


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrapped_encoder_is_known_and_weighted(data, name):
    torch.compiler.reset()
    plain = Weighs()
    model = AE(WRAPPERS[name](plain), nn.Linear(1, 2))
    assert model.encoder_uses_graph
    assert list(model.encoder_edge_arguments) == ["edge_weight"]
    expected = plain.forward(data.x, data.edge_index, data.edge_weight)
    torch.testing.assert_close(model.encode_batch(data), expected)


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrapped_encoder_without_a_graph_is_known(name):
    assert not AE(WRAPPERS[name](Plain()), nn.Linear(1, 2)).encoder_uses_graph


@pytest.mark.parametrize(
    ("encoder", "edge_arguments"),
    [
        (GCNConv(2, 1), ["edge_weight"]),
        (GCN(2, 4, 2, 1), ["edge_weight", "edge_attr"]),
        (GAT(2, 4, 2, 1), ["edge_weight", "edge_attr"]),
        (GCN(-1, 4, 2, 1), ["edge_weight", "edge_attr"]),
        (Sequential("x, edge_index", [(GCNConv(2, 1), "x, edge_index -> x")]), []),
        (
            Sequential(
                "x, edge_index, edge_weight", [(GCNConv(2, 1), "x, edge_index, edge_weight -> x")]
            ),
            ["edge_weight"],
        ),
        (NeedsFeatures(), ["edge_attr"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_encoder_of_graphs_trains_and_is_measured(data, encoder, edge_arguments):
    torch.manual_seed(0)
    model = NRAE(encoder, mlp([1, 4, 2], "elu"))
    assert list(model.encoder_edge_arguments) == edge_arguments
    fit(model, data)
    assert evaluate_unsupervised(model, data)


def fit(model: AE, data: Data) -> CurveRecorder:
    recorder = CurveRecorder(data)
    callbacks = [EmbeddingStart(num_steps=3), recorder]
    trainer = Trainer(2, device="cpu", progress=False, seed=0, callbacks=callbacks)
    trainer.fit(model, NeighborhoodLoader(data, 2, batch_size=16))
    return recorder


def test_weights_reach_the_encoder_everywhere(data):
    """Without them this encoder returns NaN."""
    model = NRAE(Weighs(), mlp([1, 4, 2], "elu"))
    recorder = fit(model, data)
    assert all(frame.tensors["latent"].isfinite().all() for frame in recorder.frames)
    assert evaluate_unsupervised(model, data)["graph_geodesic_correlation"]["pearson"] > 0.5


def test_batch_has_the_weights_of_its_edges(data):
    """A point's own edge, which the loader adds, weighs one as PyG's self-loops do."""
    for batch in NeighborhoodLoader(data, 2, batch_size=8, shuffle=True):
        own = batch.e_id >= data.num_edges
        assert own.sum() == batch.batch_size
        assert torch.equal(batch.edge_weight[~own], data.edge_weight[batch.e_id[~own]])
        assert torch.equal(batch.edge_attr[~own], data.edge_attr[batch.e_id[~own]])
        assert batch.edge_weight[own].unique().tolist() == [1]


def test_missing_edge_features_are_named(data):
    model = NRAE(NeedsFeatures(), mlp([1, 4, 2], "elu"))
    with pytest.raises(ValueError, match=r"takes edge_attr, but the graph has none; add data\."):
        model.encode(data.x, data.edge_index)


def test_graph_encoder_over_several_devices_is_refused_by_name():
    encoder = nn.DataParallel(Weighs())
    encoder.device_ids = [0, 1]
    with pytest.raises(ValueError, match=r"DataParallel over the devices .* cut the graph"):
        AE(encoder, nn.Linear(1, 2))


@pytest.mark.parametrize("part", ["model", "networks", "loss"])
def test_compiled_model_starts_from_geodesic_coordinates(data, part):
    torch.manual_seed(0)
    torch.compiler.reset()
    encoder, decoder = mlp([2, 8, 1], "elu"), mlp([1, 8, 2], "elu")
    model = NRAE(encoder, decoder)
    start = EmbeddingStart(num_steps=300, lr=1e-2)
    if part == "model":
        model = torch.compile(model, backend="eager")
    elif part == "networks":
        model = NRAE(*(torch.compile(net, backend="eager") for net in (encoder, decoder)))
    else:
        model.loss = torch.compile(model.loss, backend="eager")
    trainer = Trainer(2, device="cpu", progress=False, seed=0, callbacks=[start])
    trainer.fit(model, NeighborhoodLoader(data, 2, batch_size=16))

    z = model.encode(data.x).detach().squeeze(1)
    assert start.coordinates is not None
    assert abs(torch.corrcoef(torch.stack([z, data.y]))[0, 1]) > 0.9
