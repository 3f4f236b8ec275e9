"""Figures of ``reproduce.py``, from the record of its runs."""

from collections import defaultdict
from typing import Any

import numpy as np
from _report import RESULTS
from _reproduce_pictures import CURVES, STRIPS, curves, strips
from _reproduce_report import DIGIT, NAMES, RANGE, Record, final_error, method
from _reproduce_runs import EVERY

from nrae_geometric.metrics import RIGHT_ORDER
from nrae_geometric.visualization import save_figure

COLORS = {
    "AE": "#999999",
    "NRAE-L": "#0072B2",
    "NRAE-Q": "#D55E00",
    "AE, stopped early": "#009E73",
    "NRAE, cross-validated": "#CC79A7",
}
_WITHOUT_CURVES = ("AE, stopped early", "NRAE, cross-validated")


def figures(record: list[Record], name: str) -> None:
    """Draws every figure whose runs are there."""
    by_study: dict[str, list[Record]] = defaultdict(list)
    for run in record:
        by_study["orbits" if run["study"].startswith("orbits") else run["study"]].append(run)
    for study, draw in (
        ("sine", _error_over_epochs),
        ("roll", _orders),
        ("noise and size", _noise_and_size),
        ("k and lambda", _k_and_lambda),
        ("k and lambda with center", _k_and_lambda),
        ("orbits", _orbits),
    ):
        if by_study[study]:
            stem = study.replace(" ", "_")
            save_figure(draw(by_study[study]), RESULTS / f"{name}_{stem}.png")
    for study, stem in CURVES.items():
        runs = _pictured(by_study[study])
        for start, suffix in ((False, ""), (True, "_geodesic")):
            if those := [run for run in runs if ("training.init" in run["overrides"]) == start]:
                save_figure(curves(those), RESULTS / f"{name}_{stem}{suffix}.png")
    for study, coordinate in STRIPS.items():
        if runs := _pictured(by_study[study]):
            save_figure(strips(runs, coordinate), RESULTS / f"{name}_{study}.png")


def _pictured(runs: list[Record]) -> list[Record]:
    """The runs whose learned manifold is kept, by model."""
    models = list(COLORS)
    kept = [run for run in runs if "learned" in run]
    return sorted(kept, key=lambda run: models.index(method(run).split(",")[0]))


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=150, layout="constrained")


def _error_over_epochs(runs: list[Record]) -> Any:
    figure = _figure(6.4, 3.6)
    axes = figure.subplots()
    last = max(run["overrides"].get("training.num_epochs", 0) for run in runs) or 2001
    for name, color in COLORS.items():
        those = [run for run in runs if method(run) == name]
        if not those:
            continue
        if name in _WITHOUT_CURVES:
            mean = np.mean([final_error(run) for run in those])
            axes.axhline(mean, color=color, ls="--", label=f"{name} (mean)")
            continue
        curves = [run["curves"][0] for run in those]
        epochs = np.minimum(EVERY * np.arange(len(curves[0])), last - 1)
        low, mid, high = np.quantile(curves, [0, 0.5, 1], axis=0)
        axes.fill_between(epochs, low, high, color=color, alpha=0.15, lw=0)
        axes.plot(epochs, mid, color=color, label=name)
    axes.set(xlabel="epoch", ylabel="squared error of clean points", yscale="log")
    axes.set_title("Noisy sine: median and range over seeds", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    return figure


def _orders(runs: list[Record]) -> Any:
    names = sorted({method(run) for run in runs})
    figure = _figure(6.4, 0.5 * len(names) + 1)
    axes = figure.subplots()
    for row, name in enumerate(names):
        orders = np.array([run["spearman"] for run in runs if method(run) == name])
        height = row + np.linspace(-0.25, 0.25, len(orders))
        axes.scatter(orders, height, s=18, color=COLORS[name.split(",")[0]], clip_on=False)
        label = f"{int((orders >= RIGHT_ORDER).sum())} of {len(orders)}"
        axes.annotate(label, (1.03, row), va="center", annotation_clip=False)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(0, 1), xlabel="|Spearman| of the latent order; a dot is a seed")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    return figure


def _noise_and_size(runs: list[Record]) -> Any:
    keys = "data.training.num_data", "data.training.noise_level"
    return _heat_maps(runs, keys, ("points", "noise"), final_error, "squared error")


def _k_and_lambda(runs: list[Record]) -> Any:
    keys = "data.training.graph.num_nn", "model.kernel.lambda"
    return _heat_maps(runs, keys, ("k", "λ"), final_error, "squared error")


def _heat_maps(
    runs: list[Record], keys: tuple[str, str], labels: tuple[str, str], value: Any, title: str
) -> Any:
    from matplotlib.colors import LogNorm

    names = sorted({method(run) for run in runs})
    columns, rows = (sorted({run["overrides"][key] for run in runs}) for key in keys)
    figure = _figure(min(7.2, 2.9 * len(names) + 0.9), 3.2)
    norm = LogNorm(*np.quantile([value(run) for run in runs], [0, 1]))
    image = None
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        grid = np.full((len(rows), len(columns)), np.nan)
        for run in runs:
            if method(run) == name:
                column, row = (run["overrides"][key] for key in keys)
                grid[rows.index(row), columns.index(column)] = value(run)
        image = axes.imshow(grid, cmap="cividis", norm=norm, origin="lower")
        for (row, column), cell in np.ndenumerate(grid):
            dark = norm(cell) < 0.5
            axes.text(
                column, row, f"{cell:.2g}", ha="center", va="center", fontsize=8,
                color="white" if dark else "black",
            )  # fmt: skip
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_title(name, loc="left", fontsize=10)
        axes.set(xlabel=labels[0], ylabel=labels[1])
    figure.colorbar(image, ax=figure.axes, label=title, shrink=0.8)
    return figure


def _orbits(runs: list[Record]) -> Any:
    """Latent coordinate over angle: one panel for each digit and range, a line for each order."""
    ranges = sorted({run["overrides"][RANGE] for run in runs})
    digits = sorted({run["overrides"][DIGIT] for run in runs})
    figure = _figure(1.05 * len(digits) + 0.6, 1.25 * len(ranges) + 0.6)
    panels = figure.subplots(len(ranges), len(digits), squeeze=False, sharey=True, sharex="row")
    for run in runs:
        digit, degrees = run["overrides"][DIGIT], run["overrides"][RANGE]
        axes = panels[ranges.index(degrees), digits.index(digit)]
        z = np.array(run["latents"])
        z = (z - z.min()) / np.ptp(z)
        angles = np.arange(len(z)) * degrees / len(z)
        z = z if np.corrcoef(z, angles)[0, 1] > 0 else 1 - z
        name = NAMES[run["experiment"].split("_")[0]]
        style = {"NRAE-L": "-", "NRAE-Q": "--"}[name]
        axes.plot(angles, z, color=COLORS[name], ls=style, lw=1.4, label=name)
        if run["loop"]:
            axes.set_title("loop named", fontsize=8, pad=2)
        axes.set(xticks=[0, degrees], yticks=[])
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    for axes, digit in zip(panels[0], digits, strict=True):
        axes.text(0.1, 0.82, digit, transform=axes.transAxes, fontsize=12, weight="bold")
    figure.supxlabel("angle of the image in degrees", fontsize=9)
    figure.supylabel("latent coordinate", fontsize=9)
    handles = dict(zip(*panels[0, 0].get_legend_handles_labels()[::-1], strict=True))
    figure.legend(
        handles.values(), handles, frameon=False, fontsize=8, loc="outside upper right", ncols=2
    )
    return figure
