"""Learning block by block."""

import copy
import logging
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import GraphEncoder
from sklearn.base import clone
from sklearn.datasets import make_swiss_roll
from sklearn.neighbors import kneighbors_graph
from torch_geometric.utils import to_scipy_sparse_matrix

from nrae_geometric.datasets import RotatedDigits
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.metrics import trustworthiness
from nrae_geometric.neighbors import knn_graph
from nrae_geometric.training import Callback

POINTS = np.random.default_rng(0).normal(size=(60, 2))
BLOCKS = np.array_split(POINTS, 3)


@pytest.fixture(autouse=True)
def _no_warnings_about_random_points(caplog):
    caplog.set_level(logging.ERROR)


@pytest.fixture
def stream(new_estimator):
    return new_estimator(init="pca")


def learned(estimator, blocks=BLOCKS):
    for block in blocks:
        estimator.partial_fit(block)
    return estimator


def test_stream_of_blocks_keeps_neighborhoods_as_a_fit_does():
    points = make_swiss_roll(1200, random_state=0)[0]
    whole = ManifoldAutoencoder(random_state=0, device="cpu").fit(points)
    stream, random = clone(whole), np.random.default_rng(0)
    for _ in range(10):
        learned(stream, np.array_split(random.permutation(points), 3))
    expected = trustworthiness(points, whole.embedding_, 10)
    assert trustworthiness(points, stream.transform(points), 10) > expected - 0.002


class TestFirstBlock:
    def test_starts_as_a_fit_does(self, new_estimator):
        # Steps this small leave the model at its start.
        first, whole = (new_estimator(learning_rate=1e-12, max_epochs=1) for _ in range(2))
        first.partial_fit(POINTS)
        np.testing.assert_allclose(first.embedding_, whole.fit(POINTS).embedding_, atol=1e-6)

    def test_determines_center_and_scale(self, stream):
        unit = stream.partial_fit(BLOCKS[0]).center_, stream.scale_
        stream.partial_fit(7 * BLOCKS[1] + 3)
        assert (stream.center_, stream.scale_) == unit
        assert stream.scale_ == pytest.approx(np.sqrt(BLOCKS[0].var(axis=0).mean()))

    def test_alone_uses_init(self, new_estimator):
        stream = new_estimator(init=BLOCKS[0][:, :1]).partial_fit(BLOCKS[0])
        assert stream.partial_fit(POINTS).embedding_.shape == (60, 1)


class TestLaterBlock:
    def test_goes_on_from_the_model_so_far(self, stream):
        expected = learned(stream).transform(POINTS)
        stream.set_params(learning_rate=1e-12).partial_fit(5 * BLOCKS[0])
        np.testing.assert_allclose(stream.transform(POINTS), expected, atol=1e-6)

    @pytest.mark.parametrize("n_components", [1, 2])
    def test_adds_an_epoch_at_a_constant_rate(self, stream, n_components):
        learned(stream.set_params(n_components=n_components, learning_rate=3e-3))
        assert [record["epoch"] for record in stream.history_] == [0, 1, 2]
        assert stream.n_epochs_ == 3
        assert {record["lr"] for record in stream.history_} == {1e-3}

    def test_leaves_its_own_graph_and_latents(self, stream):
        learned(stream)
        expected = kneighbors_graph(BLOCKS[-1], 3).T
        assert (to_scipy_sparse_matrix(stream.graph_.edge_index) != expected).nnz == 0
        np.testing.assert_allclose(stream.embedding_, stream.transform(BLOCKS[-1]), atol=1e-6)

    def test_may_have_another_size_and_type(self, stream):
        learned(stream, [BLOCKS[0], torch.from_numpy(BLOCKS[1][:5]).float(), POINTS.tolist()])
        assert stream.embedding_.shape == (60, 1)

    def test_may_bring_a_graph(self, stream):
        edge_index = knn_graph(BLOCKS[1], 5)
        stream.partial_fit(BLOCKS[0]).partial_fit(BLOCKS[1], graph=edge_index)
        assert torch.equal(stream.graph_.edge_index, edge_index)
        assert stream.n_neighbors_ == 5


def test_same_random_state_gives_the_same_stream(stream):
    other = copy.deepcopy(stream)
    np.testing.assert_array_equal(learned(stream).embedding_, learned(other).embedding_)


def test_one_block_again_and_again_draws_other_neighbors(new_estimator):
    stream = new_estimator(init="random", hidden_layer_sizes=(), learning_rate=1e-12)
    losses = [record["loss"] for record in learned(stream, [POINTS] * 3).history_]
    assert len(set(losses)) == 3


def test_global_random_generators_are_left_alone(stream):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    learned(stream)
    assert torch.rand(1) == expected


