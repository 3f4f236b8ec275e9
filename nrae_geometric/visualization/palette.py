"""Colors, sizes and bare figures that all pictures share.

The colors are those of Okabe and Ito, `Color Universal Design
<https://jfly.uni-koeln.de/color/>`_: distinct for color-blind readers too.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

BLUE = "#0072B2"
SKY = "#56B4E9"
GREEN = "#009E73"
ORANGE = "#E69F00"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"

INK = "#222222"
MUTED = "#666666"
FAINT = "#D8D8D8"

#: Colors of the two highlighted neighborhoods.
NEIGHBORHOODS = (VERMILLION, GREEN)
#: Colors of several models in one picture.
MODELS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
#: Colors of a continuous coordinate: even in lightness, and readable without red or green.
COORDINATE = "viridis"

TITLE_SIZE = 16
LABEL_SIZE = 12
TICK_SIZE = 11


def new_figure(width: float, height: float) -> Figure:
    """Return an empty white figure in inches, at 100 pixels an inch, that no window owns."""
    figure = Figure(figsize=(width, height), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def render(figure: Figure) -> NDArray[np.uint8]:
    """Draw a figure and return its pixels as RGB of shape :obj:`[height, width, 3]`."""
    figure.canvas.draw()
    return pixels(figure)


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Return what is drawn on a figure's canvas as RGB of shape :obj:`[height, width, 3]`."""
    assert isinstance(figure.canvas, FigureCanvasAgg)
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def style_axes(axes: Axes) -> None:
    """Leave only the left and bottom spine, in quiet colors."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(labelsize=TICK_SIZE, color=MUTED, labelcolor=INK)


def as_array(values: Tensor | ArrayLike) -> NDArray[np.float64]:
    """Return values as float64 on the CPU, where drawing happens."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=np.float64)


def legend_below(figure: Figure, handles: Sequence[Line2D], columns: int) -> None:
    """Put a legend for labelled handles along the lower edge of the figure."""
    figure.legend(
        handles=list(handles),
        loc="lower center",
        ncols=columns,
        fontsize=TICK_SIZE,
        frameon=False,
        labelcolor=INK,
        columnspacing=1.8,
        handletextpad=0.6,
        borderaxespad=0.3,
    )


def short(loss: float) -> str:
    """Return a loss with four decimals, or in scientific notation where these say little."""
    return f"{loss:.4f}" if 1e-3 <= abs(loss) < 1e4 else f"{loss:.2e}"
