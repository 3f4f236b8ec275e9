r"""Figures of losses, learned curves, latent planes and latent traversals.

Where models are compared, each has a :class:`Panel`: its name, what it has learned, and measures
that are printed with it, so that no picture stands without its error and its order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from mpl_toolkits.mplot3d import Axes3D
from numpy.typing import NDArray
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.metrics import RIGHT_ORDER
from nrae_geometric.visualization import plane, style

_DASHES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Panel:
    r"""One model in a comparison.

    Args:
        title (str): Name of the model.
        values (torch.Tensor): Its part of the picture: a learned curve in order, :obj:`[P, 2]`,
            latents of the training points, :obj:`[N, 2]`, or images in order, :obj:`[G, H, W]` or
            :obj:`[G, C, H, W]` with values in 0..1.
        metrics (Mapping[str, float], optional): Names and values of its measures, such as its
            reconstruction error. (default: :obj:`{}`)
        latent_order (float, optional): :math:`|\rho|` of Spearman between the learned and the true
            coordinate; below :data:`~nrae_geometric.metrics.RIGHT_ORDER` the model is marked as
            having the wrong connectivity. (default: :obj:`None`, where the truth is not known)
    """

    title: str
    values: Tensor
    metrics: Mapping[str, float] = field(default_factory=dict)
    latent_order: float | None = None


def plot_losses(losses: Mapping[str, Sequence[float]], *, ax: Axes | None = None) -> Figure:
    """Draws the losses of one or several models over the epochs, on a log scale.

    Losses of different models are different functions: an autoencoder's is a mean over data
    dimensions, an NRAE's a weighted sum over neighborhoods. Compare shapes, not heights.

    Args:
        losses (Mapping[str, Sequence[float]]): For each curve its name and the loss of every
            epoch.
        ax (matplotlib.axes.Axes, optional): The axes to draw on. (default: those of a new figure)

    Returns:
        matplotlib.figure.Figure: The figure of the axes.

    Raises:
        ValueError: If there are no losses.
    """
    if not losses:
        raise ValueError("losses is empty; give at least one name with its losses")
    ax = style.new_figure(7.2, 4.2).subplots() if ax is None else ax
    styles = zip(cycle(style.MODELS), cycle(_DASHES), strict=False)
    for (name, values), (color, dashes) in zip(losses.items(), styles, strict=False):
        ax.plot(range(len(values)), values, dashes, color=color, linewidth=1.8, label=name)
    ax.set_yscale("log")
    ax.margins(x=0.01)
    style.style_axes(ax, "epoch", "training loss")
    ax.grid(axis="y", color=style.FAINT, linewidth=0.6)
    ax.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=min(len(losses), 4),
        frameon=False,
        fontsize=style.LABEL_SIZE,
        labelcolor=style.INK,
    )
    return ax.figure.figure


def plot_learned_curves(
    panels: Sequence[Panel], points: Tensor, manifold: Tensor | None = None
) -> Figure:
    """Draws the curves that several models have learned from the same planar points, side by side.

    Args:
        panels (Sequence[Panel]): One for each model, with its curve; see
            :func:`~nrae_geometric.nn.traversal.decode_latent_range`.
        points (torch.Tensor): The training points, :obj:`[N, 2]`.
        manifold (torch.Tensor, optional): The true manifold in order, :obj:`[M, 2]`.
            (default: :obj:`None`)

    Raises:
        ValueError: If there are no panels, or a curve is not planar.
    """
    _check_panels(panels, num_columns=2)
    truth = [] if manifold is None else [style.as_array(manifold)]
    shown = style.as_array(points)
    corners = plane.window(shown, *truth)
    width = 4.5
    height = width * plane.height_over_width(corners)
    figure = style.new_figure(0.6 + width * len(panels), 1.7 + height, layout="compressed")
    [row] = figure.subplots(1, len(panels), sharey=True, squeeze=False)
    for axes, panel in zip(row, panels, strict=True):
        plane.set_window(axes, corners)
        lines = [plane.true_manifold(line) for line in truth]
        lines.append(plane.learned_curve(style.as_array(panel.values)))
        lines.append(plane.training_points(shown))
        for line in lines:
            axes.add_line(line)
        _caption(axes, panel)
    style.legend_below(figure, {str(line.get_label()): line for line in lines}, columns=3)
    return figure


def plot_latent_planes(
    panels: Sequence[Panel],
    points: Tensor,
    coordinate: Tensor,
    *,
    coordinate_name: str = "true coordinate",
) -> Figure:
    """Draws points in space beside the latent planes of several models, colored alike.

    Both latent axes have one scale, as the distances in a plane are what is compared.

    Args:
        panels (Sequence[Panel]): One for each model, with its latents of the points.
        points (torch.Tensor): The training points, :obj:`[N, 3]`.
        coordinate (torch.Tensor): The true coordinate that colors each point, :obj:`[N]`.
        coordinate_name (str, optional): Its meaning, with its unit.
            (default: :obj:`"true coordinate"`)

    Raises:
        ValueError: If there are no panels, or shapes do not fit each other.
    """
    _check_panels(panels, num_columns=2)
    if points.dim() != 2 or points.size(1) != 3:
        raise ValueError(f"points has shape {tuple(points.shape)}; expected [N, 3]")
    if coordinate.numel() != points.size(0):
        raise ValueError(
            f"coordinate has shape {tuple(coordinate.shape)}; expected one value for each of the "
            f"{points.size(0)} points"
        )
    figure = style.new_figure(4.6 + 4.2 * len(panels), 5.2)
    grid = figure.add_gridspec(1, len(panels) + 1)
    colors = style.as_array(coordinate).ravel()
    space = figure.add_subplot(grid[0], projection="3d")
    assert isinstance(space, Axes3D)
    _draw_space(space, style.as_array(points), colors)
    planes = [figure.add_subplot(grid[i + 1]) for i in range(len(panels))]
    for axes, panel in zip(planes, panels, strict=True):
        first, second = style.as_array(panel.values).T
        dots = axes.scatter(first, second, c=colors, cmap=style.COORDINATE, s=14, linewidths=0)
        axes.set_aspect("equal", adjustable="datalim")
        style.style_axes(axes, "latent z₁", "latent z₂")
        _caption(axes, panel)
    bar = figure.colorbar(dots, ax=planes, aspect=24)
    bar.set_label(coordinate_name, fontsize=style.LABEL_SIZE, color=style.INK)
    bar.ax.tick_params(labelsize=style.TICK_SIZE)
    bar.outline.set_visible(False)
    return figure


def plot_latent_traversal(
    panels: Sequence[Panel],
    *,
    num_images: int = 12,
    axis: str = "latent z",
    cmap: str = "gray",
    figure: Figure | SubFigure | None = None,
) -> Figure:
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
        figure (matplotlib.figure.Figure or SubFigure, optional): The figure, or its part, to draw
            in. (default: a new figure)

    Raises:
        TypeError: If the number of images is no integer.
        ValueError: If there are no panels or images, or images have neither one nor three
            channels.
    """
    _check_panels(panels)
    num_images = integer("num_images", num_images, 1)
    if figure is None:
        figure = style.new_figure(
            2.2 + 0.8 * num_images, 0.5 + 0.8 * len(panels), layout="compressed", pad=0.05
        )
    grid = figure.subplots(len(panels), num_images, squeeze=False)
    for row, panel in zip(grid, panels, strict=True):
        images = style.as_images(panel.values)
        places = np.linspace(0, len(images) - 1, num_images).round().astype(int)
        for axes, place in zip(row, places, strict=True):
            style.show_image(axes, images[place], cmap)
        _row_label(row[0], panel)
    figure.supxlabel(f"{axis} →", fontsize=style.LABEL_SIZE, color=style.MUTED)
    return figure.figure


