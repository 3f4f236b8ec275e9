import os
import signal

import pytest
import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader
from torch_geometric.nn import GCNConv

from nrae_geometric.callbacks import warm_start
from nrae_geometric.callbacks.embedding_start import report_folds
from nrae_geometric.configs import load_config
from nrae_geometric.configs.errors import ConfigError
from nrae_geometric.datasets import SwissRoll
from nrae_geometric.experiments import run_experiment
from nrae_geometric.geodesics import GeodesicCoordinates
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.metrics import latent_order
from nrae_geometric.nn import NRAE, mlp
from nrae_geometric.training import Trainer
from nrae_geometric.transforms import KNNGraph


def swiss_roll(num_nodes=30, k=2, **options):
    return KNNGraph(k)(SwissRoll(num_nodes, **options)[0])


def loader(data, batch_size=16):
    return NeighborhoodLoader(
        data, 1, batch_size=batch_size, shuffle=True, generator=torch.Generator()
    )


def model(x_dim=2, z_dim=1, order=1, seed=0):
    torch.manual_seed(seed)
    channels = [x_dim, 64, 64, z_dim]
    return NRAE(mlp(channels, "elu"), mlp(channels[::-1], "elu"), order)


def trainer(num_epochs=30, checkpoint=None, callbacks=(), init="geodesic"):
    return Trainer(
        num_epochs,
        device="cpu",
        seed=1,
        checkpoint=checkpoint,
        callbacks=callbacks,
        progress=False,
        init=init,
    )


class InterruptAt:
    """Presses Ctrl-C during an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, epoch, loss, model):
        if epoch == self.epoch:
            os.kill(os.getpid(), signal.SIGINT)


def test_encoder_and_decoder_follow_the_curve():
    data, fitted = swiss_roll(), model()
    coordinates = warm_start(fitted, loader(data), device="cpu")

    with torch.no_grad():
        z = fitted.encode(data.x)
        error = (fitted.decode(z) - data.x).square().sum(dim=1).mean()
    assert latent_order(z, data.y).spearman > 0.99
    assert latent_order(coordinates.z, data.y).consecutive == 1
    assert error < 0.05
    assert float(z.std()) == pytest.approx(1, abs=0.1)


def test_large_graphs_are_fitted_batch_by_batch():
    data, fitted = swiss_roll(1500, k=8, dim=3), model(3, 2)
    warm_start(fitted, loader(data, batch_size=256), device="cpu", num_steps=300)

    with torch.no_grad():
        z = fitted.encode(data.x)
    assert z.shape == (1500, 2)
    assert float(torch.corrcoef(torch.stack([z[:, 0], data.y[:, 0]]))[0, 1].abs()) > 0.95


class GraphEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = GCNConv(2, 64)
        self.out = nn.Linear(64, 1)

    def forward(self, x, edge_index):
        return self.out(self.conv(x, edge_index).tanh())


def test_graph_encoders_are_fitted_with_their_graph():
    data = swiss_roll()
    torch.manual_seed(0)
    fitted = NRAE(GraphEncoder(), mlp([1, 64, 64, 2], "elu"))
    warm_start(fitted, loader(data), device="cpu")

    with torch.no_grad():
        z = fitted.encode(data.x, data.edge_index)
    assert latent_order(z, data.y).spearman > 0.9


def test_double_precision_is_kept():
    fitted = model()
    warm_start(fitted, loader(swiss_roll()), device="cpu", precision="64-true", num_steps=2)

    assert next(fitted.parameters()).dtype == torch.float64


def test_a_loader_without_a_graph_is_an_error():
    with pytest.raises(ValueError, match="needs the graph"):
        warm_start(model(), [Data(x=torch.rand(3, 2))], device="cpu")


def test_a_graph_without_edges_is_an_error():
    data = Data(x=torch.rand(5, 2), edge_index=torch.empty(2, 0, dtype=torch.long))
    with pytest.raises(ValueError, match="non-empty"):
        warm_start(model(), NeighborhoodLoader(data, 0), device="cpu")


def test_a_model_that_is_no_autoencoder_is_an_error():
    with pytest.raises(TypeError, match="Linear"):
        warm_start(nn.Linear(2, 1), loader(swiss_roll()), device="cpu")


def test_an_unknown_start_is_an_error():
    with pytest.raises(ValueError, match="'spectral'"):
        trainer(init="spectral")


@pytest.mark.parametrize("order", [1, 2])
def test_training_keeps_the_order_that_it_starts_with(order):
    data, fitted = swiss_roll(), model(order=order)
    orders = []

    class Watch:
        def on_epoch_end(self, epoch, loss, model):
            with torch.no_grad():
                orders.append(latent_order(model.encode(data.x), data.y).spearman)

    trainer(60, callbacks=[Watch()]).fit(fitted, loader(data))

    assert min(orders) > 0.99


def test_training_is_gentle():
    run = trainer(20)
    run.fit(model(), loader(swiss_roll()))

    rates = [record["lr"] for record in run.history]
    assert rates[:10] == pytest.approx([3e-4 * ((e + 1) / 10) ** 2 for e in range(10)])
    assert rates[10:] == pytest.approx([3e-4] * 10)


class FoldAt:
    """Undoes the order of the latents at the end of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, epoch, loss, model):
        if epoch == self.epoch:
            model.encoder = FoldedEncoder(model.encoder)


