"""How an estimator learns: start, graph, points left out, random numbers."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import kneighbors_graph
from torch_geometric.utils import to_scipy_sparse_matrix

from nrae_geometric.datasets import SwissRoll
from nrae_geometric.metrics import latent_order
from nrae_geometric.training import Callback

pytestmark = pytest.mark.usefixtures("no_warnings_about_random_points")


def test_unrolls_the_swiss_roll(tiny):
    roll = SwissRoll(30, seed=1)
    estimator = tiny(n_neighbors=2, hidden_layer_sizes=(64, 64), max_epochs=150, init="geodesic")
    z = estimator.fit_transform(roll[0].x)

    clean = roll.manifold(200)
    assert latent_order(z, roll[0].y).spearman >= 0.99
    assert latent_order(estimator.transform(clean.x), clean.y).spearman >= 0.99
    assert len(estimator.history_) == estimator.n_epochs_ == 150


def test_result_does_not_depend_on_the_unit_and_origin_of_the_points(tiny, points):
    # A power of two and whole numbers leave the scaled points the same in every bit but few.
    z = tiny().fit_transform(points.astype(np.float64))
    moved = tiny().fit_transform(1024 * points.astype(np.float64) + 3)
    np.testing.assert_allclose(moved, z, atol=1e-4)


def test_same_random_state_gives_the_same_result(tiny, points):
    first, second, other = (tiny(random_state=seed).fit_transform(points) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_global_random_generators_are_left_alone(tiny, points):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = torch.rand(1), np.random.rand()  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    tiny(early_stopping=True).fit(points)
    assert (torch.rand(1), np.random.rand()) == expected  # noqa: NPY002


class TestGraph:
    def test_is_that_of_scikit_learn(self, tiny, points):
        graph = tiny().fit(points).graph_
        expected = kneighbors_graph(points, 3).T
        assert (to_scipy_sparse_matrix(graph.edge_index) != expected).nnz == 0

    def test_lengths_are_distances_of_the_scaled_points(self, tiny, points):
        estimator = tiny().fit(points)
        source, target = estimator.graph_.edge_index.numpy()
        distance = np.linalg.norm(points[source] - points[target], axis=1) / estimator.scale_
        np.testing.assert_allclose(estimator.graph_.edge_length, distance, rtol=1e-4)

    def test_metric_and_backend_can_be_chosen(self, tiny):
        points = np.random.default_rng(0).normal(size=(30, 3))
        graph = tiny(metric="cosine", backend="torch").fit(points + 3).graph_
        expected = kneighbors_graph(points + 3, 3, metric="cosine").T
        assert (to_scipy_sparse_matrix(graph.edge_index) != expected).nnz == 0

    def test_unknown_backend_is_an_error(self, tiny, points):
        with pytest.raises(ValueError, match="unknown backend 'none'"):
            tiny(backend="none").fit(points)


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
    def test_array_is_followed(self, tiny, points, shift):
        init = points @ [[1.0], [-2.0]] + shift
        z = tiny(init=init, hidden_layer_sizes=(64,)).fit_transform(points)
        assert self.order(z, init) > 0.99

    def test_principal_components_are_followed(self, tiny, points):
        z = tiny(init="pca", hidden_layer_sizes=(64,)).fit_transform(points)
        assert self.order(z, PCA(1).fit_transform(points)) > 0.99

    def test_object_is_followed_and_left_alone(self, tiny, points):
        init = Embedding()
        z = tiny(init=init, hidden_layer_sizes=(64,)).fit_transform(points)
        assert self.order(z, points[:, :1]) > 0.99
        assert not hasattr(init, "seen")

    def test_array_of_another_shape_is_an_error(self, tiny, points):
        with pytest.raises(ValueError, match=r"init should have the shape \[30, 1\].*\[29, 1\]"):
            tiny(init=points[:29, :1]).fit(points)

    def test_array_fits_the_points_that_are_not_left_out(self, tiny, points):
        estimator = tiny(init=points[:, :1], hidden_layer_sizes=(64,), early_stopping=True)
        assert self.order(estimator.fit_transform(points), points[:, 0]) > 0.95


class TestEarlyStopping:
    def test_leaves_points_out(self, tiny, points):
        estimator = tiny(early_stopping=True, validation_fraction=0.2).fit(points)
        assert estimator.graph_.num_nodes == 24
        assert estimator.embedding_.shape == (30, 1)
        np.testing.assert_allclose(estimator.transform(points), estimator.embedding_, atol=1e-6)

    def test_ends_when_the_points_left_out_get_no_better(self, tiny, points):
        # Steps this large soon end every improvement.
        estimator = tiny(early_stopping=True, max_epochs=200, learning_rate=0.3).fit(points)
        losses = [record["validation_loss"] for record in estimator.history_]
        assert estimator.n_epochs_ < 200
        assert estimator.n_epochs_ - 1 - int(np.argmin(losses)) == 20

    def test_validation_loss_is_that_of_the_best_model(self, tiny, points):
        estimator = tiny(method="ae", early_stopping=True, max_epochs=3).fit(points)
        learned = {tuple(row) for row in estimator.graph_.x.numpy()}
        scaled = ((points - estimator.center_) / estimator.scale_).astype(np.float32)
        left_out = torch.from_numpy(scaled[[tuple(row) not in learned for row in scaled]])
        best = min(record["validation_loss"] for record in estimator.history_)

        assert len(left_out) == 3
        error = (left_out - estimator.model_(left_out)).square().mean().item()
        assert best == pytest.approx(error, rel=1e-5)

    def test_needs_more_points_than_neighbors_besides(self, tiny, points):
        with pytest.raises(ValueError, match=r"1 to 14 for n_samples = 30, of which 15 are left"):
            tiny(early_stopping=True, validation_fraction=0.5, n_neighbors=15).fit(points)


class Counter(Callback):
    def __init__(self):
        self.epochs = 0

    def on_epoch_end(self, trainer, model):
        self.epochs += 1


def test_callbacks_are_called(tiny, points):
    counter = Counter()
    tiny(callbacks=[counter]).fit(points)
    assert counter.epochs == 2


class TestWarmStart:
    def test_goes_on_from_the_fitted_model(self, tiny, points):
        estimator = tiny(warm_start=True).fit(points)
        expected, unit = estimator.transform(points), (estimator.center_, estimator.scale_)
        # Steps this small leave the model what it was; a new start would not.
        estimator.set_params(learning_rate=1e-12, init="geodesic").fit(5 * points[:20] + 1)
        np.testing.assert_allclose(estimator.transform(points), expected, atol=1e-6)
        assert (estimator.center_, estimator.scale_) == unit
        assert estimator.embedding_.shape == (20, 1)

    def test_adds_to_the_history(self, tiny, points):
        estimator = tiny(warm_start=True).fit(points).set_params(max_epochs=3).fit(points)
        assert [record["epoch"] for record in estimator.history_] == list(range(5))
        assert estimator.n_epochs_ == 5

    def test_does_not_use_init(self, tiny, points):
        estimator = tiny(warm_start=True, init=points[:, :1]).fit(points)
        assert estimator.fit(points[:20]).embedding_.shape == (20, 1)

    def test_has_no_part_in_a_first_fit(self, tiny, points):
        first = tiny(warm_start=True).fit_transform(points)
        np.testing.assert_array_equal(first, tiny().fit_transform(points))

    def test_that_is_off_begins_anew(self, tiny, points):
        estimator = tiny()
        first, second = estimator.fit_transform(points), estimator.fit_transform(points)
        np.testing.assert_array_equal(first, second)
        assert estimator.n_epochs_ == 2

    def test_stops_early_by_points_left_out(self, tiny, points):
        estimator = tiny(warm_start=True, early_stopping=True).fit(points).fit(points)
        assert all("validation_loss" in record for record in estimator.history_)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"hidden_layer_sizes": (9,)}, r"encoder\.0\.weight is \[8, 2\], and \[9, 2\] in the"),
            ({"n_components": 2}, r"encoder\.2\.weight is \[1, 8\], and \[2, 8\]"),
            ({"hidden_layer_sizes": (8, 8)}, r"encoder\.2\.weight is \[1, 8\], and \[8, 8\]"),
            ({"hidden_layer_sizes": ()}, r"encoder\.0\.weight is \[8, 2\], and \[1, 2\]"),
        ],
    )
    def test_of_another_model_is_an_error_and_changes_nothing(
        self, tiny, points, parameters, message
    ):
        estimator = tiny(warm_start=True).fit(points)
        expected = estimator.transform(points)
        with pytest.raises(ValueError, match=message):
            estimator.set_params(**parameters).fit(points)
        np.testing.assert_array_equal(estimator.transform(points), expected)

    def test_from_points_of_another_width_is_an_error(self, tiny, points):
        estimator = tiny(warm_start=True).fit(points)
        with pytest.raises(ValueError, match=r"X has 1 features, but .* expecting 2"):
            estimator.fit(points[:, :1])
