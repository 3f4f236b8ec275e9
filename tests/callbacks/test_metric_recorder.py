import pytest
import torch
from torch import nn
from torch_geometric import seed_everything
from torch_geometric.data import Data

from nrae_geometric.callbacks import MetricRecorder
from nrae_geometric.datasets import SinCurve
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.metrics import latent_order, shortcut_edges
from nrae_geometric.nn import NRAE, BinaryKernel, mlp
from nrae_geometric.training import Callback, Trainer
from nrae_geometric.transforms import KNNGraph

NUM_EPOCHS = 8


@pytest.fixture
def data():
    return KNNGraph(4)(SinCurve(20, seed=0)[0])


@pytest.fixture
def model():
    seed_everything(0)
    encoder = nn.Sequential(mlp([2, 8, 1], "elu"), nn.Dropout(0.1))
    return NRAE(encoder, mlp([1, 8, 2], "elu"), kernel=BinaryKernel(2.0))


def fit(model, data, *callbacks, max_epochs=NUM_EPOCHS, checkpoint=None, resume=False):
    loader = NeighborhoodLoader(
        data, 2, batch_size=10, shuffle=True, generator=torch.Generator().manual_seed(0)
    )
    trainer = Trainer(
        max_epochs,
        device="cpu",
        seed=0,
        callbacks=callbacks,
        progress=False,
        checkpoint=checkpoint,
    )
    trainer.fit(model, loader, resume=resume)
    return trainer


def test_records_the_first_the_last_and_every_nth_epoch_with_its_loss(model, data):
    recorder = MetricRecorder(["shortcut_edges"], data, every=3)
    trainer = fit(model, data, recorder)

    assert [record["epoch"] for record in recorder.records] == [0, 3, 6, 7]
    assert [record["loss"] for record in recorder.records] == [
        trainer.history[epoch]["loss"] for epoch in (0, 3, 6, 7)
    ]


def test_last_record_is_of_the_trained_model(model, data):
    clean = SinCurve(20, seed=0).manifold(50)
    names = ["shortcut_edges", "latent_order", "reconstruction_error"]
    recorder = MetricRecorder(names, data, test=clean, manifold=clean)
    fit(model, data, recorder)

    model.eval()
    with torch.no_grad():
        z, z_clean = model.encode(data.x), model.encode(clean.x)
        error = (model(clean.x) - clean.x).square().sum(1).mean().item()
    last = recorder.records[-1]
    edges = shortcut_edges(z, data.edge_index, edge_length=data.edge_length)
    assert last["shortcut_edges.fraction"] == edges.fraction
    assert last["shortcut_edges.largest_stretch"] == edges.stretch.max().item()
    assert last["latent_order.spearman"] == latent_order(z_clean, clean.y).spearman
    assert last["reconstruction_error"] == pytest.approx(error, rel=1e-5)


def test_recording_does_not_change_training(model, data):
    plain = [record["loss"] for record in fit(model, data).history]
    seed_everything(0)
    encoder = nn.Sequential(mlp([2, 8, 1], "elu"), nn.Dropout(0.1))
    again = NRAE(encoder, mlp([1, 8, 2], "elu"), kernel=BinaryKernel(2.0))
    names = ["embedding_quality", "shortcut_segments", "decoder_distortion"]
    recorder = MetricRecorder(names, data, every=1)

    assert [record["loss"] for record in fit(again, data, recorder).history] == plain


def test_records_survive_a_checkpoint(model, data, tmp_path):
    path = tmp_path / "checkpoint.pt"
    recorder = MetricRecorder(["shortcut_edges"], data, every=2)
    fit(model, data, recorder, max_epochs=4, checkpoint=path)
    resumed = MetricRecorder(["shortcut_edges"], data, every=2)
    fit(model, data, resumed, checkpoint=path, resume=True)

    assert resumed.records[:3] == recorder.records
    assert [record["epoch"] for record in resumed.records] == [0, 2, 3, 4, 6, 7]


def test_last_epoch_of_a_run_that_is_stopped_has_a_record(model, data):
    class Stop(Callback):
        def on_epoch_end(self, trainer, model):
            if trainer.epoch == 2:
                trainer.request_stop("enough")

    recorder = MetricRecorder(["shortcut_edges"], data, every=100)
    fit(model, data, Stop(), recorder)

    assert [record["epoch"] for record in recorder.records] == [0, 2]


def test_another_run_has_records_of_its_own(model, data):
    recorder = MetricRecorder(["shortcut_edges"], data)
    for _ in range(2):
        fit(model, data, recorder, max_epochs=1)

    assert len(recorder.records) == 1


def test_recording_leaves_every_part_in_its_mode(model, data):
    class Watch(Callback):
        def on_epoch_end(self, trainer, model):
            modes.append((model.training, model.encoder[1].training))

    class Freeze(Callback):
        def on_epoch_end(self, trainer, model):
            model.encoder[1].eval()

    modes = []
    fit(model, data, Freeze(), MetricRecorder(["shortcut_edges"], data), Watch(), max_epochs=1)

    assert modes == [(True, False)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": ["trust"]}, "unknown measure 'trust'; choose one of 'decoder_distortion'"),
        ({"metrics": ["latent_order"]}, "pass test="),
        ({"every": 0}, "at least 1"),
        ({"points": Data(x=torch.rand(5, 2))}, "no edges"),
    ],
)
def test_mistake_is_found_before_training(data, arguments, message):
    defaults = {"metrics": ["shortcut_edges"], "points": data}
    with pytest.raises(ValueError, match=message):
        MetricRecorder(**{**defaults, **arguments})


def test_model_that_is_no_autoencoder_is_an_error(data):
    class Model(nn.Linear):
        def loss(self, batch):
            return self(batch.x).mean()

    with pytest.raises(TypeError, match="Model cannot be measured"):
        fit(Model(2, 1), data, MetricRecorder(["shortcut_edges"], data))
