r"""Figures of one or several models: losses, learned curves, latent planes, latent traversals.

Each function returns a :class:`matplotlib.figure.Figure` that no window or notebook owns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D
from numpy.typing import NDArray
from torch import Tensor

from nrae_geometric.visualization import plane, style

_DASHES = ("-", "--", "-.", ":")


def plot_losses(histories: Mapping[str, Sequence[float]]) -> Figure:
    """Draws the training losses of one or several models over the epochs, on a log scale.

    Losses of different models are different functions: an autoencoder's is a mean over data
    dimensions, an NRAE's a weighted sum over neighborhoods. Compare shapes, not heights.

    Args:
        histories (Mapping[str, Sequence[float]]): For each model its name and its
            mean loss in every epoch.
    """
    if not histories:
        raise ValueError("histories is empty; give at least one name with its losses")
    figure = style.new_figure(7.2, 4.2)
    axes = figure.add_axes((0.12, 0.14, 0.85, 0.76))
    styles = zip(cycle(style.MODELS), cycle(_DASHES), strict=False)
    for (name, losses), (color, dashes) in zip(histories.items(), styles, strict=False):
        axes.plot(range(len(losses)), losses, dashes, color=color, linewidth=1.8, label=name)
    axes.set_yscale("log")
    axes.margins(x=0.01)
    style.style_axes(axes)
    axes.grid(axis="y", color=style.FAINT, linewidth=0.6)
    axes.set_xlabel("epoch", fontsize=style.LABEL_SIZE, color=style.INK)
    axes.set_ylabel("training loss", fontsize=style.LABEL_SIZE, color=style.INK)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=len(histories),
        frameon=False,
        fontsize=style.LABEL_SIZE,
        labelcolor=style.INK,
    )
    return figure


# Inches: of the panels of learned curves, of latent planes, and of the cells of a traversal.
_PANEL_WIDTH, _GAP, _LEFT, _RIGHT, _TOP, _BOTTOM = 4.4, 0.35, 0.65, 0.2, 1.1, 0.8
_SPACE, _PLANE, _PLANE_GAP, _SCALE, _PLANE_BOTTOM, _PLANE_HEIGHT = 4.7, 3.4, 1.0, 1.3, 0.65, 5.2
_CELL, _LABEL, _CELL_TOP, _CELL_BOTTOM = 0.8, 1.5, 0.15, 0.45


@dataclass(frozen=True)
class CurvePanel:
    r"""One model's learned curve.

    Args:
        title (str): Name of the model.
        curve (torch.Tensor): Its learned manifold in order, of shape :obj:`[P, 2]`; see
            :func:`~nrae_geometric.nn.traversal.decode_latent_range`.
        metrics (Mapping[str, float], optional): Names and values for the line below the title.
            (default: none)
        latent_order (float, optional): :math:`|\rho|`, Spearman's, between the latent coordinate
            and the true one, 1 where the model has found the right connectivity; :obj:`None`
            where the truth is not known. (default: :obj:`None`)
    """

    title: str
    curve: Tensor
    metrics: Mapping[str, float] = field(default_factory=dict)
    latent_order: float | None = None


def plot_learned_curves(
    panels: Sequence[CurvePanel], points: Tensor, manifold: Tensor | None = None
) -> Figure:
    r"""Draws the curves that several models have learned from the same planar points.

    A model whose latent coordinate does not follow the true one (:math:`|\rho|` below 0.99) is
    marked as having the wrong connectivity.

    Args:
        panels (Sequence): One for each model, at least one.
        points (torch.Tensor): The training points, of shape :obj:`[N, 2]`.
        manifold (torch.Tensor, optional): The true manifold in order, of shape :obj:`[M, 2]`.
            (default: :obj:`None`)
    """
    if not panels:
        raise ValueError("panels is empty; give at least one CurvePanel")
    truth = [] if manifold is None else [style.as_array(manifold)]
    shown = style.as_array(points)
    corners = plane.window_around(shown, *truth)
    width, height = _size(len(panels), corners)
    figure = style.new_figure(width, height)
    for i, panel in enumerate(panels):
        axes = figure.add_axes(
            (
                (_LEFT + i * (_PANEL_WIDTH + _GAP)) / width,
                _BOTTOM / height,
                _PANEL_WIDTH / width,
                1 - (_TOP + _BOTTOM) / height,
            )
        )
        plane.set_window(axes, corners)
        axes.tick_params(labelleft=i == 0)
        lines = [plane.true_manifold(line) for line in truth]
        lines.append(plane.learned_curve(style.as_array(panel.curve)))
        lines.append(plane.training_points(shown))
        for line in lines:
            axes.add_line(line)
        style.caption(axes, panel.title, panel.metrics, panel.latent_order)
    style.legend_below(figure.axes, {str(line.get_label()): line for line in lines}, columns=3)
    return figure


def _size(num_panels: int, corners: NDArray[np.float64]) -> tuple[float, float]:
    width, height = np.ptp(corners, axis=0)
    ratio = height / width if plane.is_undistorted(corners) else 0.6
    return (
        _LEFT + _RIGHT + num_panels * _PANEL_WIDTH + (num_panels - 1) * _GAP,
        _TOP + _BOTTOM + _PANEL_WIDTH * float(ratio),
    )


@dataclass(frozen=True)
class LatentPanel:
    r"""One model's latent plane.

    Args:
        title (str): Name of the model.
        latent (torch.Tensor): Latents of the training points, of shape :obj:`[N, 2]`.
        metrics (Mapping[str, float], optional): Names and values for the line below the title.
            (default: none)
        latent_order (float, optional): :math:`|\rho|`, Spearman's, between the learned and the
            true coordinate, 1 where the model has found the right connectivity; :obj:`None` where
            the truth is not known. (default: :obj:`None`)
    """

    title: str
    latent: Tensor
    metrics: Mapping[str, float] = field(default_factory=dict)
    latent_order: float | None = None


def plot_latent_planes(
    panels: Sequence[LatentPanel],
    points: Tensor,
    coordinate: Tensor,
    *,
    coordinate_name: str = "true coordinate",
) -> Figure:
    """Draws points in space beside the latent planes of several models, colored alike.

    Args:
        panels (Sequence): One for each model, at least one.
        points (torch.Tensor): The training points, of shape :obj:`[N, 3]`.
        coordinate (torch.Tensor): The true coordinate that colors each point, of shape :obj:`[N]`.
        coordinate_name (str, optional): The coordinate with its unit.
            (default: :obj:`"true coordinate"`)
    """
    if not panels:
        raise ValueError("panels is empty; give at least one LatentPanel")
    if points.dim() != 2 or points.size(1) != 3:
        raise ValueError(f"points has shape {tuple(points.shape)}; expected [N, 3]")
    if coordinate.numel() != points.size(0):
        raise ValueError(
            f"coordinate has shape {tuple(coordinate.shape)}; expected one value for each of the "
            f"{points.size(0)} points"
        )
    width = _SPACE + len(panels) * (_PLANE + _PLANE_GAP) - _PLANE_GAP + _SCALE
    figure = style.new_figure(width, _PLANE_HEIGHT)
    bottom, height = _PLANE_BOTTOM / _PLANE_HEIGHT, _PLANE / _PLANE_HEIGHT
    marks: dict[str, Any] = {
        "c": style.as_array(coordinate).ravel(),
        "cmap": style.COORDINATE,
        "s": 14,
        "linewidths": 0,
    }
    space = figure.add_axes(
        (0.25 / width, 0, (_SPACE - 0.75) / width, bottom + height), projection="3d"
    )
    assert isinstance(space, Axes3D)
    _draw_space(space, style.as_array(points), marks)
    style.caption(space, "Training data", {}, None)
    for i, panel in enumerate(panels):
        left = (_SPACE + i * (_PLANE + _PLANE_GAP)) / width
        axes = figure.add_axes((left, bottom, _PLANE / width, height))
        axes.scatter(*style.as_array(panel.latent).T, **marks)
        axes.set_aspect("equal", adjustable="datalim")
        style.style_axes(axes)
        axes.set_xlabel("latent z₁", fontsize=style.LABEL_SIZE, color=style.INK)
        axes.set_ylabel("latent z₂", fontsize=style.LABEL_SIZE, color=style.INK)
        style.caption(axes, panel.title, panel.metrics, panel.latent_order)
    scale = figure.add_axes((1 - (_SCALE - 0.3) / width, bottom, 0.15 / width, height))
    bar = figure.colorbar(axes.collections[0], cax=scale)
    bar.set_label(coordinate_name, fontsize=style.LABEL_SIZE, color=style.INK)
    bar.ax.tick_params(labelsize=style.TICK_SIZE)
    bar.outline.set_visible(False)
    return figure


def _draw_space(space: Axes3D, points: NDArray[np.float64], marks: dict[str, Any]) -> None:
    space.scatter(*points.T, **marks)
    space.set_box_aspect(np.ptp(points, axis=0), zoom=1.15)
    # The edge-on view, slightly raised, shows how a roll is rolled.
    space.view_init(elev=14, azim=-70)
    for axis in (space.xaxis, space.yaxis, space.zaxis):
        axis.pane.set_visible(False)
        axis.set_ticks([])
        axis.line.set_color(style.FAINT)


def plot_latent_traversal(
    strips: Mapping[str, Tensor], *, num_images: int = 12, axis: str = "latent z"
) -> Figure:
    """Draws strips of images along the latent axis, one row for each model.

    Args:
        strips (Mapping[str, torch.Tensor]): For each row its name and its images in order,
            :obj:`[G, C, H, W]` or :obj:`[G, H, W]` with values in 0..1.
        num_images (int, optional): Number of images a row shows, evenly spread over the strip,
            ends included. (default: :obj:`12`)
        axis (str, optional): The label of the direction to the right.
            (default: :obj:`"latent z"`)
    """
    if not strips:
        raise ValueError("strips is empty; give at least one name with its images")
    width = _LABEL + num_images * _CELL + 0.15
    height = _CELL_TOP + len(strips) * _CELL + _CELL_BOTTOM
    figure = style.new_figure(width, height)
    for row, (name, images) in enumerate(strips.items()):
        pictures = style.as_pictures(style.as_array(images))
        bottom = (height - _CELL_TOP - (row + 1) * _CELL) / height
        figure.text(
            (_LABEL - 0.15) / width,
            bottom + 0.5 * _CELL / height,
            name,
            ha="right",
            va="center",
            fontsize=13,
            weight="bold",
            color=style.INK,
        )
        places = np.linspace(0, len(pictures) - 1, num_images).round().astype(int)
        for column, place in enumerate(places):
            left = (_LABEL + column * _CELL) / width
            cell = (left, bottom, 0.94 * _CELL / width, 0.94 * _CELL / height)
            style.show_picture(figure.add_axes(cell), pictures[place])
    figure.text(
        (_LABEL + num_images * _CELL / 2) / width,
        0.2 / height,
        f"{axis} →",
        ha="center",
        va="center",
        fontsize=style.LABEL_SIZE,
        color=style.MUTED,
    )
    return figure
