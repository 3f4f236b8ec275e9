"""Colors, sizes, figures and images as all pictures have them.

The colors are those of Okabe and Ito, `Color Universal Design
<https://jfly.uni-koeln.de/color/>`_: distinct for color-blind readers too. No figure is wider than
the text of a printed page, so that letters are as large in print as their size says.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend_handler import HandlerTuple
from matplotlib.textpath import TextPath
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

PAGE = 7.2
"""Width of the text of a printed page in inches."""
TITLE_SIZE = 12
LABEL_SIZE = 10
TICK_SIZE = 9

AxesLike = Axes | Sequence[Axes] | NDArray[Any]
"""One axes, or one for each panel of a picture."""

Layout = Literal["constrained", "compressed"]
FigureMaker = Callable[..., Figure]
"""A function of width, height and layout: :func:`new_figure` or :func:`pyplot_figure`."""


def new_figure(
    width: float,
    height: float,
    layout: Layout = "constrained",
    pad: float = 0.06,
    dpi: float = 200,
) -> Figure:
    """Returns an empty white figure that no window owns.

    Args:
        width (float): Its width in inches.
        height (float): Its height in inches.
        layout (str, optional): The layout engine: :obj:`"constrained"`, or :obj:`"compressed"` for
            axes of a fixed aspect. (default: :obj:`"constrained"`)
        pad (float, optional): The room around each axes and its labels in inches.
            (default: :obj:`0.06`)
        dpi (float, optional): Pixels an inch. (default: :obj:`200`)
    """
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    figure.set_layout_engine(layout, w_pad=pad, h_pad=pad)
    FigureCanvasAgg(figure)
    return figure


def pyplot_figure(width: float, height: float, layout: Layout = "constrained") -> Figure:
    """Returns an empty white figure that notebooks and :func:`matplotlib.pyplot.show` show.

    Its pixels an inch are those of the settings of matplotlib.

    Args:
        width (float): Its width in inches.
        height (float): Its height in inches.
        layout (str, optional): The layout engine, as of :func:`new_figure`.
            (default: :obj:`"constrained"`)
    """
    # Imported here because the import selects a backend.
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(width, height), facecolor="white")
    figure.set_layout_engine(layout, w_pad=0.06, h_pad=0.06)
    return figure


def given_axes(ax: AxesLike, num: int, panels: str) -> NDArray[Any]:
    """Returns axes of the caller's own as an array ``[num]``.

    Args:
        ax (Axes, Sequence[Axes] or numpy.ndarray): The axes.
        num (int): How many there must be.
        panels (str): What each is for, in the plural, for the error.

    Raises:
        TypeError: If they are no axes.
        ValueError: If there are more or fewer.
    """
    # Not by np.asarray, which would ask axes of some projections for their length.
    each = [ax] if isinstance(ax, Axes) else list(np.asarray(ax, dtype=object).ravel())
    for one in each:
        if not isinstance(one, Axes):
            raise TypeError(f"ax holds a {type(one).__name__}; expected matplotlib axes")
    if len(each) != num:
        raise ValueError(f"ax has {len(each)} axes; the picture needs {num}: {panels}")
    axes = np.empty(num, dtype=object)
    axes[:] = each
    return axes


def returned(ax: AxesLike | None, axes: NDArray[Any]) -> Any:
    """Returns one axes where one was given, and else all as an array."""
    return axes[0] if isinstance(ax, Axes) else axes


def render(figure: Figure) -> NDArray[np.uint8]:
    """Draws a figure and returns its pixels as RGB, :obj:`[height, width, 3]`."""
    figure.canvas.draw()
    return pixels(figure)


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Returns the present pixels of a figure's canvas as RGB, :obj:`[height, width, 3]`."""
    assert isinstance(figure.canvas, FigureCanvasAgg)
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def save_figure(
    figure: Figure | AxesLike, path: str | os.PathLike[str], *, dpi: float | None = None
) -> None:
    """Writes a figure, whole or not at all.

    Args:
        figure (Figure, Axes, Sequence[Axes] or numpy.ndarray): The figure, or axes of it, as a
            ``plot_*`` function returns them.
        path (str or os.PathLike): The file; its ending (``.png``, ``.pdf``, ``.svg``) is the
            format, PNG without any. Missing folders are made.
        dpi (float, optional): Pixels an inch. (default: those of the figure)

    Raises:
        ValueError: If there is no such format.
    """
    if not isinstance(figure, Figure):
        axes = figure if isinstance(figure, Axes) else np.asarray(figure, dtype=object).ravel()[0]
        figure = cast(Figure, axes.figure.figure)
    kind = Path(path).suffix.removeprefix(".").lower() or "png"
    choice("the ending of a picture's name", kind, FigureCanvasAgg.get_supported_filetypes())
    with atomic_write(path) as temporary:
        # Without a format matplotlib would write to a name of its own where there is no ending.
        figure.savefig(temporary, format=kind, dpi="figure" if dpi is None else dpi)


def title_figure(width: float, height: float, title: str, subtitle: str, dpi: float) -> Figure:
    """Returns a figure, in inches, of a large title and a quiet line below it."""
    figure = new_figure(width, height, dpi=dpi)
    figure.text(0.5, 0.52, title, ha="center", va="bottom", size=30, weight="bold", color=INK)
    figure.text(0.5, 0.46, subtitle, ha="center", va="top", size=16, color=MUTED)
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