class TestGoesOn:
    def test_behind_a_fit(self, stream):
        expected = stream.fit(POINTS).transform(POINTS)
        stream.set_params(learning_rate=1e-12).partial_fit(BLOCKS[0])
        np.testing.assert_allclose(stream.transform(POINTS), expected, atol=1e-6)
        assert stream.n_epochs_ == 3

    def test_from_a_pickle_as_if_there_had_been_none(self, stream):
        expected = learned(stream, BLOCKS[:2])
        loaded = pickle.loads(pickle.dumps(stream))
        np.testing.assert_array_equal(
            loaded.partial_fit(BLOCKS[2]).embedding_, expected.partial_fit(BLOCKS[2]).embedding_
        )

    def test_from_a_file(self, stream, tmp_path):
        learned(stream).save(tmp_path / "model")
        loaded = ManifoldAutoencoder.load(tmp_path / "model", device="cpu")
        np.testing.assert_array_equal(loaded.transform(POINTS), stream.transform(POINTS))
        loaded.set_params(learning_rate=1e-12).partial_fit(POINTS)
        np.testing.assert_allclose(loaded.embedding_, stream.transform(POINTS), atol=1e-6)
        assert loaded.n_epochs_ == 4

    def test_not_in_a_fit(self, stream):
        other = copy.deepcopy(stream)
        learned(stream).fit(POINTS).partial_fit(BLOCKS[0])
        np.testing.assert_array_equal(
            stream.embedding_, other.fit(POINTS).partial_fit(BLOCKS[0]).embedding_
        )


def test_encoder_of_graphs_learns_from_the_graph_of_each_block(new_estimator):
    stream = learned(new_estimator(encoder=GraphEncoder(), init="random"))
    z = stream.model_.encode(stream.graph_.x, stream.graph_.edge_index).detach()
    np.testing.assert_allclose(stream.embedding_, z, atol=1e-6)


def test_images_come_in_blocks(new_estimator):
    images = RotatedDigits(digit=3, num_rotate=24)[0].x
    stream = learned(new_estimator(encoder="conv", init="random"), images.split(12))
    assert stream.reconstruct(images).shape == images.shape


def test_after_any_block_the_model_can_be_used(stream, tmp_path):
    pytest.importorskip("onnxruntime")
    for i, block in enumerate(BLOCKS):
        stream.partial_fit(block)
        z = stream.transform(POINTS)
        assert stream.inverse_transform(z).shape == POINTS.shape
        assert np.isfinite(stream.score(POINTS))
        stream.export(tmp_path / str(i))


class Failing(Callback):
    def on_epoch_end(self, trainer, model):
        raise OSError("the disk is full")


NAN = np.where(np.arange(20)[:, None] == 7, np.nan, BLOCKS[0])
FAILURES = {
    "a NaN": ({}, NAN, None, r"X has 1 row with NaN .*first: row 7"),
    "another width": ({}, BLOCKS[0][:, :1], None, r"X has 1 features, but .* expecting 2"),
    "no points": ({}, POINTS[:0], None, "0 sample"),
    "one point": ({}, POINTS[:1], None, "1 sample"),
    "too few points for the graph": ({}, POINTS[:3], None, "n_neighbors must be from 1 to 2"),
    "equal points": ({}, np.ones((20, 2)), None, "equal"),
    "a graph of other points": ({}, POINTS[:5], np.array([[0, 1], [1, 5]]), "names node 5"),
    "another model": ({"hidden_layer_sizes": (9,)}, POINTS, None, r"is \[8, 2\], and \[9, 2\]"),
    "early stopping": (
        {"early_stopping": True},
        POINTS,
        None,
        r"early_stopping=True .*partial",
    ),
    "a wrong parameter": ({"n_neighbors": 0}, POINTS, None, "'n_neighbors' parameter"),
    "a loss that is NaN": ({"learning_rate": 1e30, "batch_size": 2}, POINTS, None, "the loss is"),
    "a callback": ({"callbacks": [Failing()]}, POINTS, None, "disk is full"),
}


def fail(stream, name):
    parameters, points, graph, message = FAILURES[name]
    before = {key: getattr(stream, key) for key in parameters}
    with pytest.raises((FloatingPointError, OSError, ValueError), match=message):
        stream.set_params(**parameters).partial_fit(points, graph=graph)
    stream.set_params(**before)


@pytest.mark.parametrize("name", FAILURES)
def test_failing_call_leaves_all_as_it_was(stream, name):
    learned(stream)
    found, weights = dict(vars(stream)), copy.deepcopy(stream.model_.state_dict())
    fail(stream, name)
    assert vars(stream).keys() == found.keys()
    assert all(vars(stream)[key] is value for key, value in found.items())
    for key, value in stream.model_.state_dict().items():
        assert torch.equal(value, weights[key])


@pytest.mark.parametrize(
    "name", [name for name in FAILURES if name not in ("another width", "another model")]
)
def test_failing_first_call_leaves_it_unfitted(stream, name):
    found = dict(vars(stream))
    fail(stream, name)
    assert vars(stream) == found


@settings(deadline=None, max_examples=15)
@given(st.lists(st.sampled_from([0, 1, 2, *FAILURES]), max_size=6))
def test_stream_is_that_of_the_calls_that_succeed(new_estimator, calls):
    stream, expected = (new_estimator(init="random").partial_fit(POINTS) for _ in range(2))
    for call in calls:
        if isinstance(call, str):
            fail(stream, call)
        else:
            stream.partial_fit(BLOCKS[call])
            expected.partial_fit(BLOCKS[call])
    np.testing.assert_array_equal(stream.transform(POINTS), expected.transform(POINTS))
    assert stream.history_ == expected.history_
