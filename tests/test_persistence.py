"""Fitted estimators as files."""

import enum

import numpy as np
import pytest
import torch
from networks import GraphEncoder
from sklearn.base import clone
from sklearn.decomposition import PCA
from torch import nn

from nrae_geometric.archive import read_archive, write_archive
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.neighbors.backends.torch import TorchBackend
from nrae_geometric.neighbors.metrics import Cosine
from nrae_geometric.training import Callback

pytestmark = pytest.mark.usefixtures("no_warnings_about_random_points")


class Method(enum.StrEnum):
    AE = "ae"


class TestFile:
    def test_holds_the_whole_estimator(self, tiny, points, tmp_path):
        fitted = tiny().fit(points)
        path = tmp_path / "results" / "roll.pt"
        fitted.save(path)
        loaded = ManifoldAutoencoder.load(path, device="cpu")

        assert loaded.get_params() == fitted.get_params()
        assert loaded.history_ == fitted.history_
        z = fitted.transform(points)
        np.testing.assert_array_equal(loaded.transform(points), z)
        np.testing.assert_array_equal(loaded.inverse_transform(z), fitted.inverse_transform(z))
        np.testing.assert_array_equal(loaded.embedding_, fitted.embedding_)
        assert loaded.graph_.to_dict().keys() == fitted.graph_.to_dict().keys()
        assert torch.equal(loaded.graph_.edge_index, fitted.graph_.edge_index)
        assert (loaded.n_epochs_, loaded.n_neighbors_, loaded.n_features_in_) == (2, 3, 2)
        assert [file.name for file in path.parent.iterdir()] == ["roll.pt"]

    def test_holds_what_was_fitted(self, tiny, points, tmp_path):
        estimator = tiny().fit(points)
        estimator.set_params(hidden_layer_sizes=(4, 4), order=2).save(tmp_path / "roll.pt")
        loaded = ManifoldAutoencoder.load(tmp_path / "roll.pt")

        assert (loaded.hidden_layer_sizes, loaded.order) == ((8,), 1)
        np.testing.assert_array_equal(loaded.transform(points), estimator.transform(points))

    @pytest.mark.parametrize(
        ("parameters", "plain"),
        [
            ({"n_components": np.int64(1)}, {"n_components": 1}),
            ({"neighbor_weight": np.float32(2)}, {"neighbor_weight": 2.0}),
            ({"hidden_layer_sizes": [np.int64(8)]}, {"hidden_layer_sizes": [8]}),
            ({"device": torch.device("cpu")}, {"device": "cpu"}),
            ({"method": Method.AE}, {"method": "ae"}),
            (
                {"method": "nrael", "method_params": {"kernel": {"type": "binary", "lambda": 1}}},
                {"method": "nrael", "method_params": {"kernel": {"type": "binary", "lambda": 1}}},
            ),
        ],
    )
    def test_holds_plain_parameters(self, tiny, points, tmp_path, parameters, plain):
        estimator = tiny(**parameters).fit(points)
        estimator.save(tmp_path / "roll.pt")
        loaded = ManifoldAutoencoder.load(tmp_path / "roll.pt", device="cpu")
        assert loaded.get_params() == tiny(**plain).get_params()
        np.testing.assert_array_equal(loaded.transform(points), estimator.transform(points))

    def test_holds_an_array_to_start_from(self, tiny, points, tmp_path):
        tiny(init=points[:, :1]).fit(points).save(tmp_path / "roll.pt")
        loaded = ManifoldAutoencoder.load(tmp_path / "roll.pt")
        np.testing.assert_array_equal(loaded.init, points[:, :1])

    @pytest.mark.parametrize(
        ("parameter", "default"),
        [
            ({"init": PCA(1)}, {"init": "geodesic"}),
            ({"callbacks": [Callback()]}, {"callbacks": None}),
            ({"backend": TorchBackend()}, {"backend": "auto"}),
            ({"random_state": np.random.RandomState(0)}, {"random_state": None}),
        ],
    )
    def test_leaves_out_objects_that_have_done_their_work(
        self, tiny, points, tmp_path, parameter, default
    ):
        estimator = tiny(**parameter).fit(points)
        estimator.save(tmp_path / "roll.pt")
        loaded = ManifoldAutoencoder.load(tmp_path / "roll.pt", device="cpu")
        assert loaded.get_params() == tiny(**default).get_params()
        np.testing.assert_array_equal(loaded.transform(points), estimator.transform(points))

    def test_asks_for_a_metric_of_your_own(self, tiny, points, tmp_path):
        estimator = tiny(metric=Cosine()).fit(points)
        estimator.save(tmp_path / "roll.pt")
        loaded = ManifoldAutoencoder.load(tmp_path / "roll.pt", metric=Cosine())
        np.testing.assert_array_equal(loaded.transform(points), estimator.transform(points))
        with pytest.raises(ValueError, match=r"roll\.pt .* fitted with its own metric"):
            ManifoldAutoencoder.load(tmp_path / "roll.pt")

    def test_parameter_that_no_file_holds_is_refused_before_the_fit(self, tiny, points):
        estimator = tiny(hidden_layer_sizes=np.array([8, 8], dtype=object))
        with pytest.raises(TypeError, match="hidden_layer_sizes cannot be saved"):
            estimator.fit(points)
        assert not hasattr(estimator, "model_")

    def test_holds_the_weights_of_networks_of_your_own(self, tiny, points, tmp_path):
        estimator = tiny(encoder=GraphEncoder()).fit(points)
        estimator.save(tmp_path / "roll.pt")
        loaded = ManifoldAutoencoder.load(tmp_path / "roll.pt", encoder=GraphEncoder())
        np.testing.assert_array_equal(loaded.transform(points), estimator.transform(points))
        assert clone(loaded).fit(points).transform(points).shape == (30, 1)

        with pytest.raises(
            ValueError,
            match=r"roll\.pt .* fitted with its own encoder.*encoder=",
        ):
            ManifoldAutoencoder.load(tmp_path / "roll.pt")
        with pytest.raises(ValueError, match=r"roll\.pt .* fitted without its own decoder"):
            ManifoldAutoencoder.load(
                tmp_path / "roll.pt", encoder=GraphEncoder(), decoder=nn.ReLU()
            )
        with pytest.raises(ValueError, match=r"roll\.pt cannot be loaded.*size mismatch|Missing"):
            ManifoldAutoencoder.load(tmp_path / "roll.pt", encoder=nn.Linear(2, 1))

    @pytest.mark.parametrize("key", ["center", "scale", "embedding", "graph", "model", "history"])
    def test_without_a_part_is_an_error(self, tiny, points, tmp_path, key):
        tiny().fit(points).save(tmp_path / "roll.pt")
        state = read_archive(tmp_path / "roll.pt", "estimator")
        del state[key]
        write_archive(tmp_path / "roll.pt", "estimator", state)
        with pytest.raises(ValueError, match=r"roll\.pt cannot be loaded"):
            ManifoldAutoencoder.load(tmp_path / "roll.pt")

    def test_of_an_older_version_has_the_defaults_of_later_parameters(self, tiny, points, tmp_path):
        estimator = tiny().fit(points)
        estimator.save(tmp_path / "roll.pt")
        state = read_archive(tmp_path / "roll.pt", "estimator")
        del state["parameters"]["warm_start"], state["choices"]
        write_archive(tmp_path / "roll.pt", "estimator", state)
        loaded = ManifoldAutoencoder.load(tmp_path / "roll.pt", device="cpu")
        assert loaded.get_params() == estimator.get_params()
        np.testing.assert_array_equal(loaded.transform(points), estimator.transform(points))

    def test_with_parameters_of_another_version_is_an_error(self, tiny, points, tmp_path):
        tiny().fit(points).save(tmp_path / "roll.pt")
        state = read_archive(tmp_path / "roll.pt", "estimator")
        state["parameters"]["latent_dim"] = 1
        write_archive(tmp_path / "roll.pt", "estimator", state)
        with pytest.raises(ValueError, match=r"roll\.pt cannot be loaded.*latent_dim"):
            ManifoldAutoencoder.load(tmp_path / "roll.pt")
