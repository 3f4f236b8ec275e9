"""The picture of ``cost_model.py``: seconds over points, measured and by the model."""

from typing import Any

import numpy as np
from _cost_devices import DIM, one_thread
from _cost_fit import Coefficients, Prediction, seconds
from _cost_formulas import TILE

from nrae_geometric.visualization import style

_COLORS = (
    style.BLUE,
    style.SKY,
    style.VERMILLION,
    style.VERMILLION,
    style.ORANGE,
    style.PURPLE,
    style.INK,
    style.GREEN,
)
_DASHES = ("-", "--", "-", ":", "--", "-", ":", "-")
_MARKERS = ("o", "s", "^", "<", "D", "v", "X", "P")
_STAGES = (
    "exact graph",
    "exact graph, manifold",
    "IVF graph",
    "IVF graph, on disk",
    "HNSW graph",
    "start",
    "training",
    "embedding",
)
_NAMES = {"training": "training (a fit)"}
_TIMES = {1: "1 s", 60: "1 min", 3600: "1 h", 86400: "1 day", 31557600: "1 year"}


def draw(found: list[Prediction], fitted: dict[str, Coefficients]) -> Any:
    """A panel of seconds over points, and one of predicted over measured seconds.

    Args:
        found: Measurements, with what the model says.
        fitted: The coefficients of each stage.
    """
    figure = style.new_figure(style.PAGE, 3.9)
    left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
    _draw_seconds(left, found, fitted)
    _draw_ratios(right, found)
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    return figure


def _draw_seconds(axes: Any, found: list[Prediction], fitted: dict[str, Coefficients]) -> None:
    sizes = np.logspace(4, 9, 61).astype(int)
    for stage, color, dash, marker in zip(_STAGES, _COLORS, _DASHES, _MARKERS, strict=True):
        if stage not in fitted:
            continue
        line = [seconds(one_thread(int(num))[stage], fitted[stage]) for num in sizes]
        name = _NAMES.get(stage, stage)
        axes.plot(sizes, line, dash, color=color, label=name, linewidth=1.5)
        runs = [each for each in found if each.run.stage == stage and _as_drawn(each)]
        for each in runs:
            axes.plot(
                each.run.num,
                each.seconds,
                marker,
                color=color,
                markersize=6,
                markerfacecolor=color if each.run.held_out else "white",
            )
    axes.set(xscale="log", yscale="log", ylim=(1e-2, 1e9))
    axes.set_yticks(list(_TIMES), list(_TIMES.values()))
    axes.minorticks_off()
    style.title_axes(axes, "One thread, 100 values")
    style.style_axes(axes, "points")


def _as_drawn(each: Prediction) -> bool:
    run = each.run
    if run.stage == "training":  # some steps, where the line is a whole fit
        return False
    return run.dim == DIM and run.block == TILE and run.width == 256


def _draw_ratios(axes: Any, found: list[Prediction]) -> None:
    checks = [each for each in found if each.run.held_out][::-1]
    axes.axvspan(0.7, 1.3, color=style.FAINT, linewidth=0)
    axes.axvline(1, color=style.MUTED, linewidth=1)
    for row, each in enumerate(checks):
        place = _STAGES.index(each.run.stage)
        axes.plot(each.ratio, row, _MARKERS[place], color=_COLORS[place], markersize=6)
    axes.set_yticks(range(len(checks)), [each.run.stage for each in checks], fontsize=8)
    axes.set(xlim=(0.5, 1.6))
    style.title_axes(axes, "Held out")
    style.style_axes(axes, "predicted ÷ measured")
