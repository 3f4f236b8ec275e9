import numpy as np
from numpy.testing import assert_allclose

from nrae_geometric.visualization.plane import window_around


def test_all_points_are_in_view_with_little_around_them():
    t = np.linspace(-np.pi, np.pi, 100)
    sine = np.stack([t, np.sin(t)], axis=1)
    low, high = window_around(sine, sine + np.array([0.5, -0.1]))
    assert (low < [-np.pi, -1.1]).all()
    assert (high > [np.pi + 0.5, 1]).all()
    assert (high - low < 1.3 * np.array([2 * np.pi + 0.5, 2.1])).all()


def test_points_of_another_scale_fill_the_window():
    points = np.array([[0.0, 0.0], [0.01, 0.02]])
    assert_allclose(np.ptp(window_around(points), axis=0), [0.0124, 0.0248])


def test_points_on_a_straight_line_have_a_window():
    low, high = window_around(np.array([[0.0, 5.0], [1.0, 5.0]]))
    assert (high > low).all()
