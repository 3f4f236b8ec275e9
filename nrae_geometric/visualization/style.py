"""Colors, sizes, figures and images as all pictures have them.

The colors are those of Okabe and Ito, `Color Universal Design
<https://jfly.uni-koeln.de/color/>`_: distinct for color-blind readers too.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.legend_handler import HandlerTuple
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from nrae_geometric.arguments import choice
from nrae_geometric.atomic import atomic_write

BLUE = "#0072B2"
SKY = "#56B4E9"
GREEN = "#009E73"
ORANGE = "#E69F00"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"

INK = "#222222"
MUTED = "#666666"
FAINT = "#D8D8D8"

NEIGHBORHOODS = (VERMILLION, GREEN)
"""Colors of the two highlighted neighborhoods."""
MODELS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
"""Colors of several models in one picture."""
COORDINATE = "viridis"
"""Colors of a continuous coordinate: even in lightness, and readable without red or green."""

TITLE_SIZE = 16
LABEL_SIZE = 12
TICK_SIZE = 11


def new_figure(
    width: float,
    height: float,
    layout: Literal["constrained", "compressed"] = "constrained",
    pad: float = 0.1,
) -> Figure:
    """Returns an empty white figure that no window owns, at 100 pixels an inch.

    Args:
        width (float): Its width in inches.
        height (float): Its height in inches.
        layout (str, optional): The layout engine: :obj:`"constrained"`, or :obj:`"compressed"` for
            axes of a fixed aspect. (default: :obj:`"constrained"`)
        pad (float, optional): The room around each axes and its labels in inches.
            (default: :obj:`0.1`)
    """
    figure = Figure(figsize=(width, height), dpi=100, facecolor="white")
    figure.set_layout_engine(layout, w_pad=pad, h_pad=pad)
    FigureCanvasAgg(figure)
    return figure


def render(figure: Figure) -> NDArray[np.uint8]:
    """Draws a figure and returns its pixels as RGB, :obj:`[height, width, 3]`."""
    figure.canvas.draw()
    return pixels(figure)


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Returns the present pixels of a figure's canvas as RGB, :obj:`[height, width, 3]`."""
    assert isinstance(figure.canvas, FigureCanvasAgg)
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes a figure, whole or not at all.

    Args:
        figure (matplotlib.figure.Figure): The figure, as a ``plot_*`` function returns it.
        path (str or os.PathLike): The file; its ending (``.png``, ``.pdf``, ``.svg``) is the
            format, PNG without any. Missing folders are made.

    Raises:
        ValueError: If there is no such format.
    """
    kind = Path(path).suffix.removeprefix(".").lower() or "png"
    choice("the ending of a picture's name", kind, FigureCanvasAgg.get_supported_filetypes())
    with atomic_write(path) as temporary:
        # Without a format matplotlib would write to a name of its own where there is no ending.
        figure.savefig(temporary, format=kind)


def title_figure(width: float, height: float, title: str, subtitle: str) -> Figure:
    """Returns a figure, in inches, of a large title and a quiet line below it."""
    figure = new_figure(width, height)
    figure.text(0.5, 0.52, title, ha="center", va="bottom", size=30, weight="bold", color=INK)
    figure.text(0.5, 0.46, subtitle, ha="center", va="top", size=TITLE_SIZE, color=MUTED)
    return figure


def style_axes(axes: Axes, xlabel: str | None = None, ylabel: str | None = None) -> None:
    """Leaves only the left and bottom spine, in quiet colors, and sets the labels given."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(which="both", labelsize=TICK_SIZE, color=MUTED, labelcolor=INK)
    if xlabel is not None:
        axes.set_xlabel(xlabel, fontsize=LABEL_SIZE, color=INK)
    if ylabel is not None:
        axes.set_ylabel(ylabel, fontsize=LABEL_SIZE, color=INK)


def style_plane(axes: Axes) -> None:
    """Shows a latent plane, both directions at one scale."""
    axes.set_aspect("equal")
    style_axes(axes, "latent z₁", "latent z₂")


def title_axes(axes: Axes, title: str) -> None:
    """Writes a title above axes, in line with their left end."""
    axes.set_title(title, loc="left", fontsize=LABEL_SIZE + 1, color=INK, weight="bold")


def legend_below(
    figure: Figure, entries: Mapping[str, Artist | tuple[Artist, ...]], columns: int
) -> None:
    """Puts a legend, name to artist or artists, below all axes of a figure."""
    figure.legend(
        # The stubs do not know that a handler may take tuples of artists.
        cast(list[Artist], list(entries.values())),
        list(entries),
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.4)},
        loc="outside lower center",
        ncols=columns,
        fontsize=TICK_SIZE,
        frameon=False,
        labelcolor=INK,
        handlelength=2.6,
        columnspacing=2.0,
    )


def as_array(values: Tensor | ArrayLike) -> NDArray[np.float64]:
    """Returns values as float64 on the CPU, where drawing happens."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=np.float64)


def as_images(values: Tensor | ArrayLike) -> NDArray[np.float64]:
    """Returns images as matplotlib takes them, :obj:`[N, H, W]` or :obj:`[N, H, W, 3]` in 0..1.

    Args:
        values (torch.Tensor or array_like): :obj:`[N, H, W]`, :obj:`[N, 1, H, W]` or
            :obj:`[N, 3, H, W]`; values out of range are clipped.

    Raises:
        ValueError: If the images have neither one nor three channels.
    """
    images = np.clip(as_array(values), 0, 1)
    if images.ndim == 3:
        return images
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images[:, 0] if images.shape[1] == 1 else np.moveaxis(images, 1, -1)
    raise ValueError(
        f"images have shape {images.shape}; expected [N, H, W], [N, 1, H, W] or [N, 3, H, W]"
    )


def show_image(axes: Axes, image: NDArray[np.float64], cmap: str = "gray") -> AxesImage:
    """Shows one image with hard pixels and a thin frame, and no ticks."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(FAINT)
    return axes.imshow(image, cmap=cmap, vmin=0, vmax=1, interpolation="nearest")


def epoch_text(epoch: int, loss: float | None) -> str:
    """Returns a line on an epoch, its loss with four digits so that its width is steady."""
    return f"epoch {epoch}" if loss is None else f"epoch {epoch}    loss {loss:#.4g}"
