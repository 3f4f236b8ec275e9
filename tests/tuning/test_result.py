import pytest
from matplotlib.figure import Figure

from nrae_geometric.tuning import plot_tuning


def row(score, state="complete", **settings):
    return {"trial": 0, "score": score, **settings, "state": state}


def drawn(axes):
    return sorted(tuple(map(float, point)) for c in axes.collections for point in c.get_offsets())


def legend_of(axes):
    [legend] = [*axes.figure.legends, axes.get_legend()][:1]
    return [text.get_text() for text in legend.get_texts()]


@pytest.fixture
def table():
    return [
        row(-1.0, n_neighbors=4, neighbor_weight=100.0, order=2),
        row(-2.0, n_neighbors=3, neighbor_weight=1.0, order=1),
        row(-9.0, state="pruned", n_neighbors=9, neighbor_weight=9.0, order=1),
        row(None, state="fail", n_neighbors=8, neighbor_weight=8.0, order=1),
    ]


def test_each_number_has_a_panel_with_the_trials_that_have_a_score_and_the_best(table):
    neighbors, weight = plot_tuning(table)
    assert drawn(neighbors) == [(3, 2), (4, 1), (4, 1), (9, 9)]
    assert drawn(weight) == [(1, 2), (9, 9), (100, 1), (100, 1)]
    assert (neighbors.get_xscale(), weight.get_xscale()) == ("linear", "log")


def test_colors_tell_the_order(table):
    axes = plot_tuning(table)[-1]
    labels = legend_of(axes)
    assert labels == ["given up after the first part", "order 1", "order 2", "best"]
    _, first, second, _ = axes.collections
    assert tuple(first.get_facecolor()[0]) != tuple(second.get_facecolor()[0])


def test_colors_tell_a_setting_that_is_no_number():
    table = [row(-1.0, beta=1.0, prior="normal"), row(-2.0, beta=2.0, prior="uniform")]
    [axes] = plot_tuning(table)
    labels = legend_of(axes)
    assert labels == ["prior normal", "prior uniform", "best"]
    assert axes.get_xlabel() == "beta"


def test_of_many_numbers_three_are_drawn():
    table = [row(-1.0, a=1, b=2, c=3, d=4), row(-1.5, a=2, b=3, c=4, d=5)]
    assert [axes.get_xlabel() for axes in plot_tuning(table)] == ["a", "b", "c"]


def test_settings_that_only_some_trials_have_are_drawn_for_these():
    table = [row(-1.0, kernel="binary", weight=2.0), row(-2.0, kernel="gaussian", width=3.0)]
    weight, width = plot_tuning(table)
    assert drawn(weight) == [(2, 1), (2, 1)]
    assert (3, 2) in drawn(width)


def test_search_that_was_stopped_before_the_final_is_drawn():
    table = [row(-1.0, state="pruned", a=1), row(-2.0, state="pruned", a=2)]
    [axes] = plot_tuning(table)
    assert drawn(axes) == [(1, 1), (1, 1), (2, 2)]


def test_trials_without_settings_are_drawn_by_number():
    [axes] = plot_tuning([row(-1.0)])
    assert axes.get_xlabel() == "trial"


def test_title_names_the_best(table):
    title = plot_tuning(table)[0].figure.get_suptitle()
    assert title == "Best of 3 trials: k 4, λ 100, order 2: error 1"


def test_axes_of_ones_own_are_drawn_on_and_returned(table):
    axes = Figure().subplots(1, 2)
    assert plot_tuning(table, ax=axes).tolist() == axes.tolist()
    with pytest.raises(ValueError, match=r"ax has 1 axes.*needs 2: one for each of n_neighbors"):
        plot_tuning(table, ax=axes[0])
