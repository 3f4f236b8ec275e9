r"""Figures of losses, learned curves, latent planes and latent traversals.

Where models are compared, each has a :class:`~nrae_geometric.visualization.Panel`: its name, what
it has learned, and measures that are printed with it, so that no picture stands without its error
and its order.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from mpl_toolkits.mplot3d import Axes3D
from numpy.typing import NDArray
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.visualization import plane, style
from nrae_geometric.visualization.panels import (
    Panel,
    check_panels,
    panel_title,
    write_captions,
    write_row_caption,
)

_DASHES = ("-", "--", "-.", ":")
_MOST_IN_A_ROW = 3
# Sizes of lines and marks in panels side by side.
_SMALL = 0.6
# More names than these would cover the curves.
_MOST_NAMES_INSIDE = 4
# Between two images of a row, in widths of an image.
_GAP = 0.06


def plot_losses(losses: Mapping[str, Sequence[float]], *, ax: Axes | None = None) -> Axes:
    """Draws the losses of one or several models over the epochs, on a log scale.

    Losses of different models are different functions: an autoencoder's is a mean over data
    dimensions, an NRAE's a weighted sum over neighborhoods. Compare shapes, not heights.

    Args:
        losses (Mapping[str, Sequence[float]]): For each curve its name and the loss of every
            epoch.
        ax (matplotlib.axes.Axes, optional): The axes to draw on. (default: those of a new figure
            of :mod:`matplotlib.pyplot`)

    Returns:
        matplotlib.axes.Axes: The axes.

    Raises:
        ValueError: If there are no losses.
    """
    if not losses:
        raise ValueError("losses is empty; give at least one name with its losses")
    ax = style.pyplot_figure(6.0, 3.4).subplots() if ax is None else ax
    styles = zip(cycle(style.MODELS), cycle(_DASHES), strict=False)
    for (name, values), (color, dashes) in zip(losses.items(), styles, strict=False):
        ax.plot(range(len(values)), values, dashes, color=color, linewidth=1.8, label=name)
    ax.set_yscale("log")
    ax.margins(x=0.01)
    style.style_axes(ax, "epoch", "training loss")
    ax.grid(axis="y", color=style.FAINT, linewidth=0.6)
    handles, names = ax.get_legend_handles_labels()
    if len(names) > _MOST_NAMES_INSIDE:
        style.legend_beside(ax, handles, names, "")
    else:
        style.legend_inside(ax, handles, names)
    return ax


def plot_learned_curves(
    panels: Sequence[Panel],
    points: Tensor,
    manifold: Tensor | None = None,
    *,
    ax: style.AxesLike | None = None,
) -> Any:
    """Draws the curves that several models have learned from the same planar points, side by side.

    Args:
        panels (Sequence[Panel]): One for each model, with its curve; see
            :func:`~nrae_geometric.nn.traversal.decode_latent_range`.
        points (torch.Tensor): The training points, :obj:`[N, 2]`.
        manifold (torch.Tensor, optional): The true manifold in order, :obj:`[M, 2]`.
            (default: :obj:`None`)
        ax (Axes, Sequence[Axes] or numpy.ndarray, optional): Axes to draw on, one for each panel.
            (default: those of a new figure of :mod:`matplotlib.pyplot`)

    Returns:
        numpy.ndarray or matplotlib.axes.Axes: The axes of the panels, or the one that was given.

    Raises:
        ValueError: If there are no panels, a curve is not planar, or there are not as many axes
            as panels.
    """
    check_panels(panels, num_columns=2)
    truth = [] if manifold is None else [style.as_array(manifold)]
    shown = style.as_array(points)
    corners = plane.window(shown, *truth)
    size = 1 if len(panels) == 1 else _SMALL
    if ax is None:
        axes_of = curve_axes(len(panels), plane.height_over_width(corners))
    else:
        axes_of = style.given_axes(ax, len(panels), "one for each panel")
    for axes, panel in zip(axes_of, panels, strict=True):
        plane.set_window(axes, corners)
        lines = [plane.true_manifold(line, size) for line in truth]
        lines.append(plane.learned_curve(style.as_array(panel.values), size))
        lines.append(plane.training_points(shown, size))
        for line in lines:
            axes.add_line(line)
    write_captions(axes_of, panels)
    style.legend_below(list(axes_of), {str(line.get_label()): line for line in lines}, columns=3)
    return style.returned(ax, axes_of)


def curve_axes(
    num: int, height_over_width: float, make: style.FigureMaker = style.pyplot_figure
) -> NDArray[Any]:
    """Returns the axes ``[num]`` of a new figure of learned curves.

    Args:
        num (int): The number of panels.
        height_over_width (float): The proportion of each.
        make (callable, optional): Makes the figure.
            (default: :func:`~nrae_geometric.visualization.style.pyplot_figure`)
    """
    num_columns = min(num, _MOST_IN_A_ROW)
    num_rows = -(-num // num_columns)
    width = 5.2 if num == 1 else style.PAGE
    height = num_rows * ((width - 0.4) / num_columns * height_over_width + 1.0) + 0.4
    grid = make(width, height, "compressed").subplots(
        num_rows, num_columns, sharey=True, squeeze=False
    )
    return _used(grid, num)


def plot_latent_planes(
    panels: Sequence[Panel],
    points: Tensor,
    coordinate: Tensor,
    *,
    coordinate_name: str = "true coordinate",
    ax: style.AxesLike | None = None,
) -> Any:
    """Draws points in space beside the latent planes of several models, colored alike.

    Both latent axes have one scale, as the distances in a plane are what is compared.

    Args:
        panels (Sequence[Panel]): One for each model, with its latents of the points.
        points (torch.Tensor): The training points, :obj:`[N, 3]`.
        coordinate (torch.Tensor): The true coordinate that colors each point, :obj:`[N]`.
        coordinate_name (str, optional): Its meaning, with its unit.
            (default: :obj:`"true coordinate"`)
        ax (Sequence[Axes] or numpy.ndarray, optional): Axes to draw on: first three-dimensional
            ones for the points, such as ``figure.add_subplot(1, 2, 1, projection="3d")``, then one
            for each panel. (default: those of a new figure of :mod:`matplotlib.pyplot`)

    Returns:
        numpy.ndarray: The axes, those of the points first.

    Raises:
        ValueError: If there are no panels, shapes do not fit each other, or axes do not fit the
            panels.
    """
    check_panels(panels, num_columns=2)
    if points.dim() != 2 or points.size(1) != 3:
        raise ValueError(f"points has shape {tuple(points.shape)}; expected [N, 3]")
    if coordinate.numel() != points.size(0):
        raise ValueError(
            f"coordinate has shape {tuple(coordinate.shape)}; expected one value for each of the "
            f"{points.size(0)} points"
        )
    if ax is None:
        axes_of = plane_axes(len(panels))
    else:
        expected = "three-dimensional ones for the points, then one for each panel"
        axes_of = style.given_axes(ax, len(panels) + 1, expected)
    space, planes = axes_of[0], axes_of[1:]
    if not isinstance(space, Axes3D):
        raise ValueError(
            "the first axes of ax are not three-dimensional; make them with "
            'figure.add_subplot(..., projection="3d")'
        )
    colors = style.as_array(coordinate).ravel()
    _draw_space(space, style.as_array(points), colors)
    for axes, panel in zip(planes, panels, strict=True):
        first, second = style.as_array(panel.values).T
        dots = axes.scatter(first, second, c=colors, cmap=style.COORDINATE, s=8, linewidths=0)
        style.style_plane(axes)
    write_captions(planes, panels)
    style.color_bar(dots, list(axes_of), coordinate_name)
    return axes_of


def plane_axes(num: int, make: style.FigureMaker = style.pyplot_figure) -> NDArray[Any]:
    """Returns the axes ``[1 + num]`` of a new figure of points in space and latent planes.

    Args:
        num (int): The number of planes.
        make (callable, optional): Makes the figure.
            (default: :func:`~nrae_geometric.visualization.style.pyplot_figure`)
    """
    # Four are two rows of two.
    num_columns = 2 if num == _MOST_IN_A_ROW else min(num + 1, _MOST_IN_A_ROW)
    num_rows = -(-(num + 1) // num_columns)
    figure = make(style.PAGE, num_rows * (6.4 / num_columns + 0.5))
    axes_of = np.empty(num + 1, dtype=object)
    for i in range(num + 1):
        look = {"projection": "3d"} if i == 0 else {}
        axes_of[i] = figure.add_subplot(num_rows, num_columns, i + 1, **look)
    return axes_of


def plot_latent_traversal(
    panels: Sequence[Panel],
    *,
    num_images: int = 12,
    axis: str = "latent z",
    cmap: str = "gray",
    ax: style.AxesLike | None = None,
) -> Any:
    """Draws images along the latent axis, or another way, one row for each model.

    Args:
        panels (Sequence[Panel]): One for each row, with its images; for example those of
            :func:`~nrae_geometric.nn.traversal.decode_latent_range`.
        num_images (int, optional): Number of images in a row, evenly spread over those of the
            panel, ends included. (default: :obj:`12`)
        axis (str, optional): The quantity that grows from left to right.
            (default: :obj:`"latent z"`)
        cmap (str, optional): The colors of images of one channel; :obj:`"gray_r"` is ink on paper.
            (default: :obj:`"gray"`)
        ax (Axes, Sequence[Axes] or numpy.ndarray, optional): Axes to draw on, one for each row.
            (default: those of a new figure of :mod:`matplotlib.pyplot`)

    Returns:
        numpy.ndarray or matplotlib.axes.Axes: The axes of the rows, or the one that was given.

    Raises:
        TypeError: If the number of images is no integer.
        ValueError: If there are no panels or images, images have neither one nor three channels,
            or there are not as many axes as panels.
    """
    check_panels(panels)
    num_images = integer("num_images", num_images, 1)
    images_of = [style.as_images(panel.values) for panel in panels]
    if ax is None:
        rows = row_axes([images.shape[1] / images.shape[2] for images in images_of], num_images)
    else:
        rows = style.given_axes(ax, len(panels), "one for each panel")
    for axes, panel, images in zip(rows, panels, images_of, strict=True):
        places = np.linspace(0, len(images) - 1, num_images).round().astype(int)
        _draw_row(axes, images[places], cmap)
        write_row_caption(axes, panel)
    rows[-1].set_xlabel(f"{axis} →", fontsize=style.LABEL_SIZE, color=style.INK)
    return style.returned(ax, rows)


def row_axes(
    heights: Sequence[float], num_images: int, make: style.FigureMaker = style.pyplot_figure
) -> NDArray[Any]:
    """Returns the axes of a new figure of rows of images.

    Args:
        heights (Sequence[float]): The height of an image of each row, in its widths.
        num_images (int): The number of images in a row.
        make (callable, optional): Makes the figure.
            (default: :func:`~nrae_geometric.visualization.style.pyplot_figure`)
    """
    # A few images are a row wide enough for the caption all the same.
    width = min(style.PAGE, max(4.2, 0.9 * num_images))
    side = min(width / num_images, 1.4)
    rows = [height * side for height in heights]
    figure = make(width, sum(rows) + 0.35 * len(rows) + 0.3)
    grid = figure.subplots(len(rows), 1, squeeze=False, height_ratios=rows)
    return np.asarray(grid[:, 0])


def _draw_row(axes: Axes, images: NDArray[np.float64], cmap: str) -> None:
    """Draws images side by side, each as wide as one unit."""
    height = images.shape[1] / images.shape[2]
    for i, image in enumerate(images):
        left = i * (1 + _GAP)
        place = (left, left + 1, 0, height)
        axes.imshow(image, cmap=cmap, vmin=0, vmax=1, extent=place, interpolation="nearest")
        frame = Rectangle((left, 0), 1, height, fill=False, edgecolor=style.FAINT, linewidth=0.8)
        axes.add_patch(frame)
    axes.set(xlim=(-_GAP, len(images) * (1 + _GAP)), ylim=(-_GAP, height + _GAP))
    axes.set(xticks=[], yticks=[], aspect="equal", anchor="W")
    axes.spines[:].set_visible(False)


def _used(grid: NDArray[Any], num: int) -> NDArray[Any]:
    """Returns the first axes of a grid, and removes the others."""
    axes_of = grid.ravel()
    for axes in axes_of[num:]:
        axes.remove()
    return axes_of[:num]


def _draw_space(space: Axes3D, points: NDArray[np.float64], colors: NDArray[np.float64]) -> None:
    space.scatter(*points.T, c=colors, cmap=style.COORDINATE, s=8, linewidths=0)
    space.set_box_aspect(np.ptp(points, axis=0), zoom=1.15)
    # The edge-on view, slightly raised, shows how a roll is rolled.
    space.view_init(elev=14, azim=-70)
    for axis in (space.xaxis, space.yaxis, space.zaxis):
        axis.pane.set_visible(False)
        axis.set_ticks([])
        axis.line.set_color(style.FAINT)
    panel_title(space, "Training data", style.INK, pad=5)
