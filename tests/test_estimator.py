"""The parameters of the estimator: method, networks, and what is refused."""

import numpy as np
import pytest
import torch
from networks import GraphEncoder
from sklearn.metrics.pairwise import cosine_distances
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from nrae_geometric.datasets import RotatedDigits
from nrae_geometric.nn import AE, NRAE
from nrae_geometric.registry import MODELS

pytestmark = pytest.mark.usefixtures("no_warnings_about_random_points")


def test_works_in_a_pipeline_and_in_a_search(tiny, points):
    pipeline = make_pipeline(StandardScaler(), tiny())
    search = GridSearchCV(pipeline, {"manifoldautoencoder__order": [1, 2]}, cv=2).fit(points)
    assert search.best_params_["manifoldautoencoder__order"] in (1, 2)
    assert search.best_estimator_.inverse_transform(search.transform(points)).shape == (30, 2)


class TestMethod:
    @pytest.mark.parametrize(
        "method",
        [
            name
            for name in MODELS
            if not any(f.is_required() for k, f in MODELS[name].model_fields.items() if k != "arch")
        ],
    )
    def test_every_one_without_required_settings_can_be_fitted(self, tiny, points, method):
        init = "pca" if MODELS[method].needs_embedding else "random"
        estimator = tiny(method=method, n_components=2, init=init).fit(points)
        assert estimator.transform(points).shape == (30, 2)
        assert np.isfinite(estimator.score(points))

    def test_by_default_is_nrae_with_its_own_parameters(self, tiny, points):
        model = tiny(order=2, neighbor_weight=3.0).fit(points).model_
        assert isinstance(model, NRAE)
        assert (model.order, model.criterion.kernel.weight) == (2, 3.0)

    def test_settings_of_others_are_given_as_a_dictionary(self, tiny, points):
        kernel = {"type": "binary", "lambda": 3.0}
        published = tiny(method="nraeq", method_params={"kernel": kernel})
        expected = tiny(order=2, neighbor_weight=3.0).fit_transform(points)
        np.testing.assert_array_equal(published.fit_transform(points), expected)

    def test_without_a_graph_is_not_limited_by_its_neighbors(self, tiny, points):
        estimator = tiny(method="ae", n_neighbors=1).fit(points)
        assert type(estimator.model_) is AE

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"method": "pca"}, "unknown model 'pca'; choose one of .*'nrae'"),
            ({"method": "ae", "order": 2}, "order=2 has no meaning for the method 'ae'"),
            ({"method_params": {"order": 2}}, "order is a parameter of its own"),
            ({"method_params": {"weight": 2}}, "method 'nrae': weight: Extra inputs"),
        ],
    )
    def test_that_does_not_fit_its_settings_is_an_error(self, tiny, points, parameters, message):
        with pytest.raises(ValueError, match=message):
            tiny(**parameters).fit(points)


