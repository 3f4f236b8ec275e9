"""Colors, sizes, captions and bare figures that all pictures share.

The colors are those of Okabe and Ito, `Color Universal Design
<https://jfly.uni-koeln.de/color/>`_: distinct for color-blind readers too.
"""

import os
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from nrae_geometric.atomic import atomic_write
from nrae_geometric.metrics import RIGHT_ORDER

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
    """Returns an empty white figure in inches, at 100 pixels an inch, that no window owns."""
    figure = Figure(figsize=(width, height), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def render(figure: Figure) -> NDArray[np.uint8]:
    """Draws a figure and return its pixels as RGB of shape :obj:`[height, width, 3]`."""
    figure.canvas.draw()
    return pixels(figure)


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Returns what is drawn on a figure's canvas as RGB of shape :obj:`[height, width, 3]`."""
    assert isinstance(figure.canvas, FigureCanvasAgg)
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def style_axes(axes: Axes) -> None:
    """Leaves only the left and bottom spine, in quiet colors."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(labelsize=TICK_SIZE, color=MUTED, labelcolor=INK)


def as_array(values: Tensor | ArrayLike) -> NDArray[np.float64]:
    """Returns values as float64 on the CPU, where drawing happens."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=np.float64)


def legend_below(
    axes: Sequence[Axes],
    entries: Mapping[str, Artist | tuple[Artist, ...]],
    columns: int,
) -> None:
    """Puts a legend, name to artist or artists, below the tick labels of a row of axes."""
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
    """Returns a loss with four significant digits, zeros kept so that its width is steady."""
    return f"{loss:#.4g}"


def caption(
    axes: Axes, title: str, metrics: Mapping[str, float], latent_order: float | None
) -> None:
    """Writes a panel's title, metrics and order above its axes, one below the other."""

    def line(points_above: float, text: str, size: float, color: str, weight: str) -> None:
        axes.annotate(
            text,
            (0, 1),
            xytext=(0, points_above),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=size,
            color=color,
            weight=weight,
            annotation_clip=False,
        )

    line(49, title, TITLE_SIZE, INK, "bold")
    line(29, "    ".join(_measured(*item) for item in metrics.items()), 12, MUTED, "normal")
    if latent_order is None:
        return
    # Written so that a NaN counts as wrong.
    if latent_order >= RIGHT_ORDER:
        line(10, f"✓ right order, |Spearman| = {latent_order:.3f}", 12, GREEN, "normal")
    else:
        text = f"✗ wrong connectivity, |Spearman| = {latent_order:.3f}"
        line(10, text, 12, VERMILLION, "bold")


def _measured(name: str, value: float) -> str:
    return f"{name} {value:.4g}"


def as_pictures(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turns images [N, H, W], [N, 1, H, W] or [N, 3, H, W] into [N, H, W] or [N, H, W, 3] in 0..1.

    Raises:
        ValueError: If the images have neither one nor three channels.
    """
    images = np.clip(images, 0, 1)
    if images.ndim == 3:
        return images
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images[:, 0] if images.shape[1] == 1 else np.moveaxis(images, 1, -1)
    raise ValueError(
        f"images have shape {images.shape}; expected [N, H, W], [N, 1, H, W] or [N, 3, H, W]"
    )


def show_picture(axes: Axes, picture: NDArray[np.float64]) -> AxesImage:
    """Shows one picture with hard pixels and a thin frame, and no ticks."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(FAINT)
    return axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def title_card(width: float, height: float, title: str, subtitle: str) -> Figure:
    """Returns a figure, in inches, with a large title and a quiet line below it."""
    figure = new_figure(width, height)
    figure.text(0.5, 0.56, title, ha="center", va="bottom", fontsize=30, weight="bold", color=INK)
    figure.add_artist(Line2D([0.44, 0.56], [0.52, 0.52], color=BLUE, linewidth=3))
    figure.text(0.5, 0.47, subtitle, ha="center", va="top", fontsize=TITLE_SIZE, color=MUTED)
    return figure


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes a figure, whole or not at all.

    Args:
        figure (matplotlib.figure.Figure): The figure of a ``plot_*`` function.
        path (str or os.PathLike): The file to write; its ending (``.png``, ``.pdf``,
            ``.svg``) is the format.
    """
    with atomic_write(path) as temporary:
        figure.savefig(temporary)
