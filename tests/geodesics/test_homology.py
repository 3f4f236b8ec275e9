import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from nrae_geometric.geodesics.homology import most_persistent_cycle


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
