import enum
import logging

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_distances
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import kneighbors_graph
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch_geometric.nn import SAGEConv
from torch_geometric.utils import to_scipy_sparse_matrix

from nrae_geometric.archive import read_archive, write_archive
from nrae_geometric.datasets import RotatedDigits, SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.metrics import latent_order
from nrae_geometric.neighbors.backends.torch import TorchBackend
from nrae_geometric.neighbors.metrics import Cosine
from nrae_geometric.nn import AE, NRAE
from nrae_geometric.registry import MODELS
from nrae_geometric.training import Callback

TINY = {
    "n_components": 1,
    "n_neighbors": 3,
    "hidden_layer_sizes": (8,),
    "max_epochs": 2,
    "init": "random",  # the geodesic start takes longer than two epochs
    "random_state": 0,
    "device": "cpu",
}


def tiny(**parameters):
    return ManifoldAutoencoder(**{**TINY, **parameters})


@pytest.fixture(autouse=True)
def _no_warnings_about_random_points(caplog):
    caplog.set_level(logging.ERROR)


@pytest.fixture(scope="module")
def points():
    return SwissRoll(30, seed=0)[0].x.numpy()


def test_unrolls_the_swiss_roll():
    roll = SwissRoll(30, seed=1)
    estimator = tiny(n_neighbors=2, hidden_layer_sizes=(64, 64), max_epochs=150, init="geodesic")
    z = estimator.fit_transform(roll[0].x)

    clean = roll.manifold(200)
    assert latent_order(z, roll[0].y).spearman >= 0.99
    assert latent_order(estimator.transform(clean.x), clean.y).spearman >= 0.99
    assert len(estimator.history_) == estimator.n_epochs_ == 150


def test_result_does_not_depend_on_the_unit_and_origin_of_the_points(points):
    # A power of two and whole numbers leave the scaled points the same in every bit but few.
    z = tiny().fit_transform(points.astype(np.float64))
    moved = tiny().fit_transform(1024 * points.astype(np.float64) + 3)
    np.testing.assert_allclose(moved, z, atol=1e-4)


def test_same_random_state_gives_the_same_result(points):
    first, second, other = (tiny(random_state=seed).fit_transform(points) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_global_random_generators_are_left_alone(points):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = torch.rand(1), np.random.rand()  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    tiny(early_stopping=True).fit(points)
    assert (torch.rand(1), np.random.rand()) == expected  # noqa: NPY002


def test_works_in_a_pipeline_and_in_a_search(points):
    pipeline = make_pipeline(StandardScaler(), tiny())
    search = GridSearchCV(pipeline, {"manifoldautoencoder__order": [1, 2]}, cv=2).fit(points)
    assert search.best_params_["manifoldautoencoder__order"] in (1, 2)
    assert search.best_estimator_.inverse_transform(search.transform(points)).shape == (30, 2)


class TestGraph:
    def test_is_that_of_scikit_learn(self, points):
        graph = tiny().fit(points).graph_
        expected = kneighbors_graph(points, 3).T
        assert (to_scipy_sparse_matrix(graph.edge_index) != expected).nnz == 0

    def test_lengths_are_distances_of_the_scaled_points(self, points):
        estimator = tiny().fit(points)
        source, target = estimator.graph_.edge_index.numpy()
        distance = np.linalg.norm(points[source] - points[target], axis=1) / estimator.scale_
        np.testing.assert_allclose(estimator.graph_.edge_length, distance, rtol=1e-4)

    def test_metric_and_backend_can_be_chosen(self):
        points = np.random.default_rng(0).normal(size=(30, 3))
        graph = tiny(metric="cosine", backend="torch").fit(points + 3).graph_
        expected = kneighbors_graph(points + 3, 3, metric="cosine").T
        assert (to_scipy_sparse_matrix(graph.edge_index) != expected).nnz == 0

    def test_unknown_backend_is_an_error(self, points):
        with pytest.raises(ValueError, match="unknown backend 'none'"):
            tiny(backend="none").fit(points)


class TestMethod:
    @pytest.mark.parametrize(
        "method",
        [
            name
            for name in MODELS
            if not any(f.is_required() for k, f in MODELS[name].model_fields.items() if k != "arch")
        ],
    )
    def test_every_one_without_required_settings_can_be_fitted(self, points, method):
        estimator = tiny(method=method, n_components=2).fit(points)
        assert estimator.transform(points).shape == (30, 2)
        assert np.isfinite(estimator.score(points))

    def test_by_default_is_nrae_with_its_own_parameters(self, points):
        model = tiny(order=2, neighbor_weight=3.0).fit(points).model_
        assert isinstance(model, NRAE)
        assert (model.order, model.criterion.kernel.weight) == (2, 3.0)

    def test_settings_of_others_are_given_as_a_dictionary(self, points):
        kernel = {"type": "binary", "lambda": 3.0}
        published = tiny(method="nraeq", method_params={"kernel": kernel})
        expected = tiny(order=2, neighbor_weight=3.0).fit_transform(points)
        np.testing.assert_array_equal(published.fit_transform(points), expected)

    def test_without_a_graph_is_not_limited_by_its_neighbors(self, points):
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
    def test_that_does_not_fit_its_settings_is_an_error(self, points, parameters, message):
        with pytest.raises(ValueError, match=message):
            tiny(**parameters).fit(points)


class GraphEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = SAGEConv(2, 1)

    def forward(self, x, edge_index):
        return self.conv(x, edge_index)


class TestNetworksOfYourOwn:
    def test_are_trained_as_copies(self, points):
        encoder, decoder = nn.Linear(2, 1), nn.Linear(1, 2)
        before = encoder.weight.detach().clone()
        estimator = tiny(encoder=encoder, decoder=decoder)
        first, second = estimator.fit_transform(points), estimator.fit_transform(points)

        assert torch.equal(encoder.weight, before)
        assert not torch.equal(estimator.model_.encoder.weight, before)
        np.testing.assert_array_equal(first, second)

    def test_see_images_as_images(self):
        images = RotatedDigits(digit=3, num_rotate=12)[0].x
        encoder = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(1))
        assert tiny(encoder=encoder).fit_transform(images).shape == (12, 1)

    def test_with_a_graph_get_edges_for_new_points(self, points):
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

    def test_with_a_graph_get_edges_by_its_metric(self):
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

    def test_with_a_graph_learn_from_the_graph_of_the_points(self, points):
        estimator = tiny(encoder=GraphEncoder()).fit(points)
        graph = estimator.graph_
        z = estimator.model_.encode(graph.x, graph.edge_index).detach()
        np.testing.assert_allclose(estimator.embedding_, z, atol=1e-6)

    def test_of_other_shapes_are_an_error_before_training(self, points):
        with pytest.raises(ValueError, match=r"encoder Linear should return .* \[\d+, 1\]"):
            tiny(encoder=nn.Linear(2, 3)).fit(points)


