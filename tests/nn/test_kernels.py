"""Kernel weights against their formulas."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nrae_geometric.nn import BinaryKernel, GaussianKernel

SHAPES = st.sampled_from([(1,), (3,), (1, 4, 4)])
FRESH = settings(deadline=None, max_examples=25)


@FRESH
@given(SHAPES, st.floats(0, 1e3), st.integers(0, 2**31))
def test_binary_kernel_is_one_at_the_center_and_its_weight_elsewhere(shape, weight, seed):
    torch.manual_seed(seed)
    x_center = torch.randn(6, *shape, dtype=torch.float64)
    x_neighbor = x_center + torch.randn(6, *shape, dtype=torch.float64)
    x_neighbor[::2] = x_center[::2]

    weights = BinaryKernel(weight)(x_center, x_neighbor)

    assert weights.tolist() == [1.0, weight, 1.0, weight, 1.0, weight]


@pytest.mark.parametrize(("distance", "weight"), [(0.9e-12, 1.0), (1.1e-12, 5.0)])
def test_binary_kernel_takes_points_closer_than_1e_12_for_one(distance, weight):
    x_neighbor = torch.tensor([[0.0, distance]], dtype=torch.float64)
    assert BinaryKernel(5.0)(torch.zeros_like(x_neighbor), x_neighbor).item() == weight


@FRESH
@given(SHAPES, st.floats(0.1, 10), st.integers(0, 2**31))
def test_gaussian_kernel_is_the_gaussian_of_the_distance(shape, bandwidth, seed):
    torch.manual_seed(seed)
    x_center, x_neighbor = torch.randn(2, 6, *shape, dtype=torch.float64)

    weights = GaussianKernel(bandwidth)(x_center, x_neighbor)

    expected = [
        math.exp(-(math.dist(a.flatten(), b.flatten()) ** 2) / (2 * bandwidth**2))
        for a, b in zip(x_center, x_neighbor, strict=True)
    ]
    assert weights.tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kernel", [BinaryKernel(2.0), GaussianKernel(2.0)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_weights_come_one_for_each_edge_in_the_precision_of_the_points(kernel, dtype):
    x = torch.randn(5, 2, 3, dtype=dtype)
    weights = kernel(x, x.flip(0))
    assert weights.shape == (5,)
    assert weights.dtype == dtype


@pytest.mark.parametrize("kernel", [BinaryKernel(2.0), GaussianKernel(2.0)])
def test_gradient_of_coinciding_points_is_finite(kernel):
    x = torch.zeros(2, 3, requires_grad=True)
    (x.sum() + kernel(x, x.detach()).sum()).backward()
    assert torch.equal(x.grad, torch.ones(2, 3))


@pytest.mark.parametrize("weight", [-1.0, math.nan])
def test_negative_weight_is_refused(weight):
    with pytest.raises(ValueError, match="weight must be finite and at least 0, got"):
        BinaryKernel(weight)


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, math.nan])
def test_bandwidth_that_is_not_positive_is_refused(bandwidth):
    with pytest.raises(ValueError, match="bandwidth must be finite and above 0, got"):
        GaussianKernel(bandwidth)


def test_kernels_show_their_settings():
    assert repr(BinaryKernel(100.0)) == "BinaryKernel(weight=100.0)"
    assert repr(GaussianKernel(0.5)) == "GaussianKernel(bandwidth=0.5)"
