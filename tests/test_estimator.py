import logging

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from nrae_geometric.datasets import RotatedDigits, SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.metrics import latent_order

TINY = {
    "n_neighbors": 3,
    "hidden": (8,),
    "num_epochs": 2,
    "init": "random",  # the geodesic start takes longer than two epochs
    "random_state": 0,
    "device": "cpu",
}


@pytest.fixture(autouse=True)
def _no_warnings_about_random_points(caplog):
    caplog.set_level(logging.ERROR)


@pytest.fixture(scope="module")
def points():
    return SwissRoll(30, seed=0)[0].x.numpy()


@pytest.fixture(scope="module")
def fitted(points):
    return ManifoldAutoencoder(**TINY).fit(points)


@parametrize_with_checks([ManifoldAutoencoder(**TINY)])
def test_follows_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)


def test_unrolls_the_swiss_roll():
    roll = SwissRoll(30, seed=1)
    estimator = ManifoldAutoencoder(
        n_neighbors=2, hidden=(64, 64), num_epochs=150, random_state=0, device="cpu"
    )
    z = estimator.fit_transform(roll[0].x)

    clean = roll.manifold(200)
    assert latent_order(z, roll[0].y).spearman >= 0.99
    assert latent_order(estimator.transform(clean.x), clean.y).spearman >= 0.99
    assert len(estimator.history_) == 150


def test_score_is_the_negative_squared_error_of_the_reconstruction(fitted, points):
    recon = fitted.inverse_transform(fitted.transform(points))
    expected = -((points - recon) ** 2).sum(axis=1).mean()
    assert fitted.score(points) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_come_back_as_arrays_of_their_type(fitted, points, dtype):
    z = fitted.transform(points.astype(dtype))
    recon = fitted.inverse_transform(z)
    assert (z.dtype, recon.dtype) == (dtype, dtype)
    assert (z.shape, recon.shape) == ((30, 1), (30, 2))


def test_tensors_come_back_as_tensors(fitted, points):
    z = fitted.transform(torch.from_numpy(points))
    assert isinstance(z, torch.Tensor)
    assert isinstance(fitted.inverse_transform(z), torch.Tensor)
    np.testing.assert_array_equal(z.numpy(), fitted.transform(points))


def test_images_keep_their_shape():
    images = RotatedDigits(digit=3, num_rotate=12)[0].x
    estimator = ManifoldAutoencoder(2, **TINY).fit(images)

    z = estimator.transform(images)
    assert z.shape == (12, 2)
    assert estimator.inverse_transform(z).shape == images.shape
    flat = clone(estimator).fit(images.flatten(1))
    np.testing.assert_array_equal(flat.transform(images.flatten(1)), z)


def test_result_does_not_depend_on_the_unit_and_origin_of_the_points(points):
    # A power of two and whole numbers leave the scaled points the same in every bit but few.
    estimator = ManifoldAutoencoder(**TINY)
    z = estimator.fit_transform(points.astype(np.float64))
    moved = clone(estimator).fit_transform(1024 * points.astype(np.float64) + 3)
    np.testing.assert_allclose(moved, z, atol=1e-4)


def test_same_random_state_gives_the_same_result(points):
    first, second, other = (
        ManifoldAutoencoder(**{**TINY, "random_state": seed}).fit_transform(points)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_global_random_generators_are_left_alone(points):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = torch.rand(1), np.random.rand()  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    ManifoldAutoencoder(**TINY).fit(points)
    assert (torch.rand(1), np.random.rand()) == expected  # noqa: NPY002


def test_works_in_a_pipeline_and_in_a_search(points):
    pipeline = make_pipeline(StandardScaler(), ManifoldAutoencoder(**TINY))
    search = GridSearchCV(pipeline, {"manifoldautoencoder__order": [1, 2]}, cv=2).fit(points)
    assert search.best_params_["manifoldautoencoder__order"] in (1, 2)
    assert search.best_estimator_.inverse_transform(search.transform(points)).shape == (30, 2)


def test_feature_names_are_numbered(fitted):
    assert list(fitted.get_feature_names_out()) == ["manifoldautoencoder0"]


def test_loaded_estimator_is_the_saved_one(fitted, points, tmp_path):
    path = tmp_path / "results" / "roll.pt"
    fitted.save(path)
    loaded = ManifoldAutoencoder.load(path, device="cpu")

    assert loaded.get_params() == fitted.get_params()
    assert loaded.history_ == fitted.history_
    np.testing.assert_array_equal(loaded.transform(points), fitted.transform(points))
    z = fitted.transform(points)
    np.testing.assert_array_equal(loaded.inverse_transform(z), fitted.inverse_transform(z))
    assert [file.name for file in path.parent.iterdir()] == ["roll.pt"]


def test_what_is_saved_is_what_was_fitted(points, tmp_path):
    estimator = ManifoldAutoencoder(**TINY).fit(points)
    estimator.set_params(hidden=(4, 4), order=2).save(tmp_path / "roll.pt")
    loaded = ManifoldAutoencoder.load(tmp_path / "roll.pt")

    assert (loaded.hidden, loaded.order) == ((8,), 1)
    np.testing.assert_array_equal(loaded.transform(points), estimator.transform(points))


def test_random_generator_as_random_state_is_not_saved(points, tmp_path):
    generator = np.random.RandomState(0)
    estimator = ManifoldAutoencoder(**{**TINY, "random_state": generator}).fit(points)
    estimator.save(tmp_path / "roll.pt")
    assert ManifoldAutoencoder.load(tmp_path / "roll.pt").random_state is None


def test_loading_executes_nothing(tmp_path):
    torch.save({"format": print}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="not a checkpoint"):
        ManifoldAutoencoder.load(tmp_path / "other.pt")


def test_loading_another_file_is_an_error(tmp_path):
    torch.save({"weights": torch.ones(1)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="was not written by"):
        ManifoldAutoencoder.load(tmp_path / "other.pt")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.pt"):
        ManifoldAutoencoder.load(tmp_path / "none.pt")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_neighbors": 30}, "n_neighbors must be from 1 to 29"),
        ({"num_neighbors": 4}, "num_neighbors must be from 1 to n_neighbors = 3"),
        ({"order": 3}, "order must be 1 or 2"),
        ({"weight": -1.0}, "weight must not be negative"),
        ({"init": "zero"}, "init must be"),
        ({"activation": "step"}, "unknown activation 'step'"),
        ({"latent_dim": 0}, "channels must be"),
    ],
)
def test_argument_out_of_range_is_an_error(points, parameters, message):
    with pytest.raises(ValueError, match=message):
        ManifoldAutoencoder(**{**TINY, **parameters}).fit(points)


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "score", "save"])
def test_use_before_fitting_is_an_error(method):
    with pytest.raises(NotFittedError):
        getattr(ManifoldAutoencoder(), method)([[0.0]])


def test_latents_of_another_dimension_are_an_error(fitted):
    with pytest.raises(ValueError, match="Z has 2 columns, but ManifoldAutoencoder has 1 latent"):
        fitted.inverse_transform(np.zeros((3, 2)))
