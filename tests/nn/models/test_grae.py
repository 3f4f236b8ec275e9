"""The geometry-regularized autoencoder, and the coordinates that it is given."""

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch_geometric.data import Data

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.datasets import SwissRoll
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import GRAE, mlp
from nrae_geometric.training import Callback, Trainer
from nrae_geometric.transforms import KNNGraph


def model(x_dim=3, z_dim=2, **settings):
    torch.manual_seed(0)
    return GRAE(mlp([x_dim, 16, z_dim], "tanh"), mlp([z_dim, 16, x_dim], "tanh"), **settings)


class Seen(Callback):
    """Keeps the coordinates that the loader has, and the share of the weight after each epoch."""

    def __init__(self):
        self.shares, self.embedding = [], None

    def on_fit_start(self, trainer, model):
        self.embedding = trainer.loader.data.get("embedding")
        if self.embedding is not None:
            self.embedding = self.embedding.clone()

    def on_epoch_end(self, trainer, model):
        self.shares.append(model._share)


def estimator(**parameters):
    defaults = {
        "n_components": 2,
        "method": "grae",
        "hidden_layer_sizes": (16,),
        "max_epochs": 3,
        "random_state": 0,
        "device": "cpu",
        "early_stopping": False,
    }
    return ManifoldAutoencoder(**{**defaults, **parameters})


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).normal(size=(80, 3)) * [3, 2, 0.5]


def test_loss_is_that_of_the_formula():
    autoencoder = model(embedding_weight=3.0).double()
    x, e = torch.randn(5, 3).double(), torch.randn(5, 2).double()
    total = 0.0
    for point, target in zip(x, e, strict=True):
        z = autoencoder.encoder(point[None])[0]
        decoded = autoencoder.decoder(z[None])[0]
        total += sum((a - b) ** 2 for a, b in zip(point, decoded, strict=True)) / (5 * 3)
        total += 3 * sum((a - b) ** 2 for a, b in zip(z, target, strict=True)) / (5 * 2)
    torch.testing.assert_close(autoencoder.loss(Data(x=x, embedding=e)), total)


def test_coordinates_come_with_the_batches_of_the_loader():
    data = KNNGraph(4)(Data(x=torch.randn(30, 3)))
    data.embedding = torch.randn(30, 2)
    autoencoder = model(embedding_weight=2.0)
    for batch in NeighborhoodLoader(data, 2, batch_size=7, shuffle=True):
        centers = batch.n_id[: batch.batch_size]
        expected = autoencoder.loss(Data(x=data.x[centers], embedding=data.embedding[centers]))
        torch.testing.assert_close(autoencoder.loss(batch), expected)


def test_training_without_coordinates_is_an_error(points):
    with pytest.raises(ValueError, match=r"EmbeddingStart\(init, num_steps=0\)"):
        estimator(init="random").fit(points)
    with pytest.raises(ValueError, match=r"shape \[4, 1\].*\[4, 2\]"):
        model().loss(Data(x=torch.randn(4, 3), embedding=torch.randn(4, 1)))


def test_points_without_coordinates_are_validated_by_their_reconstruction():
    autoencoder, x = model().eval(), torch.randn(4, 3)
    torch.testing.assert_close(autoencoder.loss(Data(x=x)), (x - autoencoder(x)).square().mean())


@pytest.mark.parametrize("init", ["pca", PCA(2), "array"])
def test_latents_are_the_coordinates_of_the_start(points, init):
    expected = PCA(2).fit_transform(points)
    given = expected if init == "array" else init
    z = estimator(init=given, max_epochs=60).fit_transform(points)
    turned = np.abs(np.diag(np.corrcoef(z.T, expected.T)[:2, 2:]))
    assert turned.min() > 0.98
    assert z.std() == pytest.approx(1, abs=0.1)


