"""The result of a search: a table, a picture, and the best estimator."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from nrae_geometric.atomic import write_csv, write_json
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.visualization import save_figure, style

_LABELS = {"n_neighbors": "number of neighbors k", "neighbor_weight": "neighbor weight λ"}
_SHORT_LABELS = {"n_neighbors": "k", "neighbor_weight": "λ"}
_MARKERS = ("o", "s", "^", "D", "v", "P")
_MOST_PANELS = 3
# A search that spans more than this has drawn its values on a logarithmic scale.
_LARGEST_LINEAR_RATIO = 30.0


@dataclass(frozen=True)
class TuningResult:
    """The settings that were tried, best first.

    Attributes:
        best: The best settings: ``n_neighbors``, where the method learns from a graph, and those
            of the method, such as ``order`` and ``neighbor_weight``.
        score: Minus their squared reconstruction error of the points left out, mean over points.
        table: A row for each trial, with its number ``trial``, its ``score``, its settings and
            its ``state``. That is ``complete``, ``pruned`` (given up after the first part of the
            points, of which the score is) or ``fail`` (the loss was not finite; without a score).
        best_estimator: With the best settings, to be fitted to all points.
    """

    best: dict[str, Any]
    score: float
    table: list[dict[str, Any]]
    best_estimator: ManifoldAutoencoder

    def save(self, directory: str | os.PathLike[str], *, picture: bool = True) -> None:
        """Writes ``best.json``, ``trials.csv`` and ``tuning.png``.

        Args:
            directory (str or os.PathLike): The folder.
            picture (bool, optional): Whether to draw. (default: :obj:`True`)
        """
        directory = Path(directory)
        columns = ["trial", "score", *setting_names(self.table), "state"]
        write_csv(directory / "trials.csv", columns, self.table)
        write_json(directory / "best.json", {**self.best, "score": self.score})
        if picture:
            axes = _new_axes(len(_panels(self.table)), style.new_figure)
            save_figure(plot_tuning(self.table, ax=axes), directory / "tuning.png")


def setting_names(table: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the names of the settings in a table of trials.

    Args:
        table (Sequence[Mapping[str, Any]]): Of a :class:`TuningResult`.
    """
    names = dict.fromkeys(name for row in table for name in row)
    return [name for name in names if name not in ("trial", "score", "state")]


def plot_tuning(table: Sequence[Mapping[str, Any]], *, ax: style.AxesLike | None = None) -> Any:
    """Draws the error of each trial over up to three numeric settings.

    Of those that were given up after the first part of the points it is the error of this part;
    they are small and gray. The order, or else the first setting that is no number, is told by
    colors. The best is marked, and named in the title.

    Args:
        table (Sequence[Mapping[str, Any]]): Of a :class:`TuningResult`, best first.
        ax (Axes, Sequence[Axes] or numpy.ndarray, optional): Axes to draw on, one for each of the
            first three numeric settings. (default: those of a new figure of
            :mod:`matplotlib.pyplot`)

    Returns:
        numpy.ndarray or matplotlib.axes.Axes: The axes, or the one that was given.

    Raises:
        ValueError: If there are not as many axes as settings to draw.
    """
    complete, pruned = _with_scores(table)
    names = setting_names(complete)
    kind = _kind(complete)
    panels = _panels(table)
    if ax is None:
        axes = _new_axes(len(panels), style.pyplot_figure)
    else:
        axes = style.given_axes(ax, len(panels), f"one for each of {', '.join(panels)}")
    for panel, name in zip(axes, panels, strict=True):
        _draw(panel, name, kind, complete, pruned)
        panel.set_yscale("log")
    style.style_axes(axes[0], ylabel="squared error of points left out")
    handles, labels = axes[-1].get_legend_handles_labels()
    style.legend_below(list(axes), dict(zip(labels, handles, strict=True)), columns=4)
    settings = [f"{_SHORT_LABELS.get(n, n)} {_text(complete[0].get(n))}" for n in names]
    error = f"{-complete[0]['score']:.3g}"
    best = f"{', '.join(settings)}: error {error}" if settings else f"error {error}"
    style.title_panels(list(axes), f"Best of {len(complete) + len(pruned)} trials: {best}")
    return style.returned(ax, axes)


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _with_scores(table: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], ...]:
    """Returns the trials to compare, and those that were given up."""
    pruned = [row for row in table if row["state"] == "pruned"]
    complete = [row for row in table if row["state"] == "complete"]
    return (complete, pruned) if complete else (pruned, [])


def _numeric(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [name for name in setting_names(rows) if name != "order" and _is_numeric(name, rows)]


def _panels(table: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the settings that have a panel."""
    return _numeric(_with_scores(table)[0])[:_MOST_PANELS] or ["trial"]


def _kind(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Returns the setting that colors tell."""
    names = setting_names(rows)
    others = [name for name in names if name not in _numeric(rows)]
    return "order" if "order" in names else next(iter(others), None)


def _new_axes(num: int, make: style.FigureMaker) -> NDArray[Any]:
    figure = make(6.0 if num == 1 else style.PAGE, 3.4)
    return np.asarray(figure.subplots(1, num, sharey=True, squeeze=False)[0])


def _draw(
    axes: Axes,
    name: str,
    kind: str | None,
    complete: Sequence[Mapping[str, Any]],
    pruned: Sequence[Mapping[str, Any]],
) -> None:
    """Draws the trials that have the setting."""
    rows, others = ([row for row in part if name in row] for part in (complete, pruned))
    if others:
        axes.scatter(
            [row[name] for row in others],
            [-row["score"] for row in others],
            s=12,
            color=style.MUTED,
            label="given up after the first part",
        )
    # In the order of their values, so that a color means the same in every search.
    choices = sorted({row.get(kind) for row in rows}, key=str) if kind else [None]
    for i, choice in enumerate(choices):
        shown = [row for row in rows if kind is None or row.get(kind) == choice]
        axes.scatter(
            [row[name] for row in shown],
            [-row["score"] for row in shown],
            color=style.MODELS[i % len(style.MODELS)],
            marker=_MARKERS[i % len(_MARKERS)],
            label=None if kind is None else f"{kind.replace('_', ' ')} {choice}",
        )
    best = rows[0]
    axes.scatter(
        best[name],
        -best["score"],
        s=180,
        facecolors="none",
        edgecolors=style.INK,
        label="best",
    )
    style.style_axes(axes, _LABELS.get(name, name.replace("_", " ")))
    values = [row[name] for row in (*rows, *others)]
    if all(isinstance(value, int) for value in values):
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    elif min(values) > 0 and max(values) > _LARGEST_LINEAR_RATIO * min(values):
        axes.set_xscale("log")


def _is_numeric(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    values = [row[name] for row in rows if name in row]
    return all(isinstance(value, Real) and not isinstance(value, bool) for value in values)
