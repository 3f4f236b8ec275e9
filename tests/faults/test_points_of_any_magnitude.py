"""Points of any finite magnitude are learned as well as those of unit size, or refused by name."""

import logging

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.datasets import SwissRoll
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import AE, NRAE, mlp
from nrae_geometric.training import Trainer
from nrae_geometric.transforms import KNNGraph

ROLL = SwissRoll(30, seed=0)[0].x.double().numpy()


@pytest.mark.parametrize(
    "factor",
    [1e-310, 1e-300, 1e-170, 1e-160, 1e-50, 1e-30, 1e10, 1e30, 1e150, 1e160, 1e200, 1e300, 4e307],
)
def test_unit_does_not_matter(factor, new_estimator):
    check_unit(factor, "random", new_estimator)


@pytest.mark.parametrize("factor", [1e-310, 1e200])
@pytest.mark.parametrize("init", ["geodesic", "pca"])
def test_unit_does_not_matter_to_the_start(factor, init, new_estimator):
    check_unit(factor, init, new_estimator)


def check_unit(factor, init, new_estimator):
    expected = new_estimator(init=init).fit(ROLL)
    estimator = new_estimator(init=init).fit(ROLL * factor)
    tolerance = 1e-2 if factor < 1e-300 else 1e-4  # the smallest numbers have few digits
    np.testing.assert_allclose(estimator.embedding_, expected.embedding_, atol=tolerance)
    z = estimator.transform(ROLL * factor)
    np.testing.assert_allclose(z, estimator.embedding_, atol=1e-6)
    recon = estimator.inverse_transform(z)
    assert np.isfinite(recon).all()
    unit = expected.inverse_transform(expected.transform(ROLL))
    np.testing.assert_allclose(recon / factor, unit, atol=10 * tolerance)
    np.testing.assert_allclose(estimator.reconstruct(ROLL * factor), recon, rtol=1e-6)


@pytest.mark.parametrize("factor", [1e-310, 1e-170, 1e200])
def test_score_whose_unit_no_number_holds_is_refused(factor, new_estimator):
    with pytest.raises(ValueError, match=r"the points vary by .* divide them by a constant"):
        new_estimator(init="random").fit(ROLL * factor).score(ROLL * factor)


@pytest.mark.parametrize("factor", [1e-40, 1e-38, 1e-20, 1e20, 1e37])
def test_unit_of_single_precision_does_not_matter(factor, new_estimator):
    estimator = new_estimator(init="random").fit((ROLL * factor).astype(np.float32))
    expected = new_estimator(init="random").fit(ROLL).embedding_
    np.testing.assert_allclose(estimator.embedding_, expected, atol=1e-2)


def test_extremes_of_both_signs_are_points(new_estimator):
    largest = np.finfo(float).max
    points = np.linspace(-1, 1, 30)[:, None] * [[largest, largest / 2]]
    estimator = new_estimator(init="random").fit(points)
    assert np.isfinite(estimator.embedding_).all()
    assert np.unique(estimator.embedding_).size == 30


def test_offset_does_not_matter(new_estimator):
    expected = new_estimator(init="random").fit(ROLL).embedding_
    moved = new_estimator(init="random").fit(ROLL + 2.0**40).embedding_
    np.testing.assert_allclose(moved, expected, atol=1e-2)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -1e300, 1e-310, 1 / 3])
@pytest.mark.parametrize("init", ["random", "geodesic", "pca"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, bool])
def test_equal_points_are_named(value, init, dtype, new_estimator):
    if dtype == np.float32 and abs(value) > 1e38:
        value = 1e38
    points = np.full((30, 2), value).astype(dtype) if dtype != np.int64 else np.full((30, 2), 7)
    with pytest.raises(ValueError, match="all 30 points are equal"):
        new_estimator(init=init).fit(points)


@pytest.mark.parametrize("fill", [9.96921e36, -1e20, 1e15, 1.7e308])
@pytest.mark.parametrize("init", ["random", "geodesic"])
def test_fill_value_that_hides_all_other_points_is_named(fill, init, new_estimator):
    points = ROLL.copy()
    points[17] = fill
    with pytest.raises(ValueError, match=r"29 of 30 points .* row 17 lies .* fill value"):
        new_estimator(init=init).fit(points)


def test_points_over_too_many_magnitudes_are_named(new_estimator):
    points = np.random.default_rng(0).lognormal(sigma=15, size=(200, 2)) ** 2
    with pytest.raises(ValueError, match="take logarithms"):
        new_estimator().fit(points)


