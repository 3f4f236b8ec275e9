import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from nrae_geometric.geodesics.scaling import landmark_scaling


def cloud(seed, num_points, dim):
    return np.random.default_rng(seed).normal(size=(num_points, dim))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(6, 30))
def test_euclidean_distances_come_back_exactly_from_few_landmarks(seed, dim, num_points):
    x = cloud(seed, num_points, dim)
    landmarks = np.random.default_rng(seed).permutation(num_points)[:6]

    z = landmark_scaling(landmarks, cdist(x[landmarks], x), dim)

    assert cdist(z, z) == pytest.approx(cdist(x, x), abs=1e-6)


def test_coordinates_of_all_points_are_the_principal_components():
    x = cloud(0, 20, 3)
    z = landmark_scaling(np.arange(20), cdist(x, x), 2)

    u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    assert abs(z) == pytest.approx(abs(u[:, :2] * s[:2]))


def test_dimensions_that_the_distances_do_not_have_are_zero():
    x = cloud(0, 10, 1)
    z = landmark_scaling(np.arange(10), cdist(x, x), 3)

    assert not z[:, 1:].any()


def test_equal_points_have_no_coordinates_but_zero():
    assert not landmark_scaling(np.arange(4), np.zeros((4, 4)), 2).any()
