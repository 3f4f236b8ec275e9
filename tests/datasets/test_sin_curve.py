import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nrae_geometric.datasets import SinCurve


def test_default_is_the_published_training_set():
    dataset = SinCurve()
    assert repr(dataset) == "SinCurve(num_nodes=50, noise=0.3, seed=0)"
    assert dataset[0].x.shape == (50, 2)
    assert dataset[0].x.dtype == torch.float32


@settings(deadline=None, max_examples=20)
@given(num=st.integers(2, 2000))
def test_clean_points_follow_the_formula(num):
    t = np.linspace(-math.pi, math.pi, num)
    manifold = SinCurve().manifold(num)
    np.testing.assert_allclose(manifold.y.numpy(), t, atol=1e-6)
    np.testing.assert_allclose(manifold.x.numpy(), np.stack([t, np.sin(t)], axis=1), atol=1e-6)


def test_without_noise_the_points_are_the_manifold():
    dataset = SinCurve(num_nodes=1000, noise=0)
    assert torch.equal(dataset[0].x, dataset.manifold().x)
    assert torch.equal(dataset[0].y, dataset.manifold().y)


def test_noise_is_gaussian_in_both_coordinates():
    dataset = SinCurve(num_nodes=20_000, noise=0.3, seed=5)
    residual = dataset[0].x - dataset.manifold(20_000).x
    np.testing.assert_allclose(residual.mean(dim=0), 0, atol=0.01)
    np.testing.assert_allclose(residual.T.cov(), 0.09 * np.eye(2), atol=0.003)


def test_points_depend_on_the_seed_alone():
    torch.manual_seed(1)
    first = SinCurve(seed=7)[0].x
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert torch.equal(SinCurve(seed=7)[0].x, first)
    assert not torch.equal(SinCurve(seed=8)[0].x, first)
    assert torch.equal(torch.get_rng_state(), state)


def test_applies_the_transform():
    def double(data):
        data.x = 2 * data.x
        return data

    assert torch.equal(SinCurve(transform=double)[0].x, 2 * SinCurve()[0].x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_nodes": 0}, "num_nodes must be at least 1, got 0"),
        ({"noise": -0.1}, "noise must be finite and at least 0, got -0.1"),
        ({"noise": math.nan}, "got nan"),
        ({"noise": math.inf}, "got inf"),
    ],
)
def test_refuses_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        SinCurve(**arguments)


def test_refuses_an_empty_manifold():
    with pytest.raises(ValueError, match="num must be at least 1, got 0"):
        SinCurve().manifold(0)
