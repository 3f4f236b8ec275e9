import pytest
import torch
from numpy.testing import assert_allclose

from nrae_geometric.visualization import LatentPanel, plot_latents

POINTS = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))


def test_points_in_space_and_each_latent_plane_share_their_colors():
    coordinate = torch.linspace(0, 9, 20)
    panels = [
        LatentPanel("AE", POINTS[:, :2], {"error": 0.5}, 0.5),
        LatentPanel("B", POINTS[:, 1:]),
    ]
    figure = plot_latents(panels, POINTS, coordinate, coordinate_name="angle (radians)")
    space, first, second, scale = figure.axes
    assert space.name == "3d"
    for axes in (space, first, second):
        assert_allclose(axes.collections[0].get_array(), coordinate)
    assert_allclose(first.collections[0].get_offsets(), POINTS[:, :2])
    assert_allclose(second.collections[0].get_offsets(), POINTS[:, 1:])
    assert scale.get_ylabel() == "angle (radians)"
    assert [text.get_text() for text in first.texts] == [
        "AE",
        "error 0.5",
        "✗ wrong connectivity, |Spearman| = 0.500",
    ]


def test_points_in_the_plane_are_refused():
    with pytest.raises(ValueError, match=r"points has shape \(20, 2\)"):
        plot_latents([LatentPanel("AE", POINTS[:, :2])], POINTS[:, :2], POINTS[:, 0])


def test_a_coordinate_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match=r"coordinate has shape \(20, 3\).*20 points"):
        plot_latents([LatentPanel("AE", POINTS[:, :2])], POINTS, POINTS)


def test_no_panels_are_refused():
    with pytest.raises(ValueError, match="panels is empty"):
        plot_latents([], POINTS, POINTS[:, 0])
