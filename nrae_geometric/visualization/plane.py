"""Elements of pictures of planar points: the window, the points, the true manifold."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nrae_geometric.visualization import style


def window_around(*points: NDArray[np.float64], margin: float = 0.12) -> NDArray[np.float64]:
    """Returns lower left and upper right corner, [2, 2], around all points and a margin."""
    together = np.concatenate(points)
    low, high = together.min(axis=0), together.max(axis=0)
    pad = margin * np.maximum(high - low, 1e-6)
    return np.stack([low - pad, high + pad])


def set_window(axes: Axes, corners: NDArray[np.float64]) -> None:
    """Shows a window, undistorted unless that would leave a sliver."""
    axes.set_xlim(*corners[:, 0])
    axes.set_ylim(*corners[:, 1])
    if is_undistorted(corners):
        axes.set_aspect("equal")
    style.style_axes(axes)


def is_undistorted(corners: NDArray[np.float64]) -> bool:
    """Returns whether a window's sides are near enough to show both axes at one scale."""
    width, height = np.ptp(corners, axis=0)
    return bool(1 / 2 <= width / height <= 5)


def true_manifold(points: NDArray[np.float64]) -> Line2D:
    """Returns the broad pale line of the true manifold."""
    return Line2D(
        *points.T, color=style.FAINT, linewidth=6, solid_capstyle="round", label="true manifold"
    )


def training_points(points: NDArray[np.float64]) -> Line2D:
    """Returns the marks of the training points."""
    return Line2D(
        *points.T,
        linestyle="none",
        marker="o",
        markersize=5.5,
        color=style.INK,
        markeredgecolor="white",
        markeredgewidth=0.7,
        label="training points",
    )


def learned_curve(points: NDArray[np.float64]) -> Line2D:
    """Returns the line of the learned manifold."""
    return Line2D(*points.T, color=style.BLUE, linewidth=2.4, label="learned manifold")
