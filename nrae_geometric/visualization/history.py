"""Losses over the epochs."""

from collections.abc import Mapping, Sequence
from itertools import cycle

from matplotlib.figure import Figure

from nrae_geometric.visualization import palette

_DASHES = ("-", "--", "-.", ":")


def plot_history(histories: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the training losses of one or several models over the epochs, on a log scale.

    Losses of different models are different functions: an autoencoder's is a mean over data
    dimensions, an NRAE's a weighted sum over neighborhoods. Compare shapes, not heights.

    Args:
        histories: For each model its name and its mean loss in every epoch.
    """
    if not histories:
        raise ValueError("histories is empty; give at least one name with its losses")
    figure = palette.new_figure(7.2, 4.2)
    axes = figure.add_axes((0.12, 0.14, 0.85, 0.76))
    styles = zip(cycle(palette.MODELS), cycle(_DASHES), strict=False)
    for (name, losses), (color, dashes) in zip(histories.items(), styles, strict=False):
        axes.plot(range(len(losses)), losses, dashes, color=color, linewidth=1.8, label=name)
    axes.set_yscale("log")
    axes.margins(x=0.01)
    palette.style_axes(axes)
    axes.grid(axis="y", color=palette.FAINT, linewidth=0.6)
    axes.set_xlabel("epoch", fontsize=palette.LABEL_SIZE, color=palette.INK)
    axes.set_ylabel("training loss", fontsize=palette.LABEL_SIZE, color=palette.INK)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=len(histories),
        frameon=False,
        fontsize=palette.LABEL_SIZE,
        labelcolor=palette.INK,
    )
    return figure
