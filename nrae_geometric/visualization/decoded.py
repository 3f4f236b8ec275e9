r"""Maps of what a latent plane decodes to, where there are points: images, or one value of them.

Both take the way back from the plane as a function, such as
:meth:`~nrae_geometric.ManifoldAutoencoder.inverse_transform`::

    plot_decoded_images(estimator.inverse_transform, estimator.embedding_, labels=digits)
    plot_decoded_value(estimator.inverse_transform, estimator.embedding_, 0, name="mean radius")
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.visualization import style
from nrae_geometric.visualization.classes import Labels, class_colors

Decode = Callable[[NDArray[np.float64]], Any]
"""A function from latents ``[N, 2]`` to points ``[N, *shape]``."""

_GRID = 150
_LEVELS = 9
# This share of the points lies where they are so rare that they have no region.
_RARE = 0.03


def plot_decoded_images(
    decode: Decode,
    z: Tensor | ArrayLike,
    *,
    labels: Labels | None = None,
    num_columns: int = 20,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draws decoded images on a grid over the latent plane, in the cells that hold points.

    Each is the image at the center of its cell. Images of one channel are ink on white paper, in
    the color that :func:`~nrae_geometric.visualization.plot_embedding` gives the most frequent
    class of the cell.

    Args:
        decode (callable): Maps latents ``[M, 2]`` to images ``[M, H, W]`` or ``[M, C, H, W]`` with
            values in 0..1.
        z (torch.Tensor or array_like): Latents of the points ``[N, 2]``.
        labels (sequence, optional): The class of each point ``[N]``. (default: :obj:`None`)
        num_columns (int, optional): The number of cells along the longer side of the plane.
            (default: :obj:`20`)
        title (str, optional): The title. (default: :obj:`None`)
        ax (matplotlib.axes.Axes, optional): The axes to draw on. (default: those of a new figure
            of :mod:`matplotlib.pyplot`)

    Returns:
        matplotlib.axes.Axes: The axes.

    Raises:
        ValueError: If latents are no plane, or images have neither one nor three channels.
    """
    latents = _plane(z)
    num_columns = integer("num_columns", num_columns, 1)
    low = latents.min(axis=0)
    side = (np.ptp(latents, axis=0).max() or 1.0) * (1 + 1e-9) / num_columns
    cell = np.floor((latents - low) / side).astype(int)
    cells, place = np.unique(cell, axis=0, return_inverse=True)
    images = style.as_images(decode(low + (cells + 0.5) * side))
    if images.ndim == 3:
        ink = np.array([to_rgb(style.INK)] * len(cells))
        if labels is not None:
            ink = _usual_color(labels, place.ravel(), len(cells))
        images = 1 - images[..., None] * (1 - ink[:, None, None])
    columns, rows = cells.max(axis=0) + 1
    # One picture of all cells, with a free pixel around each, is a single artist.
    size = max(images.shape[1:3]) + 1
    canvas = np.zeros((rows * size, columns * size, 4))
    for (column, row), image in zip(cells, images, strict=True):
        height, width = image.shape[:2]
        top = (rows - 1 - row) * size + (size - height) // 2
        left = column * size + (size - width) // 2
        canvas[top : top + height, left : left + width, :3] = image
        canvas[top : top + height, left : left + width, 3] = 1
    axes = style.pyplot_figure(6.0, 6.0).subplots() if ax is None else ax
    right, upper = low + side * np.array([columns, rows])
    extent = (low[0], right, low[1], upper)
    axes.imshow(canvas, extent=extent, interpolation="antialiased")
    return _finish(axes, title)


