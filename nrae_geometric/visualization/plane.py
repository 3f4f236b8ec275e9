"""Planar points: the window that shows them, and the marks and lines that they are drawn with."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nrae_geometric.visualization import style

PUBLISHED_WINDOW = np.array([[-4.0, -1.5], [4.0, 1.5]])
"""Lower left and upper right corner of the published plots."""


def window(*points: NDArray[np.float64], margin: float = 0.08) -> NDArray[np.float64]:
    """Returns lower left and upper right corner, :obj:`[2, 2]`, of the part of the plane to show.

    It is that of the published plots where the points fit into it and take up most of its width
    and of its height, as the sine curve does, and else one around the points with a margin.

    Args:
        *points (numpy.ndarray): The points, :obj:`[N, 2]` each.
        margin (float, optional): The margin as a fraction of the points' extent in each
            direction. (default: :obj:`0.08`)
    """
    together = np.concatenate(points)
    low, high = together.min(axis=0), together.max(axis=0)
    extent = np.maximum(high - low, 1e-6)
    fits = (low >= PUBLISHED_WINDOW[0]).all() and (high <= PUBLISHED_WINDOW[1]).all()
    if fits and (extent >= 0.6 * np.ptp(PUBLISHED_WINDOW, axis=0)).all():
        return PUBLISHED_WINDOW
    return np.stack([low - margin * extent, high + margin * extent])


def height_over_width(corners: NDArray[np.float64]) -> float:
    """Returns the proportion of a window's axes: its own, unless that would be a sliver."""
    width, height = np.ptp(corners, axis=0)
    return float(height / width) if _has_equal_scales(corners) else 0.5


def set_window(axes: Axes, corners: NDArray[np.float64]) -> None:
    """Shows a window, both directions at one scale unless that would leave a sliver."""
    axes.set_xlim(*corners[:, 0])
    axes.set_ylim(*corners[:, 1])
    if _has_equal_scales(corners):
        axes.set_aspect("equal")
    style.style_axes(axes)


def _has_equal_scales(corners: NDArray[np.float64]) -> bool:
    width, height = np.ptp(corners, axis=0)
    return bool(1 / 2 <= width / height <= 5)


def true_manifold(points: NDArray[np.float64], size: float = 1) -> Line2D:
    """Returns the broad pale line of the true manifold, :obj:`[M, 2]`."""
    return Line2D(
        *points.T,
        color=style.FAINT,
        linewidth=6 * size,
        solid_capstyle="round",
        label="true manifold",
    )


def training_points(points: NDArray[np.float64], size: float = 1) -> Line2D:
    """Returns the marks of the training points, :obj:`[N, 2]`."""
    return Line2D(
        *points.T,
        linestyle="none",
        marker="o",
        markersize=5.5 * size,
        color=style.INK,
        markeredgecolor="white",
        markeredgewidth=0.7 * size,
        label="training points",
    )


def learned_curve(points: NDArray[np.float64], size: float = 1) -> Line2D:
    """Returns the line of the learned manifold, :obj:`[P, 2]`."""
    return Line2D(*points.T, color=style.BLUE, linewidth=2.4 * size, label="learned manifold")
