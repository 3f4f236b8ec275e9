import io
import logging
import os
import signal

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import Isomap
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader
from torch_geometric.nn import GCNConv

from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.datasets import SwissRoll
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.metrics import latent_order
from nrae_geometric.nn import AE, NRAE, mlp
from nrae_geometric.training import Callback, Trainer
from nrae_geometric.transforms import KNNGraph


def swiss_roll(num_nodes=30, k=2, **options):
    return KNNGraph(k)(SwissRoll(num_nodes, **options)[0])


def circle():
    angle = torch.arange(60) / 60 * 2 * torch.pi
    return KNNGraph(4)(Data(x=torch.stack([angle.cos(), angle.sin()], dim=1)))


def loader(data, batch_size=16):
    return NeighborhoodLoader(
        data, 1, batch_size=batch_size, shuffle=True, generator=torch.Generator()
    )


def model(x_dim=2, z_dim=1, order=1, seed=0):
    torch.manual_seed(seed)
    channels = [x_dim, 64, 64, z_dim]
    return NRAE(mlp(channels, "elu"), mlp(channels[::-1], "elu"), order)


def trainer(max_epochs=1, callbacks=(), **options):
    defaults = {"device": "cpu", "seed": 1, "progress": False}
    return Trainer(max_epochs, callbacks=callbacks, **{**defaults, **options})


def start(model, batches, init="geodesic", precision="32-true", **options):
    """The start alone: one epoch follows at next to no learning rate."""
    callback = EmbeddingStart(init, **options)
    trainer(lr=1e-12, callbacks=[callback], precision=precision).fit(model, batches)
    return callback


def encoded(model, data):
    with torch.no_grad():
        return model.encode(data.x, data.edge_index)


def agreement(z, expected):
    """|Pearson| correlation of two coordinates."""
    return float(torch.corrcoef(torch.stack([z.flatten(), expected.flatten()]))[0, 1].abs())


@pytest.mark.parametrize("kind", [AE, NRAE])
def test_encoder_and_decoder_follow_the_curve(kind):
    data, both = swiss_roll(), model()
    fitted = kind(both.encoder, both.decoder)
    coordinates = start(fitted, loader(data)).coordinates

    z = encoded(fitted, data)
    error = (fitted.decode(z) - data.x).square().sum(dim=1).mean()
    assert latent_order(z, data.y).spearman > 0.99
    assert latent_order(coordinates.z, data.y).consecutive == 1
    assert error < 0.05
    assert float(z.std()) == pytest.approx(1, abs=0.1)


def test_distances_are_those_that_the_graph_has():
    data = swiss_roll()
    source, target = data.edge_index
    length = (data.x[source] - data.x[target]).norm(dim=1)
    spans = []
    for factor in (1, 3):
        data.edge_length = factor * length
        spans.append(float(start(model(), loader(data), num_steps=1).coordinates.z.std()))

    assert spans[1] == pytest.approx(3 * spans[0], rel=1e-5)


def test_large_graphs_are_fitted_batch_by_batch():
    data, fitted = swiss_roll(1500, k=8, dim=3), model(3, 2)
    start(fitted, loader(data, batch_size=256), num_steps=300)

    z = encoded(fitted, data)
    assert z.shape == (1500, 2)
    assert agreement(z[:, 0], data.y[:, 0]) > 0.95


def test_vanilla_loaders_over_one_graph_serve_too():
    data = swiss_roll(1100, k=4)
    batches = NeighborLoader(data, [2], batch_size=200, shuffle=True)
    try:
        next(iter(batches))
    except ImportError:
        pytest.skip("needs PyG's compiled neighbor sampler")
    fitted = model()
    start(fitted, batches)

    assert latent_order(encoded(fitted, data), data.y).spearman > 0.99


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
    start(fitted, loader(data))

    assert latent_order(encoded(fitted, data), data.y).spearman > 0.9


def test_principal_components_are_those_of_scikit_learn():
    scales = torch.tensor([0.1, 1.0, 0.2, 0.5, 0.1])
    x = torch.randn(40, 5, generator=torch.Generator().manual_seed(0)) * scales
    data = Data(x=x, edge_index=torch.empty(2, 0, dtype=torch.long))
    fitted = model(5, 2)
    start(fitted, NeighborhoodLoader(data, 0, batch_size=10), "pca")

    expected = torch.from_numpy(PCA(2).fit_transform(x.numpy()))
    z = encoded(fitted, data)
    assert agreement(z[:, 0], expected[:, 0]) > 0.99
    assert agreement(z[:, 1], expected[:, 1]) > 0.99


@pytest.mark.parametrize("kind", [torch.Tensor.clone, np.asarray, torch.Tensor.tolist])
def test_given_coordinates_are_fitted(kind):
    data, fitted = swiss_roll(), model()
    z = data.y.double().sin()[:, None]
    start(fitted, loader(data), kind(z))

    assert agreement(encoded(fitted, data).double(), z) > 0.99


