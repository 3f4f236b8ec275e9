import pytest
import torch
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from nrae_geometric.visualization import (
    Panel,
    plot_latent_planes,
    plot_latent_traversal,
    plot_learned_curves,
    plot_losses,
)


def test_losses_are_drawn_over_the_epochs_on_a_log_scale():
    axes = plot_losses({"AE": [3.0, 2.0, 0.1], "NRAE-L": [30.0, 2.0]})
    assert axes.get_yscale() == "log"
    assert [line.get_label() for line in axes.lines] == ["AE", "NRAE-L"]
    assert_allclose(axes.lines[0].get_xydata(), [[0, 3], [1, 2], [2, 0.1]])
    assert axes.lines[0].get_color() != axes.lines[1].get_color()


def test_losses_can_be_drawn_on_axes_of_ones_own():
    left, right = Figure().subplots(1, 2)
    assert plot_losses({"AE": [3.0, 2.0]}, ax=right) is right
    assert (len(left.lines), len(right.lines)) == (0, 1)


def test_no_losses_are_refused():
    with pytest.raises(ValueError, match="losses is empty"):
        plot_losses({})


def texts(axes):
    """The caption of a panel from its title down, without empty lines."""
    found = [axes.get_title(loc="left"), *(text.get_text() for text in axes.texts)]
    found.append(axes.get_title(loc="right"))
    lines = " ".join(found).replace("\n", "   ")
    return [
        found[0],
        *(part.strip() for part in lines[len(found[0]) :].split("   ") if part.strip()),
    ]


def line(axes, name):
    (found,) = [line for line in axes.lines if line.get_label() == name]
    return found


def test_each_model_has_points_true_manifold_learned_curve_and_metrics(planar_data, manifold):
    curves = [manifold + 0.1, manifold - 0.1]
    panels = [
        Panel("AE", curves[0], {"error": 0.125}),
        Panel("NRAE-L", curves[1], {"error": 0.5, "distance": 2.0}),
    ]
    both = plot_learned_curves(panels, planar_data.x, manifold)
    assert [texts(axes) for axes in both] == [
        ["AE", "error 0.125"],
        ["NRAE-L", "error 0.5", "distance 2"],
    ]
    for axes, curve in zip(both, curves, strict=True):
        assert_allclose(line(axes, "training points").get_xydata(), planar_data.x)
        assert_allclose(line(axes, "true manifold").get_xydata(), manifold)
        assert_allclose(line(axes, "learned manifold").get_xydata(), curve)
    (legend,) = both[0].figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {
        "training points",
        "true manifold",
        "learned manifold",
    }


@pytest.mark.parametrize("latent_order", [0.9899, 0.3, float("nan")])
def test_wrong_connectivity_is_flagged(planar_data, latent_order):
    panel = Panel("AE", planar_data.x, latent_order=latent_order)
    (axes,) = plot_learned_curves([panel], planar_data.x)
    assert texts(axes) == ["AE: wrong order ✗", f"|Spearman| {latent_order:.4f}"]


def test_right_order_is_not_flagged(planar_data):
    panel = Panel("AE", planar_data.x, latent_order=0.9996)
    (axes,) = plot_learned_curves([panel], planar_data.x)
    assert texts(axes) == ["AE: right order ✓", "|Spearman| 0.9996"]


def test_an_unknown_order_says_nothing(planar_data):
    (axes,) = plot_learned_curves([Panel("AE", planar_data.x)], planar_data.x)
    assert texts(axes) == ["AE"]


def test_no_text_is_clipped_or_overlaps_another_panel(planar_data, manifold):
    panels = [
        Panel(name, manifold, {"reconstruction": 0.12345, "distance": 0.0123}, 0.5)
        for name in ("AE", "NRAE-L", "NRAE-Q")
    ]
    figure = plot_learned_curves(panels, planar_data.x, manifold)[0].figure
    figure.canvas.draw()
    captions = [text.get_window_extent() for axes in figure.axes for text in axes.texts]
    boxes = list(captions)
    boxes += [legend.get_window_extent() for legend in figure.legends]
    boxes += [
        label.get_window_extent()
        for label in figure.axes[0].get_xticklabels() + figure.axes[0].get_yticklabels()
    ]
    assert all(figure.bbox.containsx(x) for box in boxes for x in (box.x0, box.x1))
    assert all(figure.bbox.containsy(y) for box in boxes for y in (box.y0, box.y1))
    assert not any(a.overlaps(b) for i, a in enumerate(captions) for b in captions[:i])


def test_no_curves_are_refused(planar_data):
    with pytest.raises(ValueError, match="panels is empty"):
        plot_learned_curves([], planar_data.x)


POINTS = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))


def test_points_in_space_and_each_latent_plane_share_their_colors():
    coordinate = torch.linspace(0, 9, 20)
    panels = [
        Panel("AE", POINTS[:, :2], {"error": 0.5}, 0.5),
        Panel("B", POINTS[:, 1:]),
    ]
    axes_of = plot_latent_planes(panels, POINTS, coordinate, coordinate_name="angle (radians)")
    space, first, second = axes_of
    scale = space.figure.axes[-1]
    assert space.name == "3d"
    for axes in (space, first, second):
        assert_allclose(axes.collections[0].get_array(), coordinate)
    assert_allclose(first.collections[0].get_offsets(), POINTS[:, :2])
    assert_allclose(second.collections[0].get_offsets(), POINTS[:, 1:])
    assert scale.get_ylabel() == "angle (radians)"
    assert texts(first) == [
        "AE: wrong order ✗",
        "error 0.5",
        "|Spearman| 0.5000",
    ]


