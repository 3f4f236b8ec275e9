import pytest
import torch
from numpy.testing import assert_allclose

from nrae_geometric.visualization import plot_orbit


def test_each_row_shows_evenly_spread_images_with_both_ends():
    images = torch.linspace(0, 1, 9).reshape(9, 1, 1, 1).expand(9, 1, 4, 4)
    figure = plot_orbit({"AE": images, "NRAE-L": images.flip(0)[:, 0]}, num_images=5)
    shown = [axes.images[0].get_array()[0, 0] for axes in figure.axes]
    assert_allclose(shown, [0, 0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25, 0])
    assert {"AE", "NRAE-L", "latent z →"} == {text.get_text() for text in figure.texts}


def test_color_images_and_values_out_of_range_are_shown():
    (axes,) = plot_orbit({"AE": torch.full((1, 3, 4, 5), 2.0)}, num_images=1).axes
    assert axes.images[0].get_array().shape == (4, 5, 3)
    assert axes.images[0].get_array().max() == 1


def test_images_of_two_channels_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 2, 4, 4\)"):
        plot_orbit({"AE": torch.zeros(3, 2, 4, 4)})


def test_no_strips_are_refused():
    with pytest.raises(ValueError, match="strips is empty"):
        plot_orbit({})
