import math

import numpy as np
import pytest
import torch
from sklearn.datasets import make_swiss_roll

from nrae_geometric.datasets import SwissRoll


def test_default_is_the_published_training_set():
    dataset = SwissRoll()
    assert repr(dataset) == "SwissRoll(num_nodes=30, noise=0.01, dim=2, seed=0)"
    assert dataset[0].x.shape == (30, 2)
    assert dataset[0].x.dtype == torch.float32


@pytest.mark.parametrize("num", [2, 30, 1000])
def test_spiral_follows_the_formula(num):
    theta = np.arange(num) / num * 2 * math.pi
    r = np.linspace(0.1, 3, num)
    expected = np.stack([r * np.cos(theta), 0.6 * r * np.sin(theta)], axis=1)
    for data in (SwissRoll(num, noise=0)[0], SwissRoll().manifold(num)):
        np.testing.assert_allclose(data.x.numpy(), expected, atol=2e-6)
        np.testing.assert_allclose(data.y.numpy(), theta, atol=2e-6)


def test_roll_without_noise_is_that_of_scikit_learn():
    data = SwissRoll(200, noise=0, dim=3, seed=4)[0]
    points, parameter = make_swiss_roll(200, random_state=4)
    np.testing.assert_allclose(data.x.numpy(), points, rtol=1e-6)
    np.testing.assert_allclose(data.y[:, 0].numpy(), parameter, rtol=1e-6)
    np.testing.assert_allclose(data.y[:, 1].numpy(), points[:, 1], rtol=1e-6)


@pytest.mark.parametrize("num", [1, 10, 997])
def test_rolled_manifold_satisfies_the_equations_of_the_roll(num):
    manifold = SwissRoll(dim=3).manifold(num)
    t, height = manifold.y.double().T
    expected = torch.stack([t * t.cos(), height, t * t.sin()], dim=1)
    np.testing.assert_allclose(manifold.x.numpy(), expected.numpy(), atol=1e-5)


def test_rolled_manifold_is_ordered_and_covers_the_sheet_evenly():
    t, height = SwissRoll(dim=3).manifold(2000).y.T
    assert (t.diff() > 0).all()
    assert t[[0, -1]].tolist() == pytest.approx([1.5 * math.pi, 4.5 * math.pi])
    counts, *_ = np.histogram2d(
        t.numpy(), height.numpy(), bins=10, range=[[4.712, 14.138], [0, 21]]
    )
    assert counts.sum() == 2000
    assert counts.min() >= 16
    assert counts.max() <= 24


@pytest.mark.parametrize("dim", [2, 3])
def test_noise_is_gaussian_in_every_coordinate(dim):
    noisy = SwissRoll(20_000, noise=0.5, dim=dim, seed=3)[0].x
    residual = noisy - SwissRoll(20_000, noise=0, dim=dim, seed=3)[0].x
    np.testing.assert_allclose(residual.mean(dim=0), 0, atol=0.02)
    np.testing.assert_allclose(residual.T.cov(), 0.25 * np.eye(dim), atol=0.01)


@pytest.mark.parametrize("dim", [2, 3])
def test_points_depend_on_the_seed_alone(dim):
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - the state that must not matter
    first = SwissRoll(dim=dim, seed=7)[0].x
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002
    assert torch.equal(SwissRoll(dim=dim, seed=7)[0].x, first)
    assert not torch.equal(SwissRoll(dim=dim, seed=8)[0].x, first)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dim": 4}, r"dim must be at least 2 and at most 3, got 4"),
        ({"num_nodes": 0}, "num_nodes must be at least 1, got 0"),
        ({"noise": -1}, "noise must be finite and at least 0, got -1"),
    ],
)
def test_refuses_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        SwissRoll(**arguments)
