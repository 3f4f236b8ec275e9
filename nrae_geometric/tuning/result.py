"""The result of a search: a table, a picture, and the best estimator."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nrae_geometric.atomic import write_csv, write_json
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.visualization import save_figure, style

_LABELS = {"n_neighbors": "number of neighbors k", "neighbor_weight": "neighbor weight λ"}
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
            save_figure(plot_tuning(self.table), directory / "tuning.png")


def setting_names(table: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the names of the settings in a table of trials.

    Args:
        table (Sequence[Mapping[str, Any]]): Of a :class:`TuningResult`.
    """
    names = dict.fromkeys(name for row in table for name in row)
    return [name for name in names if name not in ("trial", "score", "state")]


def plot_tuning(table: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws the error of each trial over up to three numeric settings.

    Of those that were given up after the first part of the points it is the error of this part;
    they are small and gray. The order, or else the first setting that is no number, is told by
    colors. The best is marked.

    Args:
        table (Sequence[Mapping[str, Any]]): Of a :class:`TuningResult`, best first.
    """
    pruned = [row for row in table if row["state"] == "pruned"]
    complete = [row for row in table if row["state"] == "complete"]
    if not complete:
        complete, pruned = pruned, []
    names = setting_names(complete)
    numeric = [name for name in names if name != "order" and _is_numeric(name, complete)]
    kind = "order" if "order" in names else next((n for n in names if n not in numeric), None)
    panels = numeric[:_MOST_PANELS] or ["trial"]
    figure = style.new_figure(4.8 * max(2, len(panels)), 4.2)
    [axes] = figure.subplots(1, len(panels), sharey=True, squeeze=False)
    for panel, name in zip(axes, panels, strict=True):
        _draw(panel, name, kind, complete, pruned)
    axes[0].set_yscale("log")
    style.style_axes(axes[0], ylabel="squared error of points left out")
    axes[-1].legend(frameon=False, fontsize=style.LABEL_SIZE, labelcolor=style.INK)
    return figure


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
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    elif min(values) > 0 and max(values) > _LARGEST_LINEAR_RATIO * min(values):
        axes.set_xscale("log")


def _is_numeric(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    values = [row[name] for row in rows if name in row]
    return all(isinstance(value, Real) and not isinstance(value, bool) for value in values)