def test_repeated_points_and_constant_columns_are_no_fault(new_estimator):
    points = np.concatenate([np.repeat(ROLL[:1], 20, axis=0), ROLL])
    points = np.column_stack([points, np.full(50, 1e9)])
    assert np.isfinite(new_estimator().fit(points).embedding_).all()
    few = np.zeros((40, 2))
    few[:3] = [[1, 0], [0, 1], [1, 1]]
    assert np.isfinite(new_estimator(init="random").fit(few).embedding_).all()


@pytest.mark.parametrize("init", ["random", "geodesic", "pca"])
def test_clusters_that_no_edge_joins_are_named_with_their_sizes(caplog, init, new_estimator):
    points = np.concatenate([ROLL[:7], ROLL + 100, ROLL[:10] - 100])
    with caplog.at_level(logging.WARNING):
        new_estimator(init=init).fit(points)
    warnings = [r.getMessage() for r in caplog.records if "clusters" in r.getMessage()]
    assert len(warnings) == 1
    assert "3 clusters that no edge joins, of 30, 10, 7 points" in warnings[0]


def test_connected_points_are_no_clusters(caplog, new_estimator):
    with caplog.at_level(logging.WARNING):
        new_estimator().fit(ROLL)
    assert "clusters" not in caplog.text


TYPES = [torch.uint8, torch.int16, torch.int64, torch.bool, torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("start", [None, "geodesic", "pca"])
def test_points_of_any_type_are_trained_on(dtype, start):
    x = (torch.from_numpy(ROLL) * 20 + 60).to(dtype)
    if dtype == torch.bool:
        x = torch.rand(30, 2, generator=torch.Generator().manual_seed(0)) > 0.5
    loader = NeighborhoodLoader(KNNGraph(3)(Data(x=x)), 2, batch_size=8)
    callbacks = [] if start is None else [EmbeddingStart(start, num_steps=3)]
    trainer = Trainer(2, callbacks=callbacks, device="cpu", seed=0, progress=False)
    trainer.fit(NRAE(mlp([2, 4, 1], "elu"), mlp([1, 4, 2], "elu")), loader)
    assert all(np.isfinite(record["loss"]) for record in trainer.history)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.from_numpy(ROLL) * 1e200, "the points reach .*, which is infinite in float32"),
        (
            torch.from_numpy(ROLL).float() * 1e30,
            "the points reach .*e.30, whose squares",
        ),
        (torch.where(torch.arange(60).view(30, 2) == 9, torch.nan, 1.0), "1 row with .*row 4"),
    ],
)
@pytest.mark.parametrize("model", [AE, NRAE])
def test_loss_that_is_not_finite_because_of_the_points_says_so(x, message, model):
    graph = KNNGraph(3)(Data(x=torch.from_numpy(ROLL)))
    graph.x = x
    trainer = Trainer(2, device="cpu", seed=0, progress=False)
    with pytest.raises((FloatingPointError, ValueError), match=message) as error:
        trainer.fit(
            model(mlp([2, 4, 1], "elu"), mlp([1, 4, 2], "elu")), NeighborhoodLoader(graph, 2)
        )
    assert "learning rate" not in str(error.value)


def test_loss_that_is_not_finite_because_of_the_steps_says_so():
    graph = KNNGraph(3)(Data(x=torch.from_numpy(ROLL).float()))
    trainer = Trainer(20, lr=1e30, device="cpu", seed=0, progress=False)
    with pytest.raises(FloatingPointError, match="learning rate"):
        trainer.fit(AE(mlp([2, 4, 1], "elu"), mlp([1, 4, 2], "elu")), NeighborhoodLoader(graph, 2))


@pytest.mark.parametrize("factor", [1e39, 1e100, 1e300])
def test_points_beyond_what_the_model_has_a_value_for_are_named(factor, new_estimator):
    estimator = new_estimator(init="random").fit(ROLL)
    points = ROLL.copy()
    points[3] = factor
    for use in (estimator.transform, estimator.reconstruct, estimator.score):
        with pytest.raises(ValueError, match="no finite value for row 3 of X"):
            use(points)
    with pytest.raises(ValueError, match="no finite value for row 1 of Z"):
        estimator.inverse_transform([[0.0], [factor]])


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_mode_of_gradients_around_a_fit_does_not_matter(mode, new_estimator):
    expected = new_estimator(init="pca").fit(ROLL).embedding_
    with mode():
        estimator = new_estimator(init="pca").fit(ROLL)
        np.testing.assert_array_equal(estimator.transform(ROLL), estimator.embedding_)
    np.testing.assert_array_equal(estimator.embedding_, expected)
