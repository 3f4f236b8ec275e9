"""Colors, sizes and bare figures that all pictures share.

The colors are those of Okabe and Ito, `Color Universal Design
<https://jfly.uni-koeln.de/color/>`_: distinct for color-blind readers too.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
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


def legend_below(
    axes: Sequence[Axes],
    entries: Mapping[str, Artist | tuple[Artist, ...]],
    columns: int,
) -> None:
    """Put a legend, name to artist or artists, below the tick labels of a row of axes."""
    figure = axes[0].get_figure()
    assert isinstance(figure, Figure)
    boxes = [each.get_position() for each in axes]
    figure.legend(
        # The stubs do not know that a handler may take tuples of artists.
        cast(list[Artist], list(entries.values())),
        list(entries),
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.4)},
        loc="upper center",
        bbox_to_anchor=(
            (boxes[0].x0 + boxes[-1].x1) / 2,
            boxes[0].y0 - 0.32 / figure.get_figheight(),
        ),
        ncols=columns,
        fontsize=TICK_SIZE,
        frameon=False,
        labelcolor=INK,
        handlelength=2.6,
        columnspacing=2.0,
        borderaxespad=0,
    )


def short(loss: float) -> str:
    """Return a loss with four significant digits, zeros kept so that its width is steady."""
    return f"{loss:#.4g}"