class Embedding:
    """Anything with fit_transform."""

    def fit_transform(self, X, y=None):
        self.seen = X
        return X[:, :1]


class TestInit:
    """The starting coordinates decide the order of the latents: a barely trained line keeps it."""

    @staticmethod
    def order(z, coordinate):
        return latent_order(torch.as_tensor(z), torch.as_tensor(coordinate)).spearman

    @pytest.mark.parametrize("shift", [0.0, 5.0])
    def test_array_is_followed(self, points, shift):
        init = points @ [[1.0], [-2.0]] + shift
        z = tiny(init=init, hidden_layer_sizes=(64,)).fit_transform(points)
        assert self.order(z, init) > 0.99

    def test_principal_components_are_followed(self, points):
        z = tiny(init="pca", hidden_layer_sizes=(64,)).fit_transform(points)
        assert self.order(z, PCA(1).fit_transform(points)) > 0.99

    def test_object_is_followed_and_left_alone(self, points):
        init = Embedding()
        z = tiny(init=init, hidden_layer_sizes=(64,)).fit_transform(points)
        assert self.order(z, points[:, :1]) > 0.99
        assert not hasattr(init, "seen")

    def test_array_of_another_shape_is_an_error(self, points):
        with pytest.raises(ValueError, match=r"init should have the shape \[30, 1\].*\[29, 1\]"):
            tiny(init=points[:29, :1]).fit(points)

    def test_array_fits_the_points_that_are_not_left_out(self, points):
        estimator = tiny(init=points[:, :1], hidden_layer_sizes=(64,), early_stopping=True)
        assert self.order(estimator.fit_transform(points), points[:, 0]) > 0.95


class TestEarlyStopping:
    def test_leaves_points_out(self, points):
        estimator = tiny(early_stopping=True, validation_fraction=0.2).fit(points)
        assert estimator.graph_.num_nodes == 24
        assert estimator.embedding_.shape == (30, 1)
        np.testing.assert_allclose(estimator.transform(points), estimator.embedding_, atol=1e-6)

    def test_ends_when_the_points_left_out_get_no_better(self, points):
        # Steps this large soon end every improvement.
        estimator = tiny(early_stopping=True, max_epochs=200, learning_rate=0.3).fit(points)
        losses = [record["validation_loss"] for record in estimator.history_]
        assert estimator.n_epochs_ < 200
        assert estimator.n_epochs_ - 1 - int(np.argmin(losses)) == 20

    def test_validation_loss_is_that_of_the_best_model(self, points):
        estimator = tiny(method="ae", early_stopping=True, max_epochs=3).fit(points)
        learned = {tuple(row) for row in estimator.graph_.x.numpy()}
        scaled = ((points - estimator.center_) / estimator.scale_).astype(np.float32)
        left_out = torch.from_numpy(scaled[[tuple(row) not in learned for row in scaled]])
        best = min(record["validation_loss"] for record in estimator.history_)

        assert len(left_out) == 3
        error = (left_out - estimator.model_(left_out)).square().mean().item()
        assert best == pytest.approx(error, rel=1e-5)

    def test_needs_more_points_than_neighbors_besides(self, points):
        with pytest.raises(ValueError, match=r"1 to 14 for n_samples = 30, of which 15 are left"):
            tiny(early_stopping=True, validation_fraction=0.5, n_neighbors=15).fit(points)


