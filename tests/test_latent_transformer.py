"""What a fitted estimator does with points, whatever it has learned."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from nrae_geometric.datasets import RotatedDigits
from nrae_geometric.estimator import ManifoldAutoencoder


@pytest.fixture(scope="module")
def fitted(points, tiny):
    return tiny().fit(points)


def test_latents_and_points_are_those_of_the_model(fitted, points):
    scaled = torch.tensor((points - points.mean(axis=0)) / fitted.scale_)
    z = fitted.model_.encode(scaled)
    recon = fitted.model_.decode(z).detach().numpy() * fitted.scale_ + points.mean(axis=0)

    assert fitted.scale_ == pytest.approx(np.sqrt(points.var(axis=0).mean()))
    np.testing.assert_allclose(fitted.transform(points), z.detach(), atol=1e-5)
    np.testing.assert_allclose(fitted.embedding_, z.detach(), atol=1e-5)
    np.testing.assert_allclose(fitted.inverse_transform(z.detach().numpy()), recon, atol=1e-5)


def test_latents_in_reverse_decode_to_the_points_in_reverse(fitted, points):
    z = fitted.transform(points)
    recon = fitted.inverse_transform(z)
    np.testing.assert_array_equal(fitted.inverse_transform(z[::-1]), recon[::-1])


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


def test_latents_of_one_dimension_are_refused_as_latents(fitted):
    with pytest.raises(
        ValueError, match=r"Z must be latents \[N, 1\], got an array of shape \[2\]"
    ):
        fitted.inverse_transform([0.0, 0.0])


def test_tensors_come_back_as_tensors(fitted, points):
    z = fitted.transform(torch.from_numpy(points))
    assert isinstance(z, torch.Tensor)
    assert isinstance(fitted.inverse_transform(z), torch.Tensor)
    np.testing.assert_array_equal(z.numpy(), fitted.transform(points))


def test_images_keep_their_shape(tiny):
    images = RotatedDigits(digit=3, num_rotate=12)[0].x
    estimator = tiny(n_components=2)

    z = estimator.fit_transform(images)
    assert z.shape == (12, 2)
    assert estimator.inverse_transform(z).shape == images.shape
    np.testing.assert_array_equal(estimator.fit(images.flatten(1)).transform(images.flatten(1)), z)


def test_data_frames_name_their_columns(points, tiny):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(points, columns=["a", "b"])
    estimator = tiny().fit(frame)
    assert list(estimator.feature_names_in_) == ["a", "b"]
    np.testing.assert_array_equal(estimator.transform(frame), tiny().fit_transform(points))
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.transform(frame[["b", "a"]])


def test_feature_names_are_numbered(fitted):
    assert list(fitted.get_feature_names_out()) == ["manifoldautoencoder0"]


def test_model_keeps_its_mode(points, tiny):
    estimator = tiny().fit(points)
    expected = estimator.transform(points)
    estimator.model_.train()
    np.testing.assert_array_equal(estimator.transform(points), expected)
    assert estimator.model_.training


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "score", "save"])
def test_use_before_fitting_is_an_error(method):
    with pytest.raises(NotFittedError):
        getattr(ManifoldAutoencoder(), method)([[0.0]])


def test_latents_of_another_dimension_are_an_error(fitted):
    with pytest.raises(ValueError, match="Z has 2 columns, but ManifoldAutoencoder has 1 latent"):
        fitted.inverse_transform(np.zeros((3, 2)))