@pytest.mark.slow
def test_phate_gives_the_coordinates():
    phate = pytest.importorskip("phate", reason="needs the extra: pip install '.[phate]'")
    x = SwissRoll(200, 0.05, dim=3, seed=0)[0].x.numpy()
    # Its object is given as it is; fitted again, it has the same coordinates.
    make = phate.PHATE(n_components=2, knn=5, random_state=0, verbose=0)
    seen = Seen()
    z = estimator(init=make, callbacks=[seen], max_epochs=200).fit_transform(x)
    expected = phate.PHATE(n_components=2, knn=5, random_state=0, verbose=0).fit_transform(x)
    given = seen.embedding.numpy()
    centered = expected - expected.mean(axis=0)
    np.testing.assert_allclose(given, centered / centered.std(), atol=1e-3)
    assert np.corrcoef(z.ravel(), given.ravel())[0, 1] > 0.95


def test_random_start_can_have_coordinates_too(points):
    seen = Seen()
    callbacks = [EmbeddingStart("pca", num_steps=0), seen]
    z = estimator(init="random", callbacks=callbacks, max_epochs=60).fit_transform(points)
    assert seen.embedding.shape == (80, 2)
    assert np.abs(np.corrcoef(z[:, 0], PCA(2).fit_transform(points)[:, 0])[0, 1]) > 0.95


def test_early_stopping_holds_points_out_that_have_no_coordinates(points):
    seen = Seen()
    fitted = estimator(early_stopping=True, callbacks=[seen], init="pca").fit(points)
    assert seen.embedding.shape == (72, 2)
    assert fitted.history_[-1]["validation_loss"] < fitted.history_[0]["validation_loss"] * 2
    assert "embedding" not in fitted.graph_


@pytest.mark.parametrize("again", ["warm", "block"])
def test_fitted_model_goes_on_towards_coordinates_that_are_where_its_latents_are(points, again):
    # The components of the mirrored block have other signs than those that were fitted.
    first, seen = points[:60], Seen()
    fitted = estimator(init="pca", max_epochs=80).fit(first)
    z = fitted.transform(first)
    fitted.set_params(init=PCA(2).fit_transform(first) @ np.diag([-2.0, 2.0]), callbacks=[seen])
    if again == "warm":
        fitted.set_params(warm_start=True, max_epochs=1).fit(first)
    else:
        fitted.partial_fit(first)
    assert np.abs(seen.embedding.numpy() - z).mean() < 0.15


def test_blocks_are_learned_from_one_after_the_other(points):
    fitted = estimator(init="geodesic")
    for block in np.array_split(points, 2):
        fitted.partial_fit(block)
    assert fitted.n_epochs_ == 2


def test_loaded_model_goes_on(points, tmp_path):
    estimator(init="pca").fit(points).save(tmp_path / "model.nrae")
    loaded = ManifoldAutoencoder.load(tmp_path / "model.nrae")
    assert loaded.set_params(warm_start=True).fit(points).n_epochs_ == 6


def test_weight_falls_around_the_middle():
    data = KNNGraph(2)(SwissRoll(30)[0])
    autoencoder, seen = model(2, 1, relax=True), Seen()
    loader = NeighborhoodLoader(data, 0, batch_size=16, generator=torch.Generator())
    callbacks = [EmbeddingStart("pca", num_steps=1), seen]
    trainer = Trainer(40, callbacks=callbacks, device="cpu", seed=0, progress=False)
    trainer.fit(autoencoder, loader)
    expected = [1 / (1 + math.exp(0.2 * (epoch - 20))) for epoch in range(1, 41)]
    assert seen.shares == pytest.approx(expected)
    assert "embedding" not in loader.data


def test_resumed_run_has_its_coordinates_again(tmp_path):
    data = KNNGraph(2)(SwissRoll(30)[0])

    def run(epochs, resume=False):
        loader = NeighborhoodLoader(data, 0, batch_size=16, generator=torch.Generator())
        trainer = Trainer(
            epochs,
            callbacks=[EmbeddingStart("geodesic", num_steps=5)],
            schedule=lambda *_: 1.0,
            checkpoint=tmp_path / f"{resume or epochs}.pt",
            device="cpu",
            seed=0,
            progress=False,
        )
        autoencoder = model(2, 1)
        trainer.fit(autoencoder, loader, resume=bool(resume))
        return autoencoder.state_dict()

    whole = run(4)
    run(2)
    resumed = run(4, resume=2)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_weights_are_refused():
    with pytest.raises(ValueError, match="embedding_weight"):
        model(embedding_weight=-1.0)