class FoldedEncoder(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, x):
        return (self.encoder(x) - 0.5).abs()


def test_a_line_that_training_folds_is_warned_about(caplog):
    trainer(2, callbacks=[FoldAt(1)]).fit(model(), loader(swiss_roll()))

    assert "folded the latent line" in caplog.text


def test_a_line_that_keeps_its_order_is_not_warned_about(caplog):
    trainer(2).fit(model(), loader(swiss_roll()))

    assert not caplog.text


@pytest.mark.parametrize("sign", [1, -1])
def test_a_fold_among_very_many_points_is_seen_in_some_of_them(caplog, sign):
    x = torch.linspace(-1, 1, 25_000)[:, None]
    coordinates = GeodesicCoordinates(sign * x, None, 1, 0, 0.0)
    batches = loader(Data(x=x, edge_index=torch.zeros(2, 1, dtype=torch.long)))
    seen = []

    class Fold(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.width = nn.Parameter(torch.tensor(width))

        def forward(self, x):
            seen.append(len(x))
            return (x - self.width).abs()

    report_folds(NRAE(Fold(-1.0), nn.Identity()), batches, coordinates)
    assert not caplog.text
    report_folds(NRAE(Fold(0.5), nn.Identity()), batches, coordinates)
    assert "folded the latent line" in caplog.text
    assert max(seen) < 15_000


def test_an_encoder_of_graphs_is_asked_about_its_whole_graph(caplog):
    data = swiss_roll()
    torch.manual_seed(0)
    fitted = NRAE(GraphEncoder(), mlp([1, 64, 64, 2], "elu"))
    run = trainer(1)
    run.fit(fitted, loader(data))

    with torch.no_grad():
        z = fitted.encode(data.x, data.edge_index)
    folded = latent_order(z, run.coordinates.z).spearman < 0.99
    assert ("folded the latent line" in caplog.text) == folded


def test_what_was_found_is_told_by_the_trainer():
    angle = torch.arange(60) / 60 * 2 * torch.pi
    closed = KNNGraph(4)(Data(x=torch.stack([angle.cos(), angle.sin()], dim=1)))
    run = trainer(1)
    run.fit(model(), loader(closed))

    assert run.coordinates.loop is not None


def test_a_resumed_run_is_looked_at_as_well(tmp_path, caplog):
    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        trainer(3, checkpoint, [InterruptAt(0)]).fit(model(), loader(swiss_roll()))
    trainer(3, checkpoint, [FoldAt(2)]).fit(model(), loader(swiss_roll()), resume=True)

    assert "folded the latent line" in caplog.text


def test_what_was_found_about_a_loop_survives_an_interruption(tmp_path):
    angle = torch.arange(60) / 60 * 2 * torch.pi
    closed = KNNGraph(4)(Data(x=torch.stack([angle.cos(), angle.sin()], dim=1)))
    checkpoint = tmp_path / "checkpoint.pt"
    first, second = (trainer(2, checkpoint, [InterruptAt(epoch)]) for epoch in (0, -1))
    with pytest.raises(KeyboardInterrupt):
        first.fit(model(), loader(closed))
    second.fit(model(), loader(closed), resume=True)

    assert second.coordinates.loop == first.coordinates.loop


def test_a_random_start_is_the_default_and_finds_nothing():
    run = Trainer(1, device="cpu", progress=False)
    run.fit(model(), loader(swiss_roll()))

    assert run.init == "random"
    assert run.coordinates is None


@pytest.mark.parametrize("epoch", [0, 7, 18])
def test_resumed_run_equals_the_uninterrupted_one(tmp_path, epoch):
    whole, expected = trainer(20), model()
    whole.fit(expected, loader(swiss_roll()))
    checkpoint = tmp_path / "checkpoint.pt"

    with pytest.raises(KeyboardInterrupt):
        trainer(20, checkpoint, [InterruptAt(epoch)]).fit(model(), loader(swiss_roll()))
    resumed, again = trainer(20, checkpoint, [InterruptAt(-1)]), model(seed=9)
    resumed.fit(again, loader(swiss_roll()), resume=True)

    assert resumed.history == whole.history
    assert torch.equal(resumed.coordinates.z, whole.coordinates.z)
    assert resumed.coordinates._replace(z=None) == whole.coordinates._replace(z=None)
    for ours, theirs in zip(again.parameters(), expected.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_an_experiment_starts_geodesically_by_one_key(tmp_path):
    small = {f"model.{network}.l_hidden": [64, 64, 64] for network in ("encoder", "decoder")}
    config = load_config(
        "NRAEL_toy_geometry_preserving",
        {"training.num_epochs": 10, "training.init": "geodesic", **small},
    )
    result = run_experiment(config, device="cpu", logdir=tmp_path, animate=False, progress=False)

    assert result.metrics["latent_order"]["spearman"] > 0.99


def test_the_start_cannot_change_when_an_experiment_is_resumed(tmp_path):
    small = {f"model.{network}.l_hidden": [8, 8, 8] for network in ("encoder", "decoder")}
    config = load_config("NRAEL_toy_geometry_preserving", {"training.num_epochs": 1, **small})
    options = {"device": "cpu", "logdir": tmp_path, "animate": False, "progress": False}
    run_experiment(config, **options)
    other = load_config(
        "NRAEL_toy_geometry_preserving",
        {"training.num_epochs": 2, "training.init": "geodesic", **small},
    )

    with pytest.raises(ValueError, match="other settings"):
        run_experiment(other, resume=True, **options)


def test_an_autoencoder_without_a_graph_cannot_start_geodesically():
    with pytest.raises(ConfigError, match=r"training\.init: geodesic"):
        load_config("AE_toy_denoising", {"training.init": "geodesic"})


def test_vanilla_loaders_over_one_graph_serve_too():
    data = swiss_roll(1100, k=4)
    batches = NeighborLoader(data, [2], batch_size=200, shuffle=True)
    try:
        next(iter(batches))
    except ImportError:
        pytest.skip("needs PyG's compiled neighbor sampler")
    fitted = model()
    warm_start(fitted, batches, device="cpu")

    with torch.no_grad():
        assert latent_order(fitted.encode(data.x), data.y).spearman > 0.99
