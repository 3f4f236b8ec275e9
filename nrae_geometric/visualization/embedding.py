r"""Pictures of latent coordinates alone, whatever the number of them.

Two coordinates are a plane. One is a line, which is drawn as the curve that it decodes to, over
the points in the plane that they vary most in. Of more, every pair of the first few is a plane.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from torch import Tensor

from nrae_geometric.visualization import style

_MOST_POINTS = 30_000
_MOST_COORDINATES = 4
# One color and one marker for each class; more cannot be told apart.
_COLORS = (*style.MODELS, style.INK, "#999999", "#882255", "#999933")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
_BINS = 60
# Names of classes so short are written among the points.
_SHORT = 3

Labels = NDArray[Any] | Sequence[Any]


def plot_embedding(
    z: Tensor | ArrayLike,
    *,
    x: Tensor | ArrayLike | None = None,
    curve: Tensor | ArrayLike | None = None,
    labels: Labels | None = None,
    label_name: str = "label",
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
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
        ax (matplotlib.axes.Axes, optional): The axes to draw a plane on; there, names of
            classes of up to three characters are written in the middle of the class.
            (default: those of a new figure)

    Raises:
        ValueError: If there are no latents ``[N, d]``, not one label for each, or axes for latents
            that are no plane.
    """
    latents = style.as_array(z)
    if latents.ndim != 2 or latents.size == 0:
        raise ValueError(f"z has shape {latents.shape}; expected [N, d] of at least one point")
    if labels is not None and len(labels) != len(latents):
        raise ValueError(f"there are {len(labels)} labels for {len(latents)} points")
    shown = _shown(len(latents))
    colors = _Colors(None if labels is None else np.asarray(labels), shown, label_name)
    if ax is not None:
        return _draw_on(ax, latents[shown], colors, title)
    if latents.shape[1] == 1:
        figure = _draw_line(latents, x, curve, shown, colors)
    else:
        figure = _draw_planes(latents[shown], colors)
    if title is not None:
        figure.suptitle(
            title, x=0.01, ha="left", fontsize=style.TITLE_SIZE, color=style.INK, weight="bold"
        )
    return figure


def class_colors(labels: Labels) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """Returns name, color and points ``[N]`` of each class, as :func:`plot_embedding` has them.

    Raises:
        ValueError: If the labels are a quantity.
    """
    found = _Colors(np.asarray(labels), np.arange(len(labels)), "")
    if found.values is not None:
        raise ValueError(f"labels are numbers of more than {len(_COLORS)} values, not classes")
    looks = zip(found.classes, found.looks(), strict=True)
    return [(name, color, where) for name, (color, _, where) in looks]


class _Colors:
    """What the points that are shown look like, by their labels."""

    def __init__(self, labels: NDArray[Any] | None, shown: NDArray[np.int64], name: str) -> None:
        self.name = name
        self.values: NDArray[np.float64] | None = None
        self.classes: dict[str, NDArray[np.bool_]] = {}
        if labels is None:
            return
        labels = labels[shown]
        is_number = labels.dtype.kind in "fiu"
        names, counts = np.unique(labels, return_counts=True)
        if is_number and len(names) > len(_COLORS):
            self.values = labels.astype(np.float64)
            return
        frequent = names[np.sort(counts.argsort(kind="stable")[::-1][: len(_COLORS)])]
        for label in frequent:
            text = f"{label:g}" if is_number else str(label)[:30] or "(none)"
            self.classes[text] = labels == label
        others = np.isin(labels, frequent, invert=True)
        if others.any():
            self.classes["others"] = others

    def scatter(self, axes: Axes, first: NDArray[Any], second: NDArray[Any]) -> None:
        """Draws points, none of the classes always above the others."""
        look: dict[str, Any] = {"linewidths": 0, "rasterized": True}
        size, alpha = _size(len(first))
        if self.values is not None:
            self.mappable = axes.scatter(
                first, second, c=self.values, cmap=style.COORDINATE, s=size, alpha=alpha, **look
            )
        elif not self.classes:
            axes.scatter(first, second, color=style.BLUE, s=size, alpha=alpha, **look)
        for color, marker, where in self.looks():
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
        parts = list(self.looks())
        axes.hist(
            [values[where] for _, _, where in parts],
            bins,
            color=[color for color, _, _ in parts],
            stacked=True,
        )

    def explain(self, figure: Figure, axes: Sequence[Axes]) -> None:
        """Adds a legend or a color bar, where there are labels."""
        if self.values is not None:
            bar = figure.colorbar(self.mappable, ax=list(axes), aspect=30)
            if bar.solids is not None:
                bar.solids.set_alpha(1)
            bar.set_label(self.name, fontsize=style.LABEL_SIZE, color=style.INK)
            bar.ax.tick_params(labelsize=style.TICK_SIZE)
            bar.outline.set_visible(False)
        elif self.classes:
            figure.legend(**self.legend(), loc="outside right upper")

    def legend(self) -> dict[str, Any]:
        """Returns the arguments of a legend of the classes."""
        return {
            "handles": [
                Line2D([], [], linestyle="", color=color, marker=marker, markersize=7)
                for color, marker, _ in self.looks()
            ],
            "labels": list(self.classes),
            "title": self.name,
            "frameon": False,
            "fontsize": style.TICK_SIZE,
            "labelcolor": style.INK,
        }

    def write_names(self, axes: Axes, latents: NDArray[np.float64]) -> None:
        """Writes the name of each class in its middle."""
        for text, (_, _, where) in zip(self.classes, self.looks(), strict=True):
            first, second = np.median(latents[where], axis=0)
            axes.text(
                first,
                second,
                text,
                ha="center",
                va="center",
                fontsize=style.TITLE_SIZE,
                weight="bold",
                color=style.INK,
                path_effects=[withStroke(linewidth=4, foreground="white")],
            )

    def looks(self) -> list[tuple[str, str, NDArray[np.bool_]]]:
        """Returns color, marker and points of each class."""
        looks = [*zip(_COLORS, _MARKERS, strict=True), (style.FAINT, ".")]
        if "others" in self.classes:  # below all that have a name
            looks = [*looks[: len(self.classes) - 1], looks[-1]]
        pairs = zip(looks, self.classes.values(), strict=False)
        return [(color, marker, where) for (color, marker), where in pairs]


