"""Maps of what a latent plane decodes to."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from nrae_geometric.visualization import plot_decoded_images, plot_decoded_value, style

CORNERS = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0]])


def full(z):
    return np.ones((len(z), 3, 3))


def test_only_cells_that_hold_points_have_an_image():
    [image] = plot_decoded_images(full, CORNERS, num_columns=2).images
    canvas = np.asarray(image.get_array())
    alpha = [[cell[..., 3].max() for cell in np.split(row, 2, 1)] for row in np.split(canvas, 2)]
    assert alpha == [[0, 1], [1, 1]]


def test_images_are_decoded_at_the_centers_of_their_cells():
    asked = []
    plot_decoded_images(lambda z: asked.append(z) or full(z), CORNERS, num_columns=2)
    np.testing.assert_allclose(asked[0], [[1, 1], [3, 1], [3, 3]], rtol=1e-6)


def test_image_has_the_color_of_the_most_frequent_class_of_its_cell():
    z = np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1], [9.0, 0.0]])
    [image] = plot_decoded_images(full, z, labels=["a", "b", "b", "a"], num_columns=2).images
    canvas = np.asarray(image.get_array())
    np.testing.assert_allclose(canvas[1, 1, :3], to_rgb(style.VERMILLION))
    np.testing.assert_allclose(canvas[1, 5, :3], to_rgb(style.BLUE))


def test_images_of_three_channels_keep_their_colors():
    red = np.array([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    axes = plot_decoded_images(lambda z: np.tile(red, (len(z), 1, 4, 2)), CORNERS, num_columns=1)
    canvas = np.asarray(axes.images[0].get_array())
    assert canvas[..., 3].sum() == 8
    assert (canvas[canvas[..., 3] > 0] == [1, 0, 0, 1]).all()


def test_map_of_a_value_has_a_color_bar_over_its_range_where_points_are():
    z = np.random.default_rng(0).uniform(size=(300, 2))
    plane = plot_decoded_value(lambda z: z * [1, 50], z, 1, name="height")
    bar = plane.figure.axes[-1]
    assert plane.get_title(loc="left") == "height"
    low, high = bar.get_ylim()
    assert -20 < low < 5
    assert 45 < high < 70


@pytest.mark.parametrize(
    "plot", [plot_decoded_images, lambda f, z, **o: plot_decoded_value(f, z, 0, **o)]
)
def test_axes_of_ones_own_are_drawn_on(plot):
    axes = Figure().subplots()
    assert plot(full, np.random.default_rng(0).normal(size=(50, 2)), ax=axes) is axes
    assert axes.has_data()


@pytest.mark.parametrize("z", [np.zeros((4, 1)), np.zeros((4, 3)), np.zeros((0, 2))])
def test_latents_that_are_no_plane_are_refused(z):
    for plot in (plot_decoded_images, lambda f, z: plot_decoded_value(f, z, 0)):
        with pytest.raises(ValueError, match=r"expected \[N, 2\]"):
            plot(full, z)


def test_equal_latents_are_drawn():
    z = np.ones((5, 2))
    plot_decoded_images(full, z)
    plot_decoded_value(full, z, 0)
