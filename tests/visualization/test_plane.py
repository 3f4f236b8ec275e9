import numpy as np
import pytest
from numpy.testing import assert_allclose

from nrae_geometric.visualization.plane import window

T = np.linspace(-np.pi, np.pi, 100)
SINE = np.stack([T, np.sin(T)], axis=1)
R, THETA = np.linspace(0.1, 3, 100), np.linspace(0, 2 * np.pi, 100)
SPIRAL = np.stack([R * np.cos(THETA), 0.6 * R * np.sin(THETA)], axis=1)


def test_the_sine_has_the_published_window():
    assert_allclose(window(SINE), [[-4, -1.5], [4, 1.5]])


@pytest.mark.parametrize("points", [SPIRAL, SINE - np.array([0, 0.7]), 100 * SINE, 0.01 * SPIRAL])
def test_points_that_do_not_fill_the_published_window_have_one_of_their_own(points):
    low, high = window(points)
    assert (low < points.min(axis=0)).all()
    assert (high > points.max(axis=0)).all()
    assert (high - low < 1.2 * np.ptp(points, axis=0)).all()


def test_the_window_holds_all_points_that_it_is_for():
    away = SPIRAL + np.array([5, 1])
    low, high = window(SPIRAL, away)
    assert (low < SPIRAL.min(axis=0)).all()
    assert (high > away.max(axis=0)).all()


def test_points_on_a_straight_line_have_a_window():
    low, high = window(np.array([[0.0, 5.0], [1.0, 5.0]]))
    assert (high > low).all()