def _shown(num_points: int) -> NDArray[np.int64]:
    """Places of the points to draw, in random order so that no class lies above another."""
    return np.random.default_rng(0).permutation(num_points)[:_MOST_POINTS]


def _size(num_points: int) -> tuple[float, float]:
    size = float(np.clip(24_000 / max(num_points, 1), 2.5, 32))
    return size, 0.9 if num_points < 2000 else 0.6


def _draw_on(
    axes: Axes, latents: NDArray[np.float64], colors: _Colors, title: str | None
) -> Figure:
    if latents.shape[1] != 2:
        raise ValueError(f"z has {latents.shape[1]} coordinates; axes of your own show 2")
    colors.scatter(axes, *latents.T)
    style.style_plane(axes)
    if colors.values is not None:
        colors.explain(axes.figure.figure, [axes])
    elif colors.classes and max(map(len, colors.classes)) <= _SHORT:
        colors.write_names(axes, latents)
    elif colors.classes:
        axes.legend(**colors.legend(), loc="best")
    if title is not None:
        style.title_axes(axes, title)
    return axes.figure.figure


def _draw_planes(latents: NDArray[np.float64], colors: _Colors) -> Figure:
    dim = min(latents.shape[1], _MOST_COORDINATES)
    pairs = list(combinations(range(dim), 2))
    num_columns = min(3, len(pairs))
    num_rows = -(-len(pairs) // num_columns)
    side = 6.4 if len(pairs) == 1 else 4.2
    figure = style.new_figure(side * num_columns + 1.2, side * num_rows + 0.4)
    grid = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    for axes, (i, j) in zip(grid, pairs, strict=True):
        colors.scatter(axes, latents[:, i], latents[:, j])
        axes.set_aspect("equal", adjustable="datalim")
        style.style_axes(axes, f"latent z{_subscript(i + 1)}", f"latent z{_subscript(j + 1)}")
    colors.explain(figure, list(grid))
    return figure


def _draw_line(
    latents: NDArray[np.float64],
    x: Tensor | ArrayLike | None,
    curve: Tensor | ArrayLike | None,
    shown: NDArray[np.int64],
    colors: _Colors,
) -> Figure:
    points = None if x is None else style.as_array(x).reshape(len(latents), -1)
    if points is None or points.shape[1] < 2:
        figure = style.new_figure(8.2, 4.4)
        axes = [figure.subplots()]
    else:
        figure = style.new_figure(12.6, 5.4)
        plane, axes = figure.subplots(1, 2, width_ratios=[1.2, 1])
        axes = [plane, axes]
        _draw_curve(plane, points[shown], latents[shown, 0], curve, colors)
    colors.histogram(axes[-1], latents[shown, 0])
    style.style_axes(axes[-1], "latent z", "number of points")
    if colors.classes:
        colors.explain(figure, axes)
    return figure


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
        by_latent.explain(axes.figure.figure, [axes])
    if line is not None:
        axes.plot(*line.T, color=style.INK, linewidth=1.8, label="decoded line")
        axes.legend(frameon=False, fontsize=style.TICK_SIZE, labelcolor=style.INK)
    axes.set_aspect("equal", adjustable="datalim")
    style.style_axes(axes, *names)


def _subscript(number: int) -> str:
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(number))
