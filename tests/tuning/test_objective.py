import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import RepeatedKFold, cross_val_score
from torch import nn

from nrae_geometric.datasets import SinCurve
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.training import Callback
from nrae_geometric.tuning.objective import CrossValidation, with_settings


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)


@pytest.fixture
def estimator():
    return ManifoldAutoencoder(
        hidden_layer_sizes=(8,),
        max_epochs=2,
        n_neighbors=3,
        init="random",
        random_state=0,
        device="cpu",
    )


def test_scores_of_the_parts_are_those_of_scikit_learn(points, estimator):
    validation = CrossValidation(estimator, points, 4, 2, seed=5)
    folds = RepeatedKFold(n_splits=4, n_repeats=2, random_state=5)
    expected = cross_val_score(estimator, points, cv=folds)

    assert [validation.score({}, part) for part in range(8)] == pytest.approx(expected, rel=1e-5)


def test_every_point_is_left_out_once_in_each_division(points, estimator):
    validation = CrossValidation(estimator, points[:19], 3, 2, seed=0)
    assert validation.sizes == [7, 6, 6] * 2


SETTINGS = [
    {"n_neighbors": k, "order": order, "neighbor_weight": weight}
    for k, order, weight in [(4, 1, 0.2), (4, 1, 30.0), (4, 2, 0.2), (5, 2, 1.0), (4, 2, 7.0)]
]


class NoCallback(Callback):
    pass


class TestSharing:
    @pytest.fixture
    def points(self):
        return SinCurve(40, 0.1, seed=0)[0].x.numpy()

    def whole_fits(self, estimator, points, settings):
        """The scores of the parts, each from a fit by itself."""
        folds = RepeatedKFold(n_splits=2, n_repeats=1, random_state=3)
        fits = clone(estimator).set_params(**settings)
        return [fits.fit(points[rest]).score(points[fold]) for rest, fold in folds.split(points)]

    @pytest.mark.parametrize(
        "parameters",
        [
            {"n_components": 1},
            {"n_components": 2},
            {"n_components": 1, "scale": "columns"},
            {"n_components": 1, "init": "pca", "activation": "tanh"},
            {"n_components": 1, "metric": "cosine"},
            {"n_components": 1, "early_stopping": True, "validation_fraction": 0.2},
            {"n_components": 1, "n_sampled_neighbors": 3, "batch_size": 7},
        ],
    )
    def test_scores_are_those_of_whole_fits_to_the_last_bit(self, points, parameters):
        defaults = {"hidden_layer_sizes": (16, 16), "max_epochs": 4, "random_state": 1}
        estimator = ManifoldAutoencoder(**defaults, device="cpu").set_params(**parameters)
        validation = CrossValidation(estimator, points, 2, 1, seed=3)
        for settings in SETTINGS:
            expected = self.whole_fits(estimator, points, settings)
            assert [validation.score(settings, part) for part in (0, 1)] == expected

    def test_columns_of_different_units_are_scaled_as_in_a_whole_fit(self, points):
        points = points * [1.0, 1e4]
        estimator = ManifoldAutoencoder(1, max_epochs=4, random_state=1, device="cpu")
        validation = CrossValidation(estimator, points, 2, 1, seed=3)
        for settings in SETTINGS[:2]:
            expected = self.whole_fits(estimator, points, settings)
            assert [validation.score(settings, part) for part in (0, 1)] == expected

    def test_graph_and_start_are_computed_once_for_each_number_and_part(self, points, monkeypatch):
        from nrae_geometric import fitting
        from nrae_geometric.callbacks import embedding_start

        counts = dict.fromkeys(["graphs", "starts"], 0)

        def counted(name, function):
            def count(*arguments, **options):
                counts[name] += 1
                return function(*arguments, **options)

            return count

        monkeypatch.setattr(fitting, "KNNGraph", counted("graphs", fitting.KNNGraph))
        geodesic = embedding_start.geodesic_coordinates
        monkeypatch.setattr(embedding_start, "geodesic_coordinates", counted("starts", geodesic))
        estimator = ManifoldAutoencoder(1, max_epochs=1, random_state=1, device="cpu")
        validation = CrossValidation(estimator, points, 2, 1, seed=3)
        for settings in SETTINGS:  # of two numbers of neighbors
            for part in (0, 1):
                validation.score(settings, part)
        assert counts == {"graphs": 4, "starts": 4}

    @pytest.mark.parametrize(
        "parameters",
        [
            {"encoder": nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5), nn.Linear(4, 1))},
            {"callbacks": [NoCallback()]},
        ],
    )
    def test_what_may_draw_is_fitted_from_the_beginning(self, points, parameters):
        estimator = ManifoldAutoencoder(1, max_epochs=2, random_state=1, device="cpu")
        estimator.set_params(**parameters)
        validation = CrossValidation(estimator, points, 2, 1, seed=3)
        expected = self.whole_fits(estimator, points, {"n_neighbors": 4})
        for _ in range(2):
            assert [validation.score({"n_neighbors": 4}, part) for part in (0, 1)] == expected


@pytest.mark.parametrize(("k", "sampled"), [(2, 2), (3, 3), (9, 3)])
def test_no_step_takes_more_neighbors_than_there_are(k, sampled):
    estimator = ManifoldAutoencoder(n_neighbors=10, n_sampled_neighbors=3)
    assert with_settings(estimator, {"n_neighbors": k}).n_sampled_neighbors == sampled


def test_settings_go_where_the_method_has_them(estimator):
    estimator.set_params(method="nraeq", method_params={"kernel": "before", "other": 1})
    tried = with_settings(estimator, {"n_neighbors": 5, "order": 2, "kernel": "after"})
    assert (tried.n_neighbors, tried.order) == (5, 2)
    assert tried.method_params == {"kernel": "after", "other": 1}
    assert estimator.method_params == {"kernel": "before", "other": 1}
