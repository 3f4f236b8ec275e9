import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from torch_geometric.data import Data

from nrae_geometric.datasets import RotatedMNIST, SinCurve
from nrae_geometric.geodesics import find_loop, most_persistent_cycle
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
@given(st.integers(0, 10_000), st.sampled_from([5, 10]))
def test_a_noisy_wave_is_none(seed, k):
    data = KNNGraph(k)(SinCurve(50, 0.3, seed)[0])
    assert find_loop(data.x, data.edge_index) is None


def test_a_noisy_wave_with_few_neighbors_is_hardly_ever_one():
    # With three neighbors the noise closes a loop in 6 of 1500 graphs.
    graphs = (KNNGraph(3)(SinCurve(50, 0.3, seed)[0]) for seed in range(600, 700))
    loops = sum(find_loop(data.x, data.edge_index) is not None for data in graphs)
    assert loops == 1  # that of seed 662


def test_a_loop_much_smaller_than_the_graph_does_not_count(circle, knn_edges):
    tail = torch.stack([torch.linspace(1.1, 30, 300), torch.zeros(300)], dim=1)
    x = torch.cat([circle(60), tail])

    assert find_loop(x, knn_edges(x, 4)) is None


def test_the_largest_of_several_components_is_looked_at(circle, knn_edges):
    x = torch.cat([circle(80), torch.rand(10, 2) + 100])
    assert find_loop(x, knn_edges(x, 3)) is not None


def test_the_loop_is_one_of_the_lengths_that_are_given(circle, knn_edges):
    x = circle(100)
    edge_index = knn_edges(x, 4)
    length = (x[edge_index[0]] - x[edge_index[1]]).norm(dim=1)

    assert find_loop(x, edge_index, 10 * length).length == pytest.approx(20 * math.pi, rel=0.05)
    # Where one edge of the ring is as long as the others together, the way round is a detour.
    ring = torch.stack([torch.arange(100), torch.arange(1, 101) % 100])
    assert find_loop(x, ring, torch.ones(100)) is not None
    assert find_loop(x, ring, torch.cat([torch.ones(99), torch.tensor([99.0])])) is None


@pytest.mark.parametrize("digit", range(10))
def test_real_digits_close_after_a_full_turn_and_not_after_a_quarter(mnist_root, digit):
    full, quarter = (
        KNNGraph(4)(RotatedMNIST(mnist_root, digit, 100, angle)[0]) for angle in (360, 90)
    )

    assert find_loop(full.x, full.edge_index) is not None
    assert find_loop(quarter.x, quarter.edge_index) is None


@pytest.mark.parametrize("num_points", [12, 30])
def test_a_circle_is_filled_at_a_third_of_its_length(num_points):
    steps = abs(np.arange(num_points)[:, None] - np.arange(num_points))
    cycle = most_persistent_cycle(np.minimum(steps, num_points - steps).astype(float))

    assert cycle == (1, num_points / 3)


def test_a_square_is_closed_by_its_sides_and_filled_by_its_diagonals():
    x = np.array([[0, 0], [0, 1], [1, 1], [1, 0]])
    assert most_persistent_cycle(cdist(x, x)) == pytest.approx((1, np.sqrt(2)))


def test_the_larger_of_two_circles_is_found():
    def ring(num, shift):
        angle = np.arange(num) / num * 2 * np.pi
        return np.stack([np.cos(angle) + shift, np.sin(angle)], axis=1) * num

    x = np.concatenate([ring(8, 0), ring(20, 5)])
    alone = most_persistent_cycle(cdist(ring(20, 5), ring(20, 5)))
    assert most_persistent_cycle(cdist(x, x)) == pytest.approx(alone)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 25))
def test_points_on_a_line_have_no_loop(seed, num_points):
    x = np.random.default_rng(seed).normal(size=(num_points, 1))
    assert most_persistent_cycle(cdist(x, x)) is None


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(3, 20))
def test_distances_in_a_tree_have_no_loop(seed, num_points):
    random = np.random.default_rng(seed)
    distance = np.zeros((num_points, num_points))
    for node in range(1, num_points):
        parent = random.integers(node)
        distance[node, :node] = distance[:node, node] = distance[parent, :node] + random.uniform()
    assert most_persistent_cycle(distance) is None
