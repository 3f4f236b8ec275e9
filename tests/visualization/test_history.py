import pytest
from numpy.testing import assert_allclose

from nrae_geometric.visualization import plot_history


def test_losses_are_drawn_over_the_epochs_on_a_log_scale():
    (axes,) = plot_history({"AE": [3.0, 2.0, 0.1], "NRAE-L": [30.0, 2.0]}).axes
    assert axes.get_yscale() == "log"
    assert [line.get_label() for line in axes.lines] == ["AE", "NRAE-L"]
    assert_allclose(axes.lines[0].get_xydata(), [[0, 3], [1, 2], [2, 0.1]])
    assert axes.lines[0].get_color() != axes.lines[1].get_color()


def test_no_histories_are_refused():
    with pytest.raises(ValueError, match="histories is empty"):
        plot_history({})