class TestNetworksOfYourOwn:
    def test_are_trained_as_copies(self, tiny, points):
        encoder, decoder = nn.Linear(2, 1), nn.Linear(1, 2)
        before = encoder.weight.detach().clone()
        estimator = tiny(encoder=encoder, decoder=decoder)
        first, second = estimator.fit_transform(points), estimator.fit_transform(points)

        assert torch.equal(encoder.weight, before)
        assert not torch.equal(estimator.model_.encoder.weight, before)
        np.testing.assert_array_equal(first, second)

    def test_see_images_as_images(self, tiny):
        images = RotatedDigits(digit=3, num_rotate=12)[0].x
        encoder = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(1))
        assert tiny(encoder=encoder).fit_transform(images).shape == (12, 1)

    def test_with_a_graph_get_edges_for_new_points(self, tiny, points):
        estimator = tiny(encoder=GraphEncoder()).fit(points)
        new = points[:4] + 0.01
        conv = estimator.model_.encoder.conv
        nearest = np.linalg.norm(new[:, None] - points, axis=2).argsort(axis=1)[:, :3]
        scaled = (np.concatenate([new, points]) - estimator.center_) / estimator.scale_
        scaled = torch.tensor(scaled, dtype=torch.float32)
        mean = scaled[4:][torch.tensor(nearest)].mean(dim=1)
        expected = conv.lin_l(mean) + conv.lin_r(scaled[:4])

        np.testing.assert_allclose(estimator.transform(new), expected.detach(), atol=1e-5)
        np.testing.assert_allclose(estimator.transform(new[:1]), expected[:1].detach(), atol=1e-5)

    def test_with_a_graph_get_edges_by_its_metric(self, tiny):
        points = np.random.default_rng(0).normal(size=(30, 2)) + 2
        estimator = tiny(encoder=GraphEncoder(), metric="cosine").fit(points)
        new = points[:4] + 0.01
        nearest = cosine_distances(new, points).argsort(axis=1)[:, :3]
        scaled = (np.concatenate([new, points]) - estimator.center_) / estimator.scale_
        scaled = torch.tensor(scaled, dtype=torch.float32)
        conv = estimator.model_.encoder.conv
        mean = scaled[4:][torch.tensor(nearest)].mean(dim=1)
        expected = conv.lin_l(mean) + conv.lin_r(scaled[:4])
        np.testing.assert_allclose(estimator.transform(new), expected.detach(), atol=1e-5)

    def test_with_a_graph_learn_from_the_graph_of_the_points(self, tiny, points):
        estimator = tiny(encoder=GraphEncoder()).fit(points)
        graph = estimator.graph_
        z = estimator.model_.encode(graph.x, graph.edge_index).detach()
        np.testing.assert_allclose(estimator.embedding_, z, atol=1e-6)

    def test_of_other_shapes_are_an_error_before_training(self, tiny, points):
        with pytest.raises(ValueError, match=r"encoder Linear should return .* \[\d+, 1\]"):
            tiny(encoder=nn.Linear(2, 3)).fit(points)


def test_scalars_of_numpy_are_numbers(tiny, points):
    parameters = {
        "n_components": np.int64(1),
        "n_neighbors": np.int32(3),
        "n_sampled_neighbors": np.int64(2),
        "neighbor_weight": np.float32(0.25),
        "order": np.int64(1),
        "max_epochs": np.int64(2),
        "batch_size": np.int16(32),
        "learning_rate": np.float64(1e-3),
        "hidden_layer_sizes": np.array([8]),
    }
    plain = {name: value.tolist() for name, value in parameters.items()}
    z = tiny(**parameters).fit_transform(points)
    np.testing.assert_array_equal(z, tiny(**plain).fit_transform(points))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "'n_components' parameter"),
        ({"n_neighbors": 30}, "n_neighbors must be from 1 to 29 for n_samples = 30, got 30"),
        ({"n_sampled_neighbors": 4}, "n_sampled_neighbors must be from 1 to n_neighbors = 3"),
        ({"order": 3}, "'order' parameter"),
        ({"neighbor_weight": -1.0}, "'neighbor_weight' parameter"),
        ({"neighbor_weight": float("nan")}, "'neighbor_weight' parameter"),
        ({"init": "zero"}, "'init' parameter"),
        ({"activation": "step"}, "unknown activation 'step'"),
        ({"hidden_layer_sizes": (0,)}, "each of hidden_layer_sizes must be at least 1"),
        ({"max_epochs": 1.5}, "'max_epochs' parameter"),
        ({"learning_rate": 0.0}, "'learning_rate' parameter"),
        ({"validation_fraction": 1.0}, "'validation_fraction' parameter"),
        ({"device": "abacus"}, "device 'abacus' is not understood"),
    ],
)
def test_argument_out_of_range_is_an_error_that_names_it(tiny, points, parameters, message):
    with pytest.raises(ValueError, match=message):
        tiny(**parameters).fit(points)
