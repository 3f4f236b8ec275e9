import numpy as np
import pytest
import torch
from torch import nn

from nrae_geometric.datasets import RotatedDigits
from nrae_geometric.estimator import ManifoldAutoencoder


@pytest.fixture(scope="module")
def images():
    return RotatedDigits(digit=3, num_rotate=24)[0].x


def test_convolutions_learn_images(new_estimator, images):
    options = {"encoder": "conv", "n_components": 2, "init": "random", "max_epochs": 100}
    estimator = new_estimator(**options).fit(images)
    assert any(isinstance(layer, nn.Conv2d) for layer in estimator.model_.encoder)
    assert any(isinstance(layer, nn.ConvTranspose2d) for layer in estimator.model_.decoder)
    mean = -(images - images.mean(dim=0)).square().sum(dim=(1, 2, 3)).mean().item()
    assert estimator.score(images) > 0.7 * mean


@pytest.mark.parametrize("method", ["nrae", "ae"])
def test_images_without_channels_come_back_as_such(new_estimator, images, method):
    stack = images[:, 0].numpy()
    estimator = new_estimator(encoder="conv", method=method, init="random").fit(stack)
    assert estimator.reconstruct(stack).shape == stack.shape
    assert estimator.transform(stack[:3]).shape == (3, 1)


def test_convolutions_are_reproducible(new_estimator, images):
    first, second = (
        new_estimator(encoder="conv", init="random").fit_transform(images) for _ in range(2)
    )
    assert torch.equal(first, second)


def test_file_brings_the_convolutions_back(new_estimator, images, tmp_path):
    estimator = new_estimator(encoder="conv", init="random").fit(images)
    estimator.save(tmp_path / "images.nrae")
    loaded = ManifoldAutoencoder.load(tmp_path / "images.nrae", device="cpu")
    assert torch.equal(loaded.transform(images), estimator.transform(images))


def test_convolutions_are_exported(new_estimator, images, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    stack = images[:, 0].numpy()
    estimator = new_estimator(encoder="conv", init="random").fit(stack)
    estimator.export(tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "encoder.onnx")
    (z,) = session.run(None, {"points": stack[:5]})
    np.testing.assert_allclose(z, estimator.transform(stack[:5]), atol=1e-5)


def test_points_that_are_no_images_are_an_error(new_estimator):
    points = np.random.default_rng(0).normal(size=(20, 9))
    with pytest.raises(ValueError, match=r"take images, .* but the points are \[N, 9\]"):
        new_estimator(encoder="conv").fit(points)


def test_another_name_of_an_encoder_is_an_error(new_estimator, images):
    with pytest.raises(ValueError, match=r"'encoder' parameter .* \{'conv'\}"):
        new_estimator(encoder="mlp").fit(images)
