import io
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

from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.metrics import latent_order
from nrae_geometric.nn import AE, NRAE, mlp
from nrae_geometric.training import Callback

from .conftest import GraphEncoder, circle, loader, model, swiss_roll, trainer


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