def plot_decoded_value(
    decode: Decode,
    z: Tensor | ArrayLike,
    column: int,
    *,
    name: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draws how one value of the decoded points varies over the latent plane, where points are.

    Args:
        decode (callable): Maps latents ``[M, 2]`` to points ``[M, *shape]``.
        z (torch.Tensor or array_like): Latents of the points ``[N, 2]``.
        column (int): The value's place in a point, counted from 0.
        name (str, optional): Its name, the title. (default: :obj:`None`)
        ax (matplotlib.axes.Axes, optional): The axes to draw on. (default: those of a new figure
            of :mod:`matplotlib.pyplot`)

    Returns:
        matplotlib.axes.Axes: The axes.

    Raises:
        IndexError: If points have no such value.
        ValueError: If latents are no plane.
    """
    latents = _plane(z)
    first, second, density = _density(latents)
    grid = np.stack(np.meshgrid(first, second), axis=-1)
    decoded = style.as_array(decode(grid.reshape(-1, 2)))
    value = decoded.reshape(_GRID * _GRID, -1)[:, column].reshape(_GRID, _GRID)
    inside = value[density >= 1]
    levels = MaxNLocator(_LEVELS).tick_values(inside.min(), inside.max())
    value = value.clip(levels[0], levels[-1])
    axes = style.pyplot_figure(4.6, 4.0).subplots() if ax is None else ax
    shades = axes.contourf(first, second, value, levels, cmap=style.COORDINATE)
    axes.contour(first, second, value, levels, colors="white", linewidths=0.5, alpha=0.6)
    # What lies outside is painted over, so that the border is as smooth as the density.
    axes.contourf(first, second, density, [-np.inf, 1], colors="white")
    axes.contour(first, second, density, [1], colors=style.MUTED, linewidths=0.8)
    ticks = levels[:: max(1, len(levels) // 4)]
    style.color_bar(shades, [axes], aspect=20, shrink=0.9, ticks=ticks)
    _finish(axes, name)
    region = grid[density >= 1]
    low, high = region.min(axis=0), region.max(axis=0)
    margin = np.where(high > low, 0.03 * (high - low), 1.0)
    (left, bottom), (right, top) = low - margin, high + margin
    axes.set(xlim=(left, right), ylim=(bottom, top))
    return axes


def _plane(z: Tensor | ArrayLike) -> NDArray[np.float64]:
    latents = style.as_array(z)
    if latents.ndim != 2 or latents.shape[1] != 2 or len(latents) == 0:
        raise ValueError(f"z has shape {latents.shape}; expected [N, 2] of at least one point")
    return latents


def _density(latents: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Returns a grid's coordinates, and on it the density of points, 1 where their region ends.

    It is a Gaussian kernel's, with a bandwidth by Scott's rule (Multivariate Density Estimation,
    1992).
    """
    bandwidth = latents.std(axis=0).max() * len(latents) ** (-1 / 6) or 1.0
    edges = [
        np.linspace(low - 2 * bandwidth, high + 2 * bandwidth, _GRID + 1)
        for low, high in zip(latents.min(axis=0), latents.max(axis=0), strict=True)
    ]
    count = np.histogramdd(latents, edges)[0]
    density = gaussian_filter(count, [bandwidth / (edge[1] - edge[0]) for edge in edges])
    lowest = np.quantile(np.repeat(density.ravel(), count.ravel().astype(int)), _RARE)
    first, second = ((edge[1:] + edge[:-1]) / 2 for edge in edges)
    return first, second, density.T / lowest


def _usual_color(labels: Labels, place: NDArray[np.int64], num_cells: int) -> NDArray[np.float64]:
    """Returns the color ``[num_cells, 3]`` of the most frequent class of each cell."""
    classes = class_colors(labels)
    if classes is None:
        raise ValueError("labels are numbers of more than ten values, which have no class each")
    counts = np.stack([np.bincount(place[where], minlength=num_cells) for _, _, where in classes])
    return np.array([to_rgb(color) for _, color, _ in classes])[counts.argmax(axis=0)]


def _finish(axes: Axes, title: str | None) -> Axes:
    style.style_plane(axes, fills=False)  # nothing is known outside of the map
    if title is not None:
        style.title_axes(axes, title)
    return axes
