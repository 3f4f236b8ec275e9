"""What an estimator chooses where nothing is said."""

import logging

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_swiss_roll
from sklearn.preprocessing import StandardScaler
from torch import nn

from nrae_geometric.datasets import SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.metrics import trustworthiness
from nrae_geometric.scaling import differing_units, scale_columns

SMALL = {"max_epochs": 2, "hidden_layer_sizes": (8,), "init": "pca", "random_state": 0}


@pytest.mark.parametrize("seed", range(3))
def test_spiral_is_a_line(seed):
    data = SwissRoll(num_nodes=30, noise=0.01, seed=seed)[0]
    z = ManifoldAutoencoder(1, random_state=seed, device="cpu").fit_transform(data.x)
    assert abs(spearmanr(z.ravel(), data.y.ravel()).statistic) > 0.995


def test_roll_is_a_sheet_to_new_points_too():
    points = make_swiss_roll(1500, random_state=0)[0]
    roll = ManifoldAutoencoder(random_state=0, device="cpu").fit(points)
    new = make_swiss_roll(300, random_state=1)[0]
    assert trustworthiness(points, roll.embedding_, 10) > 0.999
    error = np.square(new - roll.reconstruct(new)).sum()
    assert 1 - error / np.square(new - points.mean(axis=0)).sum() > 0.99


@pytest.mark.parametrize(
    ("points", "by_columns"),
    [
        (load_wine().data, True),
        (load_breast_cancer().data, True),
        (StandardScaler().fit_transform(load_wine().data), False),
        (load_digits().data, False),
        (make_swiss_roll(200, random_state=0)[0], False),
        (np.random.default_rng(0).normal(size=(50, 3)) * [1, 1, 0], False),
        (np.random.default_rng(0).normal(size=(50, 3)) * [1, 1, 1e300], True),
    ],
    ids=["wine", "cancer", "standardized", "digits", "roll", "constant", "huge"],
)
def test_columns_of_different_units_are_scaled_one_by_one(points, by_columns):
    assert (differing_units(points) is not None) == by_columns
    model = ManifoldAutoencoder(**SMALL).fit(points)
    assert (np.ndim(model.scale_) == 1) == by_columns
    assert ("each column" if by_columns else "one number") in model.choices_["scale"]


def test_scale_of_columns_is_that_of_a_standard_scaler_and_is_undone(tmp_path):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 4)) * [1, 1e3, 1e-3, 0] + [0, 5, 0, 7]
    scaler = StandardScaler().fit(points)
    np.testing.assert_allclose(scale_columns(points), scaler.scale_, rtol=1e-9)

    model = ManifoldAutoencoder(**SMALL).fit(points)
    same = ManifoldAutoencoder(**SMALL, scale="points").fit(scaler.transform(points))
    np.testing.assert_allclose(model.transform(points), model.embedding_, atol=1e-5)
    ratio = same.scale_  # a constant column lowers the mean variance
    assert ratio == pytest.approx(np.sqrt(3 / 4))
    recon = model.inverse_transform(model.embedding_)
    np.testing.assert_allclose(recon[:, 3], 7, atol=1)
    assert np.abs(recon[:, 1] - 5).max() > 100

    model.save(tmp_path / "m")
    loaded = ManifoldAutoencoder.load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.scale_, model.scale_)
    assert loaded.choices_ == model.choices_
    np.testing.assert_allclose(loaded.transform(points), model.transform(points), atol=1e-6)


def test_what_was_chosen_is_told(caplog):
    points = make_swiss_roll(100, random_state=0)[0]
    with caplog.at_level(logging.INFO, "nrae_geometric"):
        model = ManifoldAutoencoder(hidden_layer_sizes=(8,), random_state=0).fit(points)
    assert set(model.choices_) == {
        "activation",
        "early_stopping",
        "scale",
        "n_neighbors",
        "batch_size",
        "max_epochs",
    }
    for name, sentence in model.choices_.items():
        assert f"{name}: {sentence}" in caplog.text
    assert model.n_epochs_ == 100


def test_what_is_given_is_not_chosen():
    points = make_swiss_roll(50, random_state=0)[0]
    given = {"n_neighbors": 4, "batch_size": 10, "scale": "points", "early_stopping": False}
    model = ManifoldAutoencoder(**SMALL, **given, activation="elu").fit(points)
    assert model.choices_ == {}
    assert model.n_neighbors_ == 4


@pytest.mark.parametrize(
    ("settings", "activation"),
    [
        ({"n_components": 2}, nn.ReLU),
        ({"n_components": 2, "method": "ae"}, nn.ReLU),
        ({"n_components": 2, "order": 2}, nn.ELU),
        ({"n_components": 1}, nn.ELU),
    ],
)
def test_networks_are_smooth_where_second_derivatives_or_a_curve_count(settings, activation):
    points = make_swiss_roll(50, random_state=0)[0]
    model = ManifoldAutoencoder(**{**SMALL, **settings}).fit(points).model_
    kinds = {type(module) for module in model.modules()}
    assert kinds & {nn.ReLU, nn.ELU} == {activation}


def test_of_many_points_a_thousand_are_held_out():
    points = np.random.default_rng(0).uniform(size=(10_500, 2))
    model = ManifoldAutoencoder(**{**SMALL, "max_epochs": 1}).fit(points)
    assert model.graph_.num_nodes == 9_500
    assert "validation_loss" in model.history_[0]


@pytest.mark.parametrize("name", ["n_neighbors", "batch_size", "early_stopping", "scale"])
def test_other_words_are_refused_by_name(name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        ManifoldAutoencoder(**{**SMALL, name: "automatic"}).fit(np.eye(5))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_few_points_are_enough(n):
    model = ManifoldAutoencoder(1, **{**SMALL, "init": "geodesic"}).fit(np.eye(n))
    assert model.embedding_.shape == (n, 1)
