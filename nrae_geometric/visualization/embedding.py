r"""Pictures of latent coordinates alone, whatever the number of them.

Two coordinates are a plane. One is a line, which is drawn as the curve that it decodes to, over
the points in the plane that they vary most in. Of more, every pair of the first few is a plane.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from torch import Tensor

from nrae_geometric.visualization import style
from nrae_geometric.visualization.classes import Labels, class_colors

_MOST_POINTS = 30_000
_MOST_COORDINATES = 4
# One for each class that has a color, and one for the others.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", ".")
_BINS = 60
_PLANES_IN_A_ROW = 3
# Names of classes so short are written among the points, and so long in a legend.
_SHORT, _LONG = 3, 30


def plot_embedding(
    z: Tensor | ArrayLike,
    *,
    x: Tensor | ArrayLike | None = None,
    curve: Tensor | ArrayLike | None = None,
    labels: Labels | None = None,
    label_name: str = "label",
    title: str | None = None,
    ax: style.AxesLike | None = None,
) -> Any:
    """Draws latent coordinates, colored by labels where there are some.

    Numbers of more than ten values are colored as a quantity, all else as classes, the ten most
    frequent with a color and a marker each. Of more than 30 000 points a random part is drawn.

    Args:
        z (torch.Tensor or array_like): Latents ``[N, d]``.
        x (torch.Tensor or array_like, optional): The points ``[N, *shape]``, which are shown where
            ``d`` is 1. (default: :obj:`None`)
        curve (torch.Tensor or array_like, optional): Points ``[P, *shape]`` decoded along the line,
            in order, where ``d`` is 1. (default: :obj:`None`)
        labels (sequence, optional): A number or a text for each point ``[N]``.
            (default: :obj:`None`)
        label_name (str, optional): The meaning of the labels. (default: :obj:`"label"`)
        title (str, optional): The title. (default: :obj:`None`)
        ax (Axes, Sequence[Axes] or numpy.ndarray, optional): Axes to draw on: one for a plane; of
            more than two coordinates one for each pair of the first four; of one coordinate one for
            the number of points, after one for the points where ``x`` is given. On a single
            axes, names of classes of up to three characters are written in the middle of the class.
            (default: those of a new figure of :mod:`matplotlib.pyplot`)

    Returns:
        matplotlib.axes.Axes or numpy.ndarray: The axes of a plane, or an array of all axes; of
        axes of one's own, one where one was given.

    Raises:
        ValueError: If there are no latents ``[N, d]``, not one label for each, or not as many axes
            as are needed.
    """
    latents = style.as_array(z)
    if latents.ndim != 2 or latents.size == 0:
        raise ValueError(f"z has shape {latents.shape}; expected [N, d] of at least one point")
    if labels is not None and len(labels) != len(latents):
        raise ValueError(f"there are {len(labels)} labels for {len(latents)} points")
    shown = _shown(len(latents))
    colors = _Colors(None if labels is None else np.asarray(labels), shown, label_name)
    points = _rows(x, len(latents)) if latents.shape[1] == 1 else None
    pairs = _pairs(latents.shape[1])
    if ax is None:
        axes_of = _new_axes(pairs, points is not None, style.pyplot_figure)
    else:
        axes_of = style.given_axes(ax, *_needed(pairs, points is not None))
    style.title_panels(list(axes_of), title)  # before there are color bars
    if pairs:
        for axes, (i, j) in zip(axes_of, pairs, strict=True):
            colors.scatter(axes, latents[shown, i], latents[shown, j])
            names = (f"latent z{_subscript(i + 1)}", f"latent z{_subscript(j + 1)}")
            style.style_plane(axes, *names, fills=not isinstance(ax, Axes))
        if isinstance(ax, Axes) and colors.are_short:
            colors.write_names(axes_of[0], latents[shown])
        else:
            colors.explain(axes_of, _last_of_first_row(len(pairs)))
    else:
        if points is not None:
            _draw_curve(axes_of[0], points[shown], latents[shown, 0], curve, colors)
        colors.histogram(axes_of[-1], latents[shown, 0])
        style.style_axes(axes_of[-1], "latent z", "number of points")
        if colors.classes:
            colors.explain(axes_of, -1)
    return axes_of[0] if ax is None and len(pairs) == 1 else style.returned(ax, axes_of)


def embedding_axes(
    z: Tensor | ArrayLike, x: Tensor | ArrayLike | None = None, *, width: float | None = None
) -> NDArray[Any]:
    """Returns axes for :func:`plot_embedding`, on a new figure that no window owns.

    Args:
        z (torch.Tensor or array_like): Latents ``[N, d]``.
        x (torch.Tensor or array_like, optional): The points ``[N, *shape]``.
            (default: :obj:`None`)
        width (float, optional): The width of the figure in inches. (default: as
            :func:`plot_embedding` has it)
    """
    latents = style.as_array(z)
    points = _rows(x, len(latents)) if latents.shape[1] == 1 else None
    axes_of = _new_axes(_pairs(latents.shape[1]), points is not None, style.new_figure)
    if width is not None:
        figure = axes_of[0].figure
        size = figure.get_size_inches()
        figure.set_size_inches(size * width / size[0])
    return axes_of


class _Colors:
    """What the points that are shown look like, by their labels."""

    def __init__(self, labels: NDArray[Any] | None, shown: NDArray[np.int64], name: str) -> None:
        self.name = name
        self.values: NDArray[np.float64] | None = None
        self.classes: list[tuple[str, str, str, NDArray[np.bool_]]] = []
        if labels is None:
            return
        classes = class_colors(labels)
        if classes is None:
            self.values = labels[shown].astype(np.float64)
            return
        for (text, color, where), marker in zip(classes, _MARKERS, strict=False):
            if where[shown].any():
                self.classes.append((text[:_LONG], color, marker, where[shown]))

    def scatter(self, axes: Axes, first: NDArray[Any], second: NDArray[Any]) -> None:
        """Draws points, those of classes without a color below."""
        look: dict[str, Any] = {"linewidths": 0, "rasterized": True}
        size, alpha = _size(len(first))
        if self.values is not None:
            self.mappable = axes.scatter(
                first, second, c=self.values, cmap=style.COORDINATE, s=size, alpha=alpha, **look
            )
        elif not self.classes:
            axes.scatter(first, second, color=style.BLUE, s=size, alpha=alpha, **look)
        for _, color, marker, where in reversed(self.classes):
            axes.scatter(
                first[where], second[where], color=color, marker=marker, s=size, alpha=alpha, **look
            )

    def histogram(self, axes: Axes, values: NDArray[np.float64]) -> None:
        """Draws how many points have a latent, by class."""
        num_bins = min(_BINS, max(10, len(values) // 10))
        bins = np.histogram_bin_edges(values, num_bins).tolist()
        if not self.classes:
            axes.hist(values, bins, color=style.BLUE)
            return
        axes.hist(
            [values[where] for *_, where in self.classes],
            bins,
            color=[color for _, color, *_ in self.classes],
            stacked=True,
        )

    @property
    def are_short(self) -> bool:
        """Whether there are classes whose names can be written among the points."""
        return bool(self.classes) and max(len(text) for text, *_ in self.classes) <= _SHORT

    def explain(self, axes_of: Sequence[Axes] | NDArray[Any], beside: int) -> None:
        """Adds a color bar to axes, or a legend to those of a number, where there are labels."""
        if self.values is not None:
            style.color_bar(self.mappable, list(axes_of), self.name)
        elif self.classes:
            handles = [
                Line2D([], [], linestyle="", color=color, marker=marker, markersize=6)
                for _, color, marker, _ in self.classes
            ]
            names = [text for text, *_ in self.classes]
            style.legend_beside(axes_of[beside], handles, names, self.name)

    def write_names(self, axes: Axes, latents: NDArray[np.float64]) -> None:
        """Writes the name of each class in its middle."""
        for text, *_, where in self.classes:
            first, second = np.median(latents[where], axis=0)
            axes.text(
                first,
                second,
                text,
                ha="center",
                va="center",
                fontsize=style.TITLE_SIZE + 1,
                weight="bold",
                color=style.INK,
                path_effects=[withStroke(linewidth=4, foreground="white")],
            )


def _shown(num_points: int) -> NDArray[np.int64]:
    """Places of the points to draw, in random order so that no class lies above another."""
    return np.random.default_rng(0).permutation(num_points)[:_MOST_POINTS]


def _size(num_points: int) -> tuple[float, float]:
    size = float(np.clip(24_000 / max(num_points, 1), 2.5, 32))
    return size, 0.9 if num_points < 2000 else 0.6


def _rows(x: Tensor | ArrayLike | None, num_points: int) -> NDArray[np.float64] | None:
    """Returns points ``[N, D]``, unless they have no plane."""
    rows = None if x is None else style.as_array(x).reshape(num_points, -1)
    return None if rows is None or rows.shape[1] < 2 else rows


def _pairs(dim: int) -> list[tuple[int, int]]:
    """Returns the coordinates of each plane."""
    return list(combinations(range(min(dim, _MOST_COORDINATES)), 2))


def _needed(pairs: Sequence[tuple[int, int]], has_points: bool) -> tuple[int, str]:
    """Returns the number of axes, and what each is for."""
    if pairs:
        return len(pairs), "one for each pair of latent coordinates"
    if has_points:
        return 2, "one for the points, and one for their number along the latent line"
    return 1, "the number of points along the latent line"


def _new_axes(
    pairs: Sequence[tuple[int, int]], has_points: bool, make: style.FigureMaker
) -> NDArray[Any]:
    if not pairs:
        if not has_points:
            return np.asarray(make(6.0, 3.2).subplots(1, 1, squeeze=False)[0])
        return np.asarray(make(style.PAGE, 3.4).subplots(1, 2, width_ratios=[1.2, 1]))
    num_columns = min(_PLANES_IN_A_ROW, len(pairs))
    num_rows = -(-len(pairs) // num_columns)
    size = (6.0, 4.8) if len(pairs) == 1 else (style.PAGE, 2.0 * num_rows + 1.1)
    return np.asarray(make(*size).subplots(num_rows, num_columns, squeeze=False).ravel())


def _last_of_first_row(num: int) -> int:
    return min(num, _PLANES_IN_A_ROW) - 1


def _draw_curve(
    axes: Axes,
    points: NDArray[np.float64],
    latent: NDArray[np.float64],
    curve: Tensor | ArrayLike | None,
    colors: _Colors,
) -> None:
    """Draws points in the plane of their greatest variance, and the line that they decode to."""
    line = None if curve is None else style.as_array(curve)
    line = None if line is None else line.reshape(len(line), -1)
    names = ("x₁", "x₂")
    if points.shape[1] > 2:
        # In a unit in which squares neither overflow nor vanish.
        unit = np.abs(points).max() or 1.0
        plane = PCA(2, random_state=0).fit(points / unit)
        points = plane.transform(points / unit) * unit
        line = None if line is None else plane.transform(line / unit) * unit
        names = ("first principal component", "second principal component")
    if colors.classes:
        colors.scatter(axes, *points.T)
    else:
        by_latent = _Colors(None, np.arange(0), "latent z")
        by_latent.values = latent if colors.values is None else colors.values
        by_latent.name = "latent z" if colors.values is None else colors.name
        by_latent.scatter(axes, *points.T)
        by_latent.explain([axes], 0)
    if line is not None:
        axes.plot(*line.T, color=style.INK, linewidth=1.8, label="decoded line")
        # Above the axes, where it hides nothing, unless a title is there.
        is_free = style.makes_room(axes) and not axes.get_title("left")
        place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1)} if is_free else {}
        style.legend_inside(axes, *axes.get_legend_handles_labels(), **place)
    style.style_plane(axes, *names)


def _subscript(number: int) -> str:
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(number))
