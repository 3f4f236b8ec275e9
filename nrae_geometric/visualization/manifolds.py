"""Several models of the same planar points, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from nrae_geometric.visualization import palette, plane
from nrae_geometric.visualization.captions import caption

_PANEL_WIDTH, _GAP, _LEFT, _RIGHT, _TOP, _BOTTOM = 4.4, 0.35, 0.65, 0.2, 1.1, 0.8


@dataclass(frozen=True)
class ManifoldPanel:
    """One model's learned curve.

    Args:
        title: Name of the model.
        curve: Its learned manifold in order, shape :obj:`[P, 2]`; see :func:`decode_latent_range`.
        metrics: Names and values for the line below the title.
        latent_order: \\|Spearman\\| between the latent coordinate and the true one, 1 where the
            model has found the right connectivity; :obj:`None` where the truth is not known.
    """

    title: str
    curve: Tensor
    metrics: Mapping[str, float] = field(default_factory=dict)
    latent_order: float | None = None


def plot_manifolds(
    panels: Sequence[ManifoldPanel], points: Tensor, manifold: Tensor | None = None
) -> Figure:
    """Draw what several models have made of the same planar points, side by side.

    A model whose latent coordinate does not follow the true one (\\|Spearman\\| below 0.99) is
    marked as having the wrong connectivity.

    Args:
        panels: One for each model, at least one.
        points: The training points, shape :obj:`[N, 2]`.
        manifold: The true manifold in order, shape :obj:`[M, 2]`.
    """
    if not panels:
        raise ValueError("panels is empty; give at least one ManifoldPanel")
    truth = [] if manifold is None else [palette.as_array(manifold)]
    shown = palette.as_array(points)
    corners = plane.tight_window(shown, *truth)
    width, height = _size(len(panels), corners)
    figure = palette.new_figure(width, height)
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
        lines.append(plane.learned_curve(palette.as_array(panel.curve)))
        lines.append(plane.training_points(shown))
        for line in lines:
            axes.add_line(line)
        caption(axes, panel.title, panel.metrics, panel.latent_order)
    palette.legend_below(figure.axes, {str(line.get_label()): line for line in lines}, columns=3)
    return figure


def _size(num_panels: int, corners: NDArray[np.float64]) -> tuple[float, float]:
    width, height = np.ptp(corners, axis=0)
    ratio = height / width if plane.is_undistorted(corners) else 0.6
    return (
        _LEFT + _RIGHT + num_panels * _PANEL_WIDTH + (num_panels - 1) * _GAP,
        _TOP + _BOTTOM + _PANEL_WIDTH * float(ratio),
    )
