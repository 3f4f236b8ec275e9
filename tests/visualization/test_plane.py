import numpy as np
from numpy.testing import assert_allclose

from nrae_geometric.visualization.plane import PUBLISHED_WINDOW, window


def test_published_sets_get_the_published_window():
    t = np.linspace(-np.pi, np.pi, 100)
    sine = np.stack([t, np.sin(t)], axis=1)
    r = np.linspace(0.1, 3, 100)
    theta = np.linspace(0, 2 * np.pi, 100)
    roll = np.stack([r * np.cos(theta), 0.6 * r * np.sin(theta)], axis=1)
    assert_allclose(window(sine), [[-4, -1.5], [4, 1.5]])
    assert_allclose(window(roll), PUBLISHED_WINDOW)


def test_noise_beyond_the_published_window_stays_in_view():
    points = np.array([[-3.0, -1.9], [3.0, 1.0]])
    low, high = window(points)
    assert (low < points[0]).all()
    assert (high > points[1]).all()


def test_points_of_another_scale_fill_the_window():
    points = np.array([[0.0, 0.0], [0.01, 0.02]])
    assert_allclose(np.ptp(window(points), axis=0), [0.0124, 0.0248])


def test_points_on_a_straight_line_have_a_window():
    low, high = window(np.array([[0.0, 5.0], [1.0, 5.0]]))
    assert (high > low).all()
