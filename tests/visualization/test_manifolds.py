import pytest
from numpy.testing import assert_allclose

from nrae_geometric.visualization import ManifoldPanel, plot_manifolds


def texts(axes):
    return [text.get_text() for text in axes.texts]


def line(axes, name):
    (found,) = [line for line in axes.lines if line.get_label() == name]
    return found


def test_each_model_has_points_true_manifold_learned_curve_and_metrics(planar_data, manifold):
    curves = [manifold + 0.1, manifold - 0.1]
    panels = [
        ManifoldPanel("AE", curves[0], {"error": 0.125}),
        ManifoldPanel("NRAE-L", curves[1], {"error": 0.5, "distance": 2.0}),
    ]
    figure = plot_manifolds(panels, planar_data.x, manifold)
    assert [texts(axes)[:2] for axes in figure.axes] == [
        ["AE", "error 0.125"],
        ["NRAE-L", "error 0.5    distance 2"],
    ]
    for axes, curve in zip(figure.axes, curves, strict=True):
        assert_allclose(line(axes, "training points").get_xydata(), planar_data.x)
        assert_allclose(line(axes, "true manifold").get_xydata(), manifold)
        assert_allclose(line(axes, "learned manifold").get_xydata(), curve)
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {
        "training points",
        "true manifold",
        "learned manifold",
    }


@pytest.mark.parametrize("latent_order", [0.9899, 0.3, float("nan")])
def test_wrong_connectivity_is_flagged(planar_data, latent_order):
    panel = ManifoldPanel("AE", planar_data.x, latent_order=latent_order)
    (axes,) = plot_manifolds([panel], planar_data.x).axes
    assert f"✗ wrong connectivity, |Spearman| = {latent_order:.3f}" in texts(axes)


def test_right_order_is_not_flagged(planar_data):
    panel = ManifoldPanel("AE", planar_data.x, latent_order=0.9996)
    (axes,) = plot_manifolds([panel], planar_data.x).axes
    assert "✓ right order, |Spearman| = 1.000" in texts(axes)


def test_an_unknown_order_says_nothing(planar_data):
    (axes,) = plot_manifolds([ManifoldPanel("AE", planar_data.x)], planar_data.x).axes
    assert not any("Spearman" in text for text in texts(axes))


def test_no_text_is_clipped_or_overlaps_another_panel(planar_data, manifold):
    panels = [
        ManifoldPanel(name, manifold, {"reconstruction": 0.12345, "distance": 0.0123}, 0.5)
        for name in ("AE", "NRAE-L", "NRAE-Q")
    ]
    figure = plot_manifolds(panels, planar_data.x, manifold)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for axes in figure.axes for text in axes.texts]
    boxes += [legend.get_window_extent() for legend in figure.legends]
    boxes += [
        label.get_window_extent()
        for label in figure.axes[0].get_xticklabels() + figure.axes[0].get_yticklabels()
    ]
    assert all(figure.bbox.containsx(x) for box in boxes for x in (box.x0, box.x1))
    assert all(figure.bbox.containsy(y) for box in boxes for y in (box.y0, box.y1))
    captions = boxes[: 3 * len(panels)]
    assert not any(a.overlaps(b) for i, a in enumerate(captions) for b in captions[:i])


def test_no_panels_are_refused(planar_data):
    with pytest.raises(ValueError, match="panels is empty"):
        plot_manifolds([], planar_data.x)