class Counter(Callback):
    def __init__(self):
        self.epochs = 0

    def on_epoch_end(self, trainer, model):
        self.epochs += 1


def test_callbacks_are_called(points):
    counter = Counter()
    tiny(callbacks=[counter]).fit(points)
    assert counter.epochs == 2


def test_scalars_of_numpy_are_numbers(points):
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
def test_argument_out_of_range_is_an_error_that_names_it(points, parameters, message):
    with pytest.raises(ValueError, match=message):
        tiny(**parameters).fit(points)


class Method(enum.StrEnum):
    AE = "ae"


class TestFile:
    def test_holds_the_whole_estimator(self, points, tmp_path):
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

    def test_holds_what_was_fitted(self, points, tmp_path):
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
    def test_holds_plain_parameters(self, points, tmp_path, parameters, plain):
        estimator = tiny(**parameters).fit(points)
        estimator.save(tmp_path / "roll.pt")
        loaded = ManifoldAutoencoder.load(tmp_path / "roll.pt", device="cpu")
        assert loaded.get_params() == tiny(**plain).get_params()
        np.testing.assert_array_equal(loaded.transform(points), estimator.transform(points))

    def test_holds_an_array_to_start_from(self, points, tmp_path):
        tiny(init=points[:, :1]).fit(points).save(tmp_path / "roll.pt")
        loaded = ManifoldAutoencoder.load(tmp_path / "roll.pt")
        np.testing.assert_array_equal(loaded.init, points[:, :1])

    @pytest.mark.parametrize(
        ("parameter", "default"),
        [
            ({"init": Embedding()}, {"init": "geodesic"}),
            ({"callbacks": [Counter()]}, {"callbacks": None}),
            ({"backend": TorchBackend()}, {"backend": "auto"}),
            ({"random_state": np.random.RandomState(0)}, {"random_state": None}),
        ],
    )
    def test_leaves_out_objects_that_have_done_their_work(
        self, points, tmp_path, parameter, default
    ):
        estimator = tiny(**parameter).fit(points)
        estimator.save(tmp_path / "roll.pt")
        loaded = ManifoldAutoencoder.load(tmp_path / "roll.pt", device="cpu")
        assert loaded.get_params() == tiny(**default).get_params()
        np.testing.assert_array_equal(loaded.transform(points), estimator.transform(points))

    def test_asks_for_a_metric_of_your_own(self, points, tmp_path):
        estimator = tiny(metric=Cosine()).fit(points)
        estimator.save(tmp_path / "roll.pt")
        loaded = ManifoldAutoencoder.load(tmp_path / "roll.pt", metric=Cosine())
        np.testing.assert_array_equal(loaded.transform(points), estimator.transform(points))
        with pytest.raises(ValueError, match=r"roll\.pt .* fitted with its own metric"):
            ManifoldAutoencoder.load(tmp_path / "roll.pt")

    def test_parameter_that_no_file_holds_is_refused_before_the_fit(self, points):
        estimator = tiny(hidden_layer_sizes=np.array([8, 8], dtype=object))
        with pytest.raises(TypeError, match="hidden_layer_sizes cannot be saved"):
            estimator.fit(points)
        assert not hasattr(estimator, "model_")

    def test_holds_the_weights_of_networks_of_your_own(self, points, tmp_path):
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
    def test_without_a_part_is_an_error(self, points, tmp_path, key):
        tiny().fit(points).save(tmp_path / "roll.pt")
        state = read_archive(tmp_path / "roll.pt", "estimator")
        del state[key]
        write_archive(tmp_path / "roll.pt", "estimator", state)
        with pytest.raises(ValueError, match=r"roll\.pt cannot be loaded"):
            ManifoldAutoencoder.load(tmp_path / "roll.pt")

    def test_with_parameters_of_another_version_is_an_error(self, points, tmp_path):
        tiny().fit(points).save(tmp_path / "roll.pt")
        state = read_archive(tmp_path / "roll.pt", "estimator")
        state["parameters"]["latent_dim"] = 1
        write_archive(tmp_path / "roll.pt", "estimator", state)
        with pytest.raises(ValueError, match=r"roll\.pt cannot be loaded.*latent_dim"):
            ManifoldAutoencoder.load(tmp_path / "roll.pt")
