"""Pictures of latent coordinates."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from nrae_geometric.visualization import plot_embedding

RANDOM = np.random.default_rng(0)
Z = RANDOM.normal(size=(60, 5))


def labels_of(axes):
    return [(each.get_xlabel(), each.get_ylabel()) for each in axes]


@pytest.mark.parametrize(("dim", "num_planes"), [(2, 1), (3, 3), (4, 6), (5, 6)])
def test_every_pair_of_the_first_four_coordinates_is_a_plane(dim, num_planes):
    axes = np.ravel(plot_embedding(Z[:, :dim]))
    assert len(set(labels_of(axes))) == len(axes) == num_planes
    assert labels_of(axes)[0] == ("latent z₁", "latent z₂")


def test_numbers_of_many_values_are_a_quantity_with_a_color_bar():
    axes = plot_embedding(Z[:, :2], labels=Z[:, 0], label_name="height (m)")
    assert axes.figure.axes[-1].get_ylabel() == "height (m)"


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["b", "a", ""] * 20, ["a", "b", "(none)"]),
        (np.arange(60) % 2, ["0", "1"]),
        ([f"class {i % 12}" for i in range(60)], None),
    ],
)
def test_classes_have_a_legend(labels, names):
    legend = plot_embedding(Z[:, :2], labels=labels, label_name="kind").get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert legend.get_title().get_text() == "kind"
    if names is None:
        assert (len(texts), texts[-1]) == (11, "others")
    else:
        assert sorted(texts) == sorted(names)


def test_axes_of_ones_own_have_the_names_of_classes_in_their_middle_and_no_legend():
    axes = Figure().subplots()
    labels = np.where(Z[:, 0] < 0, "a", "b")
    assert plot_embedding(Z[:, :2], labels=labels, title="plane", ax=axes) is axes
    assert axes.get_legend() is None
    assert axes.get_title(loc="left") == "plane"
    assert sorted(text.get_text() for text in axes.texts) == ["a", "b"]
    for text in axes.texts:
        middle = np.median(Z[labels == text.get_text(), :2], axis=0)
        np.testing.assert_allclose(text.get_position(), middle)


@pytest.mark.parametrize(
    ("dim", "x", "num"), [(1, None, 1), (1, Z, 2), (2, None, 1), (3, None, 3), (4, None, 6)]
)
def test_axes_of_ones_own_are_drawn_on_and_returned(dim, x, num):
    figure = Figure()
    axes = figure.subplots(1, num, squeeze=False)[0]
    returned = plot_embedding(Z[:, :dim], x=x, ax=list(axes))
    assert returned.tolist() == axes.tolist()
    assert all(each.has_data() for each in axes)
    assert figure.axes[:num] == axes.tolist()


@pytest.mark.parametrize(("dim", "num"), [(2, 2), (3, 1), (4, 5)])
def test_number_of_axes_must_be_that_of_the_panels(dim, num):
    axes = Figure().subplots(1, num)
    needed = {2: 1, 3: 3, 4: 6}[dim]
    with pytest.raises(ValueError, match=f"ax has {num} axes; the picture needs {needed}: one for"):
        plot_embedding(Z[:, :dim], ax=axes)


def test_axes_must_be_axes():
    with pytest.raises(TypeError, match="ax holds a Figure; expected matplotlib axes"):
        plot_embedding(Z[:, :2], ax=Figure())


def test_limits_can_be_set_on_axes_of_ones_own_whose_scales_stay_equal(caplog):
    figure = Figure(layout="constrained")
    axes = plot_embedding(Z[:, :2], ax=figure.subplots())
    axes.set(xlim=(0, 2), ylim=(-1, 5))
    figure.draw_without_rendering()
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 2), (-1, 5))
    scale = axes.transData.get_matrix()
    np.testing.assert_allclose(scale[0, 0], scale[1, 1])
    assert not caplog.records


@pytest.mark.parametrize("layout", ["constrained", None])
def test_legend_of_long_names_lies_within_a_figure_of_ones_own(layout):
    figure = Figure(figsize=(8, 4), layout=layout)
    left, _ = figure.subplots(1, 2)
    labels = [f"a class of long name {i % 12}" for i in range(60)]
    plot_embedding(Z[:, :2], labels=labels, ax=left)
    assert not figure.legends
    figure.draw_without_rendering()
    box = left.get_legend().get_window_extent()
    assert figure.bbox.containsx(box.x0)
    assert figure.bbox.containsx(box.x1)


@pytest.mark.parametrize("num_features", [2, 7])
def test_line_is_drawn_as_the_curve_that_it_decodes_to(num_features):
    x, curve = RANDOM.normal(size=(60, num_features)), RANDOM.normal(size=(30, num_features))
    plane = plot_embedding(Z[:, :1], x=x, curve=curve)[0]
    [line] = plane.lines
    assert line.get_xydata().shape == (30, 2)
    if num_features == 2:
        np.testing.assert_array_equal(line.get_xydata(), curve)


@pytest.mark.parametrize("labels", [None, Z[:, 1], ["a", "b"] * 30])
def test_legend_of_the_line_hides_no_points(labels):
    plane = plot_embedding(
        Z[:, :1], x=Z, curve=Z[:9], labels=labels, title="a title\nof two lines"
    )[0]
    plane.figure.draw_without_rendering()
    box = plane.get_legend().get_window_extent()
    title = plane.figure._suptitle.get_window_extent()
    assert plane.bbox.y1 <= box.y0 < box.y1 <= title.y0


def test_legend_of_the_line_leaves_the_title_of_ones_own_axes_free():
    axes = Figure(layout="constrained").subplots(1, 3)
    plane = plot_embedding(Z[:, :1], x=Z, curve=Z[:9], title="title", ax=axes[:2])[0]
    plane.figure.draw_without_rendering()
    assert plane.get_legend().get_window_extent().y1 <= plane.get_window_extent().y1


def test_line_without_points_is_a_histogram_that_counts_them():
    [axes] = plot_embedding(Z[:, :1])
    assert sum(bar.get_height() for bar in axes.patches) == 60


def test_at_most_thirty_thousand_points_are_drawn():
    axes = plot_embedding(RANDOM.normal(size=(40_000, 2)))
    assert len(axes.collections[0].get_offsets()) == 30_000


@pytest.mark.parametrize(
    ("z", "labels", "message"),
    [(Z[:, 0], None, r"expected \[N, d\]"), (Z, [1, 2], "2 labels for 60 points")],
)
def test_latents_and_labels_that_do_not_fit_are_refused(z, labels, message):
    with pytest.raises(ValueError, match=message):
        plot_embedding(z, labels=labels)