def _check_panels(panels: Sequence[Panel], num_columns: int | None = None) -> None:
    if not panels:
        raise ValueError("panels is empty; give at least one Panel")
    for panel in panels:
        shape = tuple(panel.values.shape)
        if num_columns is not None and (len(shape) != 2 or shape[1] != num_columns):
            raise ValueError(
                f"values of panel {panel.title!r} has shape {shape}; expected [N, {num_columns}]"
            )


def _caption(axes: Axes, panel: Panel) -> None:
    """Writes a panel's title, metrics and order above its axes, one below the other."""
    _title(axes, panel.title)
    above: dict[str, Any] = {"xy": (0, 1), "in_layout": False}  # they may be wider than the axes
    _annotate(axes, (0, 28), _measures(panel), style.TICK_SIZE, style.MUTED, **above)
    if panel.latent_order is not None:
        verdict = "✓ right order" if _has_right_order(panel) else "✗ wrong connectivity"
        text = f"{verdict}, |Spearman| = {panel.latent_order:.4f}"
        _annotate(axes, (0, 10), text, style.TICK_SIZE, **_order_look(panel), **above)


def _title(axes: Axes, title: str) -> None:
    axes.set_title(
        title, loc="left", pad=47, fontsize=style.TITLE_SIZE, color=style.INK, weight="bold"
    )


def _row_label(axes: Axes, panel: Panel) -> None:
    """Writes a panel's title, metrics and order to the left of a row, one below the other."""
    middle: dict[str, Any] = {"xy": (0, 0.5), "ha": "right", "va": "center"}
    above = 16 if panel.metrics or panel.latent_order is not None else 0
    _annotate(axes, (-8, above), panel.title, 13, style.INK, weight="bold", **middle)
    _annotate(axes, (-8, 0), _measures(panel), 10, style.MUTED, **middle)
    if panel.latent_order is not None:
        mark = "✓" if _has_right_order(panel) else "✗"
        text = f"{mark} |Spearman| {panel.latent_order:.4f}"
        _annotate(axes, (-8, -16), text, 10, **_order_look(panel), **middle)


def _annotate(
    axes: Axes, offset: tuple[float, float], text: str, size: float, color: str, **look: Any
) -> None:
    axes.annotate(
        text,
        xytext=offset,
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=size,
        color=color,
        annotation_clip=False,
        **look,
    )


def _order_look(panel: Panel) -> dict[str, Any]:
    if _has_right_order(panel):
        return {"color": style.GREEN}
    return {"color": style.VERMILLION, "weight": "bold"}


def _measures(panel: Panel) -> str:
    return "    ".join(f"{name} {value:.4g}" for name, value in panel.metrics.items())


def _has_right_order(panel: Panel) -> bool:
    # A NaN counts as wrong.
    return panel.latent_order is not None and panel.latent_order >= RIGHT_ORDER


def _draw_space(space: Axes3D, points: NDArray[np.float64], colors: NDArray[np.float64]) -> None:
    space.scatter(*points.T, c=colors, cmap=style.COORDINATE, s=14, linewidths=0)
    space.set_box_aspect(np.ptp(points, axis=0), zoom=1.15)
    # The edge-on view, slightly raised, shows how a roll is rolled.
    space.view_init(elev=14, azim=-70)
    for axis in (space.xaxis, space.yaxis, space.zaxis):
        axis.pane.set_visible(False)
        axis.set_ticks([])
        axis.line.set_color(style.FAINT)
    _title(space, "Training data")
