"""Points in space, and the latent planes that several models have unrolled them into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D
from numpy.typing import NDArray
from torch import Tensor

from nrae_geometric.visualization import palette
from nrae_geometric.visualization.captions import caption

_SPACE, _PANEL, _GAP, _SCALE, _BOTTOM, _HEIGHT = 4.7, 3.4, 1.0, 1.3, 0.65, 5.2


@dataclass(frozen=True)
class LatentPanel:
    """One model's latent plane.

    Args:
        title: Name of the model.
        latent: Latents of the training points, shape :obj:`[N, 2]`.
        metrics: Names and values for the line below the title.
        latent_order: \\|Spearman\\| between the learned and the true coordinate, 1 where the model
            has found the right connectivity; :obj:`None` where the truth is not known.
    """

    title: str
    latent: Tensor
    metrics: Mapping[str, float] = field(default_factory=dict)
    latent_order: float | None = None


def plot_latents(
    panels: Sequence[LatentPanel],
    points: Tensor,
    coordinate: Tensor,
    *,
    coordinate_name: str = "true coordinate",
) -> Figure:
    """Draw points in space beside the latent planes of several models, colored alike.

    Args:
        panels: One for each model, at least one.
        points: The training points, shape :obj:`[N, 3]`.
        coordinate: The true coordinate that colors each point, shape :obj:`[N]`.
        coordinate_name: What the coordinate is, with its unit.
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
    width = _SPACE + len(panels) * (_PANEL + _GAP) - _GAP + _SCALE
    figure = palette.new_figure(width, _HEIGHT)
    bottom, height = _BOTTOM / _HEIGHT, _PANEL / _HEIGHT
    style: dict[str, Any] = {
        "c": palette.as_array(coordinate).ravel(),
        "cmap": palette.COORDINATE,
        "s": 14,
        "linewidths": 0,
    }
    space = figure.add_axes(
        (0.25 / width, 0, (_SPACE - 0.75) / width, bottom + height), projection="3d"
    )
    assert isinstance(space, Axes3D)
    _draw_space(space, palette.as_array(points), style)
    caption(space, "Training data", {}, None)
    for i, panel in enumerate(panels):
        left = (_SPACE + i * (_PANEL + _GAP)) / width
        axes = figure.add_axes((left, bottom, _PANEL / width, height))
        axes.scatter(*palette.as_array(panel.latent).T, **style)
        palette.style_axes(axes)
        axes.set_xlabel("latent z₁", fontsize=palette.LABEL_SIZE, color=palette.INK)
        axes.set_ylabel("latent z₂", fontsize=palette.LABEL_SIZE, color=palette.INK)
        caption(axes, panel.title, panel.metrics, panel.latent_order)
    scale = figure.add_axes((1 - (_SCALE - 0.3) / width, bottom, 0.15 / width, height))
    bar = figure.colorbar(axes.collections[0], cax=scale)
    bar.set_label(coordinate_name, fontsize=palette.LABEL_SIZE, color=palette.INK)
    bar.ax.tick_params(labelsize=palette.TICK_SIZE)
    bar.outline.set_visible(False)
    return figure


def _draw_space(space: Axes3D, points: NDArray[np.float64], style: dict[str, Any]) -> None:
    space.scatter(*points.T, **style)
    space.set_box_aspect(np.ptp(points, axis=0), zoom=1.15)
    # The edge-on view, slightly raised, shows how a roll is rolled.
    space.view_init(elev=14, azim=-70)
    for axis in (space.xaxis, space.yaxis, space.zaxis):
        axis.pane.set_visible(False)
        axis.set_ticks([])
        axis.line.set_color(palette.FAINT)
