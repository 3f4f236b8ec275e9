"""The estimator with its default parameters as scikit-learn and its tools use it."""

import logging

import joblib
import numpy as np
import pandas
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import GraphEncoder
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from nrae_geometric.archive import read_archive, write_archive
from nrae_geometric.estimator import ManifoldAutoencoder


@pytest.fixture(autouse=True)
def _no_warnings_about_random_points(caplog):
    caplog.set_level(logging.ERROR)


@pytest.fixture(scope="module")
def points():
    t = np.linspace(-3, 3, 60)
    return np.stack([t, np.sin(t), np.cos(2 * t)], axis=1)


@pytest.fixture(scope="module")
def fitted(points):
    return ManifoldAutoencoder(random_state=0).fit(points)


@parametrize_with_checks([ManifoldAutoencoder()])
def test_follows_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)


def test_is_searched_in_a_pipeline_by_two_processes(points):
    pipeline = make_pipeline(StandardScaler(), ManifoldAutoencoder(random_state=0))
    grid = {"manifoldautoencoder__n_components": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise").fit(points)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    z = search.transform(points)
    assert search.best_estimator_.inverse_transform(z).shape == points.shape


def test_clone_has_the_parameters_alone(fitted, points):
    cloned = clone(fitted)
    assert cloned.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        cloned.transform(points)


def test_joblib_brings_it_back(fitted, points, tmp_path):
    joblib.dump(fitted, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(loaded.transform(points), fitted.transform(points))
    np.testing.assert_array_equal(loaded.embedding_, fitted.embedding_)
    assert loaded.history_ == fitted.history_


@pytest.mark.parametrize(("library", "frames"), [("pandas", pandas), ("polars", polars)])
def test_output_is_a_frame_on_request(points, library, frames):
    frame = frames.DataFrame({name: points[:, i] for i, name in enumerate("abc")})
    estimator = ManifoldAutoencoder(random_state=0).set_output(transform=library)
    z = estimator.fit_transform(frame)
    assert isinstance(z, frames.DataFrame)
    assert list(z.columns) == ["manifoldautoencoder0", "manifoldautoencoder1"]
    assert list(z.columns) == list(estimator.get_feature_names_out())
    np.testing.assert_allclose(z.to_numpy(), estimator.transform(frame).to_numpy(), atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(cuts=st.sets(st.integers(1, 59), max_size=20))
def test_results_do_not_depend_on_how_many_points_are_mapped_at_a_time(fitted, points, cuts):
    # Most processors agree to the bit, as check_methods_subset_invariance expects.
    parts = np.split(points, sorted(cuts))
    z = fitted.transform(points)
    np.testing.assert_allclose(np.concatenate([*map(fitted.transform, parts)]), z, atol=1e-6)
    recon = np.concatenate([*map(fitted.reconstruct, parts)])
    np.testing.assert_allclose(recon, fitted.inverse_transform(z), atol=1e-5)


@settings(deadline=None, max_examples=25)
@given(cuts=st.sets(st.integers(1, 29), max_size=10))
def test_latents_of_a_graph_encoder_do_not_depend_on_it_either(new_estimator, cuts):
    points = np.random.default_rng(0).normal(size=(30, 2))
    estimator = new_estimator(encoder=GraphEncoder(), init="random").fit(points)
    parts = map(estimator.transform, np.split(points, sorted(cuts)))
    np.testing.assert_allclose(np.concatenate([*parts]), estimator.transform(points), atol=1e-6)


def test_file_from_a_graphics_card_is_used_on_the_cpu(fitted, points, tmp_path):
    fitted.save(tmp_path / "model.nrae")
    state = read_archive(tmp_path / "model.nrae", "estimator")
    state["parameters"]["device"] = "cuda:3"
    write_archive(tmp_path / "model.nrae", "estimator", state)

    loaded = ManifoldAutoencoder.load(tmp_path / "model.nrae", device="cpu")
    assert {parameter.device.type for parameter in loaded.model_.parameters()} == {"cpu"}
    np.testing.assert_array_equal(loaded.transform(points), fitted.transform(points))
    assert clone(loaded).fit(points).embedding_.shape == (60, 2)