def test_both_latent_axes_have_one_scale():
    flat = POINTS[:, :2] * torch.tensor([10.0, 1.0])
    _, axes = plot_latent_planes([Panel("AE", flat)], POINTS, POINTS[:, 0])
    axes.figure.canvas.draw()
    scale = axes.transData.get_matrix()
    assert_allclose(scale[0, 0], scale[1, 1])


def test_latents_that_are_no_plane_are_refused():
    with pytest.raises(ValueError, match=r"panel 'AE' has shape \(20, 3\); expected \[N, 2\]"):
        plot_latent_planes([Panel("AE", POINTS)], POINTS, POINTS[:, 0])


def test_points_in_the_plane_are_refused():
    with pytest.raises(ValueError, match=r"points has shape \(20, 2\)"):
        plot_latent_planes([Panel("AE", POINTS[:, :2])], POINTS[:, :2], POINTS[:, 0])


def test_a_coordinate_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match=r"coordinate has shape \(20, 3\).*20 points"):
        plot_latent_planes([Panel("AE", POINTS[:, :2])], POINTS, POINTS)


def test_no_planes_are_refused():
    with pytest.raises(ValueError, match="panels is empty"):
        plot_latent_planes([], POINTS, POINTS[:, 0])


def test_each_row_shows_evenly_spread_images_with_both_ends():
    images = torch.linspace(0, 1, 9).reshape(9, 1, 1, 1).expand(9, 1, 4, 4)
    panels = [Panel("AE", images), Panel("NRAE-L", images.flip(0)[:, 0])]
    rows = plot_latent_traversal(panels, num_images=5, axis="angle")
    shown = [image.get_array()[0, 0] for axes in rows for image in axes.images]
    assert_allclose(shown, [0, 0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25, 0])
    assert rows[-1].get_xlabel() == "angle →"


def test_each_row_is_labeled_with_error_and_order():
    images = torch.zeros(3, 4, 4)
    panels = [Panel("truth", images), Panel("AE", images, {"error": 0.25}, 0.5)]
    panels.append(Panel("NRAE-L", images, {"error": 0.5}, 1.0))
    for num_images in (2, 12):
        assert [texts(axes) for axes in plot_latent_traversal(panels, num_images=num_images)] == [
            ["truth"],
            ["AE: wrong order ✗", "error 0.25", "|Spearman| 0.5000"],
            ["NRAE-L: right order ✓", "error 0.5", "|Spearman| 1.0000"],
        ]


def test_color_images_and_values_out_of_range_are_shown():
    panel = Panel("AE", torch.full((1, 3, 4, 5), 2.0))
    (axes,) = plot_latent_traversal([panel], num_images=1)
    assert axes.images[0].get_array().shape == (4, 5, 3)
    assert axes.images[0].get_array().max() == 1


def test_traversal_is_drawn_on_axes_of_ones_own_in_colors_of_ones_own():
    upper, lower = Figure().subplots(2, 1)
    panels = [Panel("AE", torch.zeros(3, 4, 4))]
    assert plot_latent_traversal(panels, num_images=2, cmap="gray_r", ax=lower) is lower
    assert not upper.has_data()
    assert [image.cmap.name for image in lower.images] == ["gray_r", "gray_r"]
    assert plot_latent_traversal(panels * 2, ax=[upper, lower]).tolist() == [upper, lower]


def test_axes_of_ones_own_must_be_as_many_as_panels(planar_data):
    axes = Figure().subplots(1, 3)
    images, curve = Panel("AE", torch.zeros(3, 4, 4)), Panel("AE", planar_data.x)
    with pytest.raises(ValueError, match="ax has 3 axes; the picture needs 1: one for each panel"):
        plot_latent_traversal([images], ax=axes)
    with pytest.raises(ValueError, match="ax has 3 axes; the picture needs 2: one for each panel"):
        plot_learned_curves([curve] * 2, planar_data.x, ax=axes)
    with pytest.raises(ValueError, match="ax has 3 axes; the picture needs 2: three-dimensional"):
        plot_latent_planes([Panel("AE", POINTS[:, :2])], POINTS, POINTS[:, 0], ax=axes)


def test_curves_and_planes_are_drawn_on_axes_of_ones_own(planar_data):
    figure = Figure()
    panel = Panel("AE", planar_data.x)
    axes = figure.add_subplot(2, 2, 1)
    assert plot_learned_curves([panel], planar_data.x, ax=axes) is axes
    axes = [figure.add_subplot(2, 2, 3, projection="3d"), figure.add_subplot(2, 2, 4)]
    planes = [Panel("AE", POINTS[:, :2])]
    assert plot_latent_planes(planes, POINTS, POINTS[:, 0], ax=axes).tolist() == axes
    with pytest.raises(ValueError, match="first axes of ax are not three-dimensional"):
        plot_latent_planes(planes, POINTS, POINTS[:, 0], ax=axes[::-1])


def test_images_of_two_channels_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 2, 4, 4\)"):
        plot_latent_traversal([Panel("AE", torch.zeros(3, 2, 4, 4))])


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="panels is empty"):
        plot_latent_traversal([])