def style_plane(
    axes: Axes, xlabel: str = "latent z₁", ylabel: str = "latent z₂", *, fills: bool = True
) -> None:
    """Shows a plane, both directions at one scale.

    Args:
        axes (matplotlib.axes.Axes): The axes.
        xlabel (str, optional): The name of the first direction.
        ylabel (str, optional): The name of the second.
        fills (bool, optional): Whether the axes keep their place and show more than there is,
            rather than becoming as narrow as what they show, whose limits can then be set.
            (default: :obj:`True`)
    """
    shared = [
        group.get_siblings(axes) for group in (axes.get_shared_x_axes(), axes.get_shared_y_axes())
    ]
    # Axes that share both directions cannot adjust what they show.
    keeps_limits = not fills or all(len(siblings) > 1 for siblings in shared)
    axes.set_aspect("equal", adjustable="box" if keeps_limits else "datalim")
    style_axes(axes, xlabel, ylabel)


def title_axes(axes: Axes, title: str) -> None:
    """Writes a title above axes, in line with their left end; it wraps at the figure's end."""
    axes.set_title(title, loc="left", fontsize=TITLE_SIZE, color=INK, weight="bold", wrap=True)


def title_panels(axes: Sequence[Axes], title: str | None) -> None:
    """Writes a title above all axes of a figure, or above the first where there are others."""
    if title is None:
        return
    if len(axes) > 1 and is_whole_figure(axes):
        look: dict[str, Any] = {"fontsize": TITLE_SIZE, "color": INK, "weight": "bold"}
        axes[0].figure.suptitle(title, x=0.01, ha="left", wrap=True, **look)
    else:
        title_axes(axes[0], title)


def color_bar(mappable: Any, axes: Sequence[Axes], name: str | None = None, **look: Any) -> Any:
    """Adds a color bar to the right of axes."""
    bar = axes[0].figure.colorbar(mappable, ax=list(axes), **{"aspect": 30, "pad": 0.02, **look})
    if bar.solids is not None:
        bar.solids.set_alpha(1)
    if name is not None:
        bar.set_label(name, fontsize=LABEL_SIZE, color=INK)
    bar.ax.tick_params(labelsize=TICK_SIZE, color=MUTED, labelcolor=INK)
    bar.outline.set_visible(False)
    return bar


def legend_beside(
    axes: Axes, handles: Iterable[Artist], labels: Iterable[str], title: str = "", **look: Any
) -> None:
    """Puts a legend to the right of axes where the layout makes room for it, and else inside."""
    if makes_room(axes):
        place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1, 1), "frameon": False}
        axes.legend(list(handles), list(labels), title=title or None, **_legend(), **place, **look)
    else:
        legend_inside(axes, handles, labels, title, **look)


def legend_inside(
    axes: Axes, handles: Iterable[Artist], labels: Iterable[str], title: str = "", **look: Any
) -> None:
    """Puts a legend where it covers least of what is drawn."""
    look = {"loc": "best", "framealpha": 0.8, "edgecolor": "none", **_legend(), **look}
    axes.legend(list(handles), list(labels), title=title or None, **look)


def legend_below(
    axes: Sequence[Axes], entries: Mapping[str, Artist | tuple[Artist, ...]], columns: int
) -> None:
    """Puts a legend, name to artist or artists, below all axes of a figure.

    Where the figure has other axes, or no layout that makes room, it is inside the last axes.
    """
    figure = axes[0].figure
    look: dict[str, Any] = {
        "handler_map": {tuple: HandlerTuple(ndivide=None, pad=0.4)},
        "handlelength": 2.4,
    }
    # The stubs do not know that a handler may take tuples of artists.
    handles, labels = cast(list[Artist], list(entries.values())), list(entries)
    if is_whole_figure(axes):
        look |= {"loc": "outside lower center", "ncols": columns, "columnspacing": 1.6}
        figure.legend(handles, labels, frameon=False, **_legend(), **look)
    elif makes_room(axes[0]):
        legend_beside(axes[-1], handles, labels, **look)
    else:
        legend_inside(axes[-1], handles, labels, **look)


def _legend() -> dict[str, Any]:
    return {"fontsize": TICK_SIZE, "title_fontsize": TICK_SIZE, "labelcolor": INK}


def makes_room(axes: Axes) -> bool:
    """Tells whether the layout of a figure makes room for what is beside axes."""
    return isinstance(axes.figure.figure.get_layout_engine(), ConstrainedLayoutEngine)


def is_whole_figure(axes: Sequence[Axes]) -> bool:
    """Tells whether a figure has no other axes, and a layout that makes room around them."""
    return makes_room(axes[0]) and set(axes[0].figure.axes) == set(axes)


def wrapped(texts: Iterable[str], axes: Axes) -> str:
    """Returns texts side by side in as many lines as fit above axes."""
    lines: list[str] = []
    for text in texts:
        longer = f"{lines[-1]}   {text}" if lines else text
        if lines and text_width(longer) > width_of(axes):
            lines.append(text)
        else:
            lines[-1:] = [longer]
    return "\n".join(lines)


def text_width(text: str, size: float = TICK_SIZE, weight: str = "normal") -> float:
    """Returns the width of a line in points."""
    if not text.strip():
        return 0.0
    font = FontProperties(weight=weight)
    return float(TextPath((0, 0), text, size=size, prop=font).get_extents().width)


def width_of(axes: Axes) -> float:
    """Returns the width of axes in points, before their layout."""
    width = axes.get_position().width * axes.figure.figure.get_size_inches()[0] * 72
    # The layout leaves less than the margins that axes are made with.
    return float(width * 1.15 if makes_room(axes) else width)


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