def test_no_steps_leave_the_model_as_it_is():
    data, fitted = swiss_roll(), model()
    before = {name: value.clone() for name, value in fitted.state_dict().items()}
    found = start(fitted, loader(data), num_steps=0).coordinates
    assert len(found.z) == 30
    assert all(torch.allclose(value, before[name]) for name, value in fitted.state_dict().items())


class Asking(AE):
    """Asks for coordinates, and keeps what the batches have of them."""

    needs_embedding = True

    def loss(self, batch):
        self.seen = {**getattr(self, "seen", {})}
        for node, z in zip(batch.n_id.tolist(), batch.embedding, strict=True):
            self.seen[node] = z
        return super().loss(batch)


def test_model_that_asks_for_it_has_the_coordinates_of_each_batch():
    data, both = swiss_roll(), model()
    asking = Asking(both.encoder, both.decoder)
    given = torch.arange(30.0)[:, None]
    batches = loader(data, 8)
    start(asking, batches, given)
    expected = (given - given.mean()) / (given - given.mean()).square().mean().sqrt()
    torch.testing.assert_close(torch.stack([asking.seen[i] for i in range(30)]), expected)
    assert "embedding" not in batches.data


def test_aligned_coordinates_are_where_the_latents_are():
    data, both = swiss_roll(), model(z_dim=2)
    asking = Asking(both.encoder, both.decoder)
    z = encoded(asking, data)
    turn = torch.tensor([[0.6, 0.8], [0.8, -0.6]])
    start(asking, loader(data), 3 * z @ turn + 5, num_steps=0, align=True)
    torch.testing.assert_close(
        torch.stack([asking.seen[i] for i in range(30)]), z, rtol=0, atol=1e-4
    )


def test_another_method_of_dimension_reduction_gives_the_coordinates():
    data, fitted = swiss_roll(), model()
    start(fitted, loader(data), Isomap(n_neighbors=3, n_components=1))

    expected = Isomap(n_neighbors=3, n_components=1).fit_transform(data.x.numpy())
    assert agreement(encoded(fitted, data), torch.from_numpy(expected).float()) > 0.99


def test_double_precision_is_kept():
    fitted = model()
    start(fitted, loader(swiss_roll()), precision="64-true", num_steps=2)

    assert next(fitted.parameters()).dtype == torch.float64


def test_a_loader_without_all_points_is_an_error():
    with pytest.raises(ValueError, match="loader over one graph"):
        start(model(), [Data(x=torch.rand(3, 2))])


def test_a_geodesic_start_without_edges_is_an_error():
    data = Data(x=torch.rand(5, 2), edge_index=torch.empty(2, 0, dtype=torch.long))
    with pytest.raises(ValueError, match="needs the graph"):
        start(model(), NeighborhoodLoader(data, 0))


def test_a_model_that_is_no_autoencoder_is_an_error():
    class Model(nn.Linear):
        def loss(self, batch):
            return self(batch.x).mean()

    with pytest.raises(TypeError, match="Model cannot start from coordinates"):
        start(Model(2, 1), loader(swiss_roll()))


@pytest.mark.parametrize(
    ("z", "message"),
    [
        (torch.rand(30, 2), r"shape \[30, 2\], but there are 30 points and 1 latent"),
        (torch.rand(29, 1), r"shape \[29, 1\]"),
        (torch.ones(30, 1), "all equal"),
        (torch.full((30, 1), torch.nan), "not all finite"),
    ],
)
def test_unfit_coordinates_are_an_error(z, message):
    with pytest.raises(ValueError, match=message):
        start(model(), loader(swiss_roll()), z)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"init": "spectral"}, "'spectral'"), ({"num_steps": -1}, "got -1"), ({"lr": 0.0}, r"0\.0")],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingStart(**arguments)


@pytest.mark.parametrize("order", [1, 2])
def test_training_keeps_the_order_that_it_starts_with(order):
    data, fitted = swiss_roll(), model(order=order)
    orders = []

    class Watch(Callback):
        def on_epoch_end(self, trainer, model):
            orders.append(latent_order(encoded(model, data), data.y).spearman)

    trainer(60, [EmbeddingStart(), Watch()]).fit(fitted, loader(data))

    assert min(orders) > 0.99


@pytest.mark.parametrize(("order", "fraction"), [(0, 0.3), (1, 0.3), (2, 0.1), (3, 0.1)])
def test_training_is_gentle(order, fraction):
    class Expanding(AE):
        pass

    Expanding.order = order
    fitted = Expanding(model().encoder, model().decoder)
    run = trainer(20, [EmbeddingStart(num_steps=1)])
    run.fit(fitted, loader(swiss_roll()))

    rates = [record["lr"] for record in run.history]
    expected = [fraction * 1e-3 * min(1, (epoch + 1) / 10) ** 2 for epoch in range(20)]
    assert rates[:15] == pytest.approx(expected[:15])


