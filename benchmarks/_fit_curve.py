"""Quality against time: the chart of ``fit_speed.py``."""

from typing import Any, NamedTuple

from _fit_data import DATA
from _fit_measure import DEFAULT, METHODS, PLAIN, measure_in_process
from _report import RESULTS, Table, write_report
from matplotlib.figure import Figure

from nrae_geometric.visualization import save_figure, style

EPOCHS = (1, 3, 10, 30, 100, 300)
QUICK_EPOCHS = (1, 3, 10)
PANELS = {
    "trustworthiness": "Trustworthiness (10)",
    "accuracy": "10-NN accuracy",
    "r2": "Held-out reconstruction R²",
}
_LOOKS = {
    DEFAULT: (style.BLUE, "o"),
    PLAIN: (style.VERMILLION, "s"),
    "UMAP": (style.GREEN, "D"),
    "Isomap": (style.PURPLE, "^"),
    "PCA": (style.ORANGE, "v"),
}
# Its matrix of distances would have billions of entries.
_MOST_OF_ISOMAP = 10_000


class Run(NamedTuple):
    """One fit: its method, its epochs where these were given, and what was measured."""

    method: str
    epochs: int | None
    found: dict[str, Any]


def curve(name: str, quick: bool) -> None:
    """Measures every method, trained ones for several numbers of epochs, and draws the chart."""
    num_points = len(DATA[name]()[0])
    runs = []
    table = Table(
        f"Quality against time, {name}", ["method", "epochs", "seconds", *PANELS.values()]
    )
    for method in METHODS:
        if method == "Isomap" and num_points > _MOST_OF_ISOMAP:
            continue
        lengths: tuple[int | None, ...] = (None,)
        if method in (DEFAULT, PLAIN):
            lengths = (*(QUICK_EPOCHS if quick else EPOCHS), None)
        for epochs in lengths:
            found = measure_in_process(data=name, method=method, seed=0, max_epochs=epochs)
            runs.append(Run(method, epochs, found))
            label = epochs or ("default" if len(lengths) > 1 else None)
            table.add(method, label, found["seconds"], *(found[key] for key in PANELS))
    stem = f"fit_speed_{name}"
    write_report(stem, [table], quick=quick)
    save_figure(draw(name, num_points, runs), RESULTS / f"{stem}{'_quick' if quick else ''}.png")


def draw(name: str, num_points: int, runs: list[Run]) -> Figure:
    """The chart: one panel a measure, one curve a trained method, a star for each default.

    The numbers of epochs stand at one of the curves.
    """
    panels = {
        key: label
        for key, label in PANELS.items()
        if any(run.found.get(key) is not None for run in runs)
    }
    figure = style.new_figure(style.PAGE if len(panels) > 1 else 5.0, 3.8)
    number = f"{num_points:,}".replace(",", " ")
    figure.suptitle(
        f"Quality against time: {name.replace('_', ' ')}, {number} points",
        fontsize=style.TITLE_SIZE,
        color=style.INK,
    )
    entries: dict[str, Any] = {}
    for axes, (key, label) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for method, (color, marker) in _LOOKS.items():
            shown = [run for run in runs if run.method == method and run.found.get(key) is not None]
            trained = [run for run in shown if run.epochs is not None]
            if trained:
                (entries[f"{method}, by epochs"],) = axes.plot(
                    [run.found["seconds"] for run in trained],
                    [run.found[key] for run in trained],
                    color=color, marker=marker, markersize=3.5, linewidth=1.8,
                )  # fmt: skip
            for run in trained if axes is figure.axes[0] and method == DEFAULT else ():
                axes.annotate(
                    str(run.epochs),
                    (run.found["seconds"], run.found[key]),
                    xytext=(0, 7),
                    textcoords="offset points",
                    ha="center",
                    fontsize=8,
                    color=style.MUTED,
                )
            for run in shown:
                if run.epochs is None:
                    default = f"{method}, default" if trained else method
                    (entries[default],) = axes.plot(
                        run.found["seconds"],
                        run.found[key],
                        color=color,
                        marker="*" if trained else marker,
                        markersize=12 if trained else 6,
                        markeredgecolor="white",
                        linestyle="none",
                        zorder=4,
                    )
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_title(label, fontsize=style.LABEL_SIZE, color=style.INK, loc="left")
        axes.grid(color=style.FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        style.style_axes(axes, "seconds of the whole fit")
    style.legend_below(figure.axes, entries, columns=min(3, len(entries)))
    return figure
