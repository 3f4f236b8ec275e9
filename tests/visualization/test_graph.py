"""Pictures of graphs."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from nrae_geometric.visualization import plot_graph, style

PLACES = np.random.default_rng(0).normal(size=(6, 2))
EDGES = np.array([[0, 1, 3, 4], [1, 2, 4, 5]])
COMPONENT = np.array([1, 1, 1, 0, 0, 0])


def test_every_plane_has_points_edges_and_shortcuts():
    both = plot_graph({"a": PLACES, "b": PLACES[:, ::-1]}, EDGES, EDGES[:, :1], COMPONENT)
    assert [axes.get_xlabel() for axes in both] == ["a", "b"]
    for axes in both:
        edges, points, shortcuts = axes.collections
        assert len(edges.get_segments()) == 4
        assert len(points.get_offsets()) == 6
        [segment] = shortcuts.get_segments()
        assert to_hex(shortcuts.get_color()[0]).upper() == style.VERMILLION
    np.testing.assert_allclose(segment, PLACES[:2, ::-1])


def test_components_have_colors_of_their_own():
    [axes] = plot_graph({"a": PLACES}, EDGES, np.empty((2, 0)), COMPONENT)
    assert len(np.unique(axes.collections[1].get_facecolor(), axis=0)) == 2


def test_axes_of_ones_own_are_drawn_on_and_returned():
    left, right = Figure().subplots(1, 2)
    places = {"a": PLACES, "b": PLACES}
    graph = EDGES, EDGES[:, :1], COMPONENT
    assert plot_graph({"a": PLACES}, *graph, title="all", ax=right) is right
    assert not left.has_data()
    assert right.get_title(loc="left") == "all"
    assert plot_graph(places, *graph, ax=[left, right]).tolist() == [left, right]
    with pytest.raises(ValueError, match="ax has 1 axes; the picture needs 2: one for each plane"):
        plot_graph(places, *graph, ax=left)


def test_places_are_needed():
    with pytest.raises(ValueError, match="at least one plane"):
        plot_graph({}, EDGES, EDGES, COMPONENT)
