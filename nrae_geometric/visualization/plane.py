"""What all pictures of planar points share: the window, the points, the true manifold."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nrae_geometric.visualization import palette

#: The window of the published plots.
PUBLISHED_WINDOW = np.array([[-4.0, -1.5], [4.0, 1.5]])


def tight_window(*points: NDArray[np.float64], margin: float = 0.12) -> NDArray[np.float64]:
    """Return lower left and upper right corner, [2, 2], around all points and a margin."""
    together = np.concatenate(points)
    low, high = together.min(axis=0), together.max(axis=0)
    pad = margin * np.maximum(high - low, 1e-6)
    return np.stack([low - pad, high + pad])


def window(*points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the published window where the points fit into and fill it, else a tight one."""
    together = np.concatenate(points)
    low, high = together.min(axis=0), together.max(axis=0)
    fits = (low >= PUBLISHED_WINDOW[0]).all() and (high <= PUBLISHED_WINDOW[1]).all()
    fills = ((high - low) >= 0.4 * np.ptp(PUBLISHED_WINDOW, axis=0)).all()
    return PUBLISHED_WINDOW if fits and fills else tight_window(*points)


def set_window(axes: Axes, corners: NDArray[np.float64]) -> None:
    """Show a window, undistorted unless that would leave a sliver."""
    axes.set_xlim(*corners[:, 0])
    axes.set_ylim(*corners[:, 1])
    if is_undistorted(corners):
        axes.set_aspect("equal")
    palette.style_axes(axes)


def is_undistorted(corners: NDArray[np.float64]) -> bool:
    """Tell whether a window's sides are near enough to show both axes at one scale."""
    width, height = np.ptp(corners, axis=0)
    return bool(1 / 2 <= width / height <= 5)


def true_manifold(points: NDArray[np.float64]) -> Line2D:
    """Return the broad pale line of the true manifold."""
    return Line2D(
        *points.T, color=palette.FAINT, linewidth=6, solid_capstyle="round", label="true manifold"
    )


def training_points(points: NDArray[np.float64]) -> Line2D:
    """Return the marks of the training points."""
    return Line2D(
        *points.T,
        linestyle="none",
        marker="o",
        markersize=5.5,
        color=palette.INK,
        markeredgecolor="white",
        markeredgewidth=0.7,
        label="training points",
    )


def learned_curve(points: NDArray[np.float64]) -> Line2D:
    """Return the line of the learned manifold."""
    return Line2D(*points.T, color=palette.BLUE, linewidth=2.4, label="learned manifold")
