"""The figures of ``rivals.py``: rows methods, columns data, each cell the embedding."""

from typing import Any

from _record import Record
from _report import RESULTS
from _rivals_cells import rows
from _rivals_data import PROBLEMS, available
from _rivals_runs import STARTS, pictured
from matplotlib.axes import Axes

from nrae_geometric.visualization import save_figure, style

_CELL, _DPI = 1.05, 110


def figures(record: Record, stem: str) -> None:
    """Draws the embeddings from each start, where some are recorded."""
    for start in STARTS:
        figure = embeddings(record, start)
        if figure is not None:
            save_figure(figure, RESULTS / f"{stem}_{start}.png", dpi=_DPI)


def embeddings(record: Record, start: str) -> Any:
    """All embeddings from one start, and those of the methods that have none; or ``None``."""
    kept = {
        (run["method"], run["data"]): run
        for run in record.values()
        if "embedding" in run and run["start"] in (start, None) and available(run["data"])
    }
    methods = [method for method, of in rows() if of in (start, None)]
    methods = [method for method in methods if any(method == each for each, _ in kept)]
    names = [name for name in PROBLEMS if any(name == each for _, each in kept)]
    if not kept:
        return None
    figure = style.new_figure(_CELL * len(names) + 1.4, _CELL * len(methods) + 0.8)
    weights = "random weights" if start == "random" else "geodesic coordinates"
    figure.suptitle(f"Embeddings, from {weights}", fontsize=style.TITLE_SIZE, color=style.INK)
    grid = figure.subplots(len(methods), len(names), squeeze=False)
    for line, method in zip(grid, methods, strict=True):
        for axes, name in zip(line, names, strict=True):
            _draw(axes, kept.get((method, name)))
        line[0].set_ylabel(
            method.replace("_", " "), rotation=0, ha="right", va="center", fontsize=style.TICK_SIZE
        )
    for axes, name in zip(grid[0], names, strict=True):
        axes.set_title(name.replace(" ", "\n"), fontsize=style.TICK_SIZE, color=style.INK)
    return figure


def _draw(axes: Axes, run: dict[str, Any] | None) -> None:
    """Latents on a plane; those on a line over the true coordinate."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(style.FAINT)
    if run is None:
        return
    z, y = pictured(run)
    across, up = (y, z[:, 0]) if z.shape[1] == 1 else z.T
    # Ten digits have ten colors, all else shades.
    look = "tab10" if run["data"] in ("digits", "MNIST") else style.COORDINATE
    axes.scatter(across, up, c=y, cmap=look, s=2.5, linewidths=0, rasterized=True)
    axes.margins(0.08)
    if z.shape[1] > 1:
        axes.set_aspect("equal", adjustable="datalim")