def test_schedule_of_the_user_counts():
    run = trainer(2, [EmbeddingStart(num_steps=1)], schedule=lambda epoch, max_epochs: 0.5)
    run.fit(model(), loader(swiss_roll()))

    assert [record["lr"] for record in run.history] == [0.5e-3] * 2


class FoldAt(Callback):
    """Undoes the order of the latents at the end of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, trainer, model):
        if trainer.epoch == self.epoch:
            model.encoder = FoldedEncoder(model.encoder)


class FoldedEncoder(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, x, edge_index=None):
        z = self.encoder(x) if edge_index is None else self.encoder(x, edge_index)
        return (z - 0.5).abs()


def test_a_line_that_training_folds_is_warned_about(caplog):
    trainer(2, [EmbeddingStart(), FoldAt(1)]).fit(model(), loader(swiss_roll()))

    assert "folded the latent line" in caplog.text


def test_a_line_that_keeps_its_order_is_not_warned_about(caplog):
    trainer(2, [EmbeddingStart()]).fit(model(), loader(swiss_roll()))

    assert not caplog.text


def test_a_fold_of_an_encoder_of_graphs_is_seen_as_well(caplog):
    torch.manual_seed(0)
    fitted = NRAE(GraphEncoder(), mlp([1, 64, 64, 2], "elu"))
    trainer(1, [EmbeddingStart(), FoldAt(0)]).fit(fitted, loader(swiss_roll()))

    assert "folded the latent line" in caplog.text


@pytest.mark.parametrize("folds", [False, True])
def test_a_fold_among_very_many_points_is_seen_in_some_of_them(caplog, folds):
    x = torch.linspace(-1, 1, 25_000)[:, None]
    chain = torch.arange(len(x) - 1)
    data = Data(x=x, edge_index=torch.stack([chain, chain + 1]))
    seen = []

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, x):
            seen.append(len(x))
            return self.scale * x

    fitted = NRAE(Encoder(), nn.Identity())
    callbacks = [EmbeddingStart(num_steps=1), FoldAt(0 if folds else -1)]
    trainer(lr=1e-12, callbacks=callbacks).fit(fitted, loader(data, batch_size=12_500))

    assert ("folded the latent line" in caplog.text) == folds
    assert seen[-1] < 15_000


def test_a_graph_that_closes_on_itself_is_told_and_not_taken_for_a_fold(caplog):
    callback = EmbeddingStart()
    with caplog.at_level(logging.WARNING, logger="nrae_geometric.callbacks"):
        trainer(1, [callback, FoldAt(0)]).fit(model(), loader(circle()))

    assert callback.coordinates.loop.length == pytest.approx(2 * torch.pi, rel=0.2)
    assert "folded" not in caplog.text


@pytest.mark.parametrize("data", [swiss_roll(), circle()])
def test_coordinates_survive_a_checkpoint_that_loads_weights_only(data):
    callback = start(model(), loader(data), num_steps=1)
    file = io.BytesIO()
    torch.save(callback.state_dict(), file)
    file.seek(0)
    restored = EmbeddingStart()
    restored.load_state_dict(torch.load(file, weights_only=True))

    assert torch.equal(restored.coordinates.z, callback.coordinates.z)
    assert restored.coordinates._replace(z=None) == callback.coordinates._replace(z=None)


def test_a_resumed_run_is_looked_at_as_well(tmp_path, caplog):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(1, [EmbeddingStart()], checkpoint=checkpoint).fit(model(), loader(swiss_roll()))
    resumed = trainer(3, [EmbeddingStart(), FoldAt(2)], checkpoint=checkpoint)
    resumed.fit(model(), loader(swiss_roll()), resume=True)

    assert "folded the latent line" in caplog.text


class CtrlC(Isomap):
    """Isomap during which Ctrl-C is pressed."""

    def __init__(self, presses: int) -> None:
        super().__init__()
        self.presses = presses

    def fit_transform(self, X, y=None):
        for _ in range(self.presses):
            os.kill(os.getpid(), signal.SIGINT)
        return super().fit_transform(X)[:, :1]


@pytest.mark.parametrize(("presses", "is_saved"), [(1, True), (2, False)])
def test_ctrl_c_saves_the_start_and_a_second_one_stops_at_once(tmp_path, presses, is_saved):
    checkpoint = tmp_path / "checkpoint.pt"
    run = trainer(1, [EmbeddingStart(CtrlC(presses), num_steps=2)], checkpoint=checkpoint)
    with pytest.raises(KeyboardInterrupt):
        run.fit(model(), loader(swiss_roll()))
    assert checkpoint.exists() == is_saved
