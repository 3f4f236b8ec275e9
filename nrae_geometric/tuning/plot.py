"""A picture of a search."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nrae_geometric.visualization import palette

_COLORS = {1: palette.BLUE, 2: palette.VERMILLION}
_MARKERS = {1: "o", 2: "s"}
_SETTINGS = {"n_neighbors": "number of neighbors k", "weight": "weight λ"}


def plot_tuning(table: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws the error of each complete trial over k and over lambda, and marks the best.

    Args:
        table: Of a :class:`~nrae_geometric.tuning.TuningResult`, best first.
    """
    figure = palette.new_figure(9.6, 4.2)
    panels = figure.subplots(1, 2, sharey=True)
    complete = [row for row in table if row["state"] == "complete"]
    for axes, (setting, label) in zip(panels, _SETTINGS.items(), strict=True):
        for order, color in _COLORS.items():
            rows = [row for row in complete if row["order"] == order]
            axes.scatter(
                [row[setting] for row in rows],
                [-row["score"] for row in rows],
                color=color,
                marker=_MARKERS[order],
                label=f"order {order}",
            )
        best = complete[0]
        axes.scatter(
            best[setting],
            -best["score"],
            s=180,
            facecolors="none",
            edgecolors=palette.INK,
            label="best",
        )
        axes.set_xlabel(label, fontsize=palette.LABEL_SIZE, color=palette.INK)
        palette.style_axes(axes)
    panels[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[1].set_xscale("log")
    panels[0].set_yscale("log")
    panels[0].tick_params(which="both", labelsize=palette.TICK_SIZE)
    panels[0].set_ylabel(
        "squared error of points left out", fontsize=palette.LABEL_SIZE, color=palette.INK
    )
    panels[1].legend(frameon=False, fontsize=palette.LABEL_SIZE, labelcolor=palette.INK)
    figure.tight_layout()
    return figure
