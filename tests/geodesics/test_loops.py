import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

from nrae_geometric.datasets import RotatedMNIST, SinCurve
from nrae_geometric.geodesics import find_loop
from nrae_geometric.transforms import KNNGraph


@pytest.mark.parametrize("k", [2, 4, 10])
def test_a_closed_circle_is_a_loop_of_its_length(circle, knn_edges, k):
    x = circle(100)
    loop = find_loop(x, knn_edges(x, k))

    assert loop.length == pytest.approx(2 * math.pi, rel=0.05)
    assert loop.diameter == pytest.approx(math.pi, rel=0.02)


@pytest.mark.parametrize("k", [2, 4, 10])
def test_a_circle_with_a_gap_is_none(circle, knn_edges, k):
    x = circle(100, angle=1.7 * math.pi)
    assert find_loop(x, knn_edges(x, k)) is None


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_a_noisy_circle_is_a_loop_in_any_rotation_and_order(seed):
    generator = torch.Generator().manual_seed(seed)
    theta = (torch.arange(150) + torch.rand(150, generator=generator)) / 150 * 2 * math.pi
    x = torch.stack([theta.cos(), theta.sin()], dim=1)
    x = x[torch.randperm(150, generator=generator)] + 0.05 * torch.randn(
        150, 2, generator=generator
    )

    assert find_loop(x, KNNGraph(8)(Data(x=x)).edge_index) is not None


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from([3, 5, 10]))
def test_a_noisy_wave_is_none(seed, k):
    data = KNNGraph(k)(SinCurve(50, 0.3, seed)[0])
    assert find_loop(data.x, data.edge_index) is None


def test_a_loop_much_smaller_than_the_graph_does_not_count(circle, knn_edges):
    tail = torch.stack([torch.linspace(1.1, 30, 300), torch.zeros(300)], dim=1)
    x = torch.cat([circle(60), tail])

    assert find_loop(x, knn_edges(x, 4)) is None


def test_the_largest_of_several_components_is_looked_at(circle, knn_edges):
    x = torch.cat([circle(80), torch.rand(10, 2) + 100])
    assert find_loop(x, knn_edges(x, 3)) is not None


@pytest.mark.parametrize("digit", range(10))
def test_real_digits_close_after_a_full_turn_and_not_after_a_quarter(mnist_root, digit):
    full, quarter = (
        KNNGraph(4)(RotatedMNIST(mnist_root, digit, 100, angle)[0]) for angle in (360, 90)
    )

    assert find_loop(full.x, full.edge_index) is not None
    assert find_loop(quarter.x, quarter.edge_index) is None
