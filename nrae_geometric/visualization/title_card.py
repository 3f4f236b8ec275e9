"""The first frame of every animation."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nrae_geometric.visualization import palette


def title_card(width: float, height: float, title: str, subtitle: str) -> Figure:
    """Return a figure, in inches, with a large title and a quiet line below it."""
    figure = palette.new_figure(width, height)
    figure.text(
        0.5, 0.56, title, ha="center", va="bottom", fontsize=30, weight="bold", color=palette.INK
    )
    figure.add_artist(Line2D([0.44, 0.56], [0.52, 0.52], color=palette.BLUE, linewidth=3))
    figure.text(
        0.5, 0.47, subtitle, ha="center", va="top", fontsize=palette.TITLE_SIZE, color=palette.MUTED
    )
    return figure
