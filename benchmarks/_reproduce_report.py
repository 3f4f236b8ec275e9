"""Tables of ``reproduce.py``, from the record of its runs."""

import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from _report import Table

from nrae_geometric.metrics import RIGHT_ORDER

UNROLLED = 0.95
"""From this geodesic correlation on, a sheet is unrolled."""

NAMES = {"AE": "AE", "NRAEL": "NRAE-L", "NRAEQ": "NRAE-Q", "NRAE": "NRAE"}
DIGIT, RANGE = "data.training.digit", "data.training.rotate_range"
Record = dict[str, Any]


def method(run: Record) -> str:
    """What was trained, as a reader would call it."""
    name = NAMES[run["experiment"].split("_")[0]]
    if "tried" in run:
        return f"{name}, cross-validated"
    if run["held_out"]:
        return f"{name}, stopped early"
    return f"{name}, geodesic start" if "training.init" in run["overrides"] else name


def final_error(run: Record) -> float:
    """The clean error at the end, or in the epoch in which the held-out error was smallest."""
    if not run["held_out"]:
        return run["error"]
    clean, held_out = run["curves"]
    return clean[int(np.argmin(held_out))]


def tables(record: list[Record]) -> list[Table]:
    """The tables of all studies that have runs."""
    made = [_seeds(record), _cross_validated(record), _sheets(record), _orbits(record)]
    return [table for table in made if table.rows]


def _grouped(record: Iterable[Record]) -> dict[tuple[str, str], list[Record]]:
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for run in record:
        groups[run["study"], method(run)].append(run)
    return dict(sorted(groups.items()))


def _seeds(record: Iterable[Record]) -> Table:
    """Mean, standard deviation and success rate of every method in every study of seeds."""
    table = Table(
        "Clean points: squared error, distance between learned and true curve, |Spearman|",
        [
            "study",
            "method",
            "seeds",
            "error mean",
            "error sd",
            "distance mean",
            "median |Spearman|",
            "ordered",
        ],
    )
    shown = ("sine", "roll", "rotated", "shifted")
    for (study, name), runs in _grouped(run for run in record if run["study"] in shown).items():
        errors = [final_error(run) for run in runs]
        orders = [run["spearman"] for run in runs]
        distances = [run["distance"] for run in runs if "distance" in run]
        table.add(
            study,
            name,
            len(runs),
            statistics.fmean(errors),
            statistics.stdev(errors) if len(errors) > 1 else None,
            statistics.fmean(distances) if len(distances) == len(runs) else None,
            statistics.median(orders),
            None
            if name.endswith("early")
            else f"{sum(order >= RIGHT_ORDER for order in orders)} of {len(orders)}",
        )
    return table


def _cross_validated(record: list[Record]) -> Table:
    """What held-out noisy points chose, against the best of all settings and the autoencoder."""
    table = Table(
        "Noisy sine: error of the clean points with the setting that held-out points choose",
        ["seed", "k", "lambda", "order", "chosen", "best of all", "chosen to best", "AE",
         "AE to chosen"],
    )  # fmt: skip
    sines = [run for run in record if run["study"] == "sine"]
    published = {run["overrides"]["seed"]: run["error"] for run in sines if method(run) == "AE"}
    rows = []
    for run in sorted(sines, key=lambda run: run["overrides"]["seed"]):
        if "tried" not in run:
            continue
        seed = run["overrides"]["seed"]
        chosen = min(run["tried"], key=lambda each: each["held_out"])
        best = min(each["error"] for each in run["tried"])
        rows.append((run["error"], best, published.get(seed)))
        settings = (chosen[name] for name in ("n_neighbors", "neighbor_weight", "order"))
        table.add(seed, *settings, *_ratios(*rows[-1]))
    if rows:
        errors, best, others = zip(*rows, strict=True)
        known = None if None in others else statistics.fmean(others)
        table.add(
            "mean",
            None,
            None,
            None,
            *_ratios(statistics.fmean(errors), statistics.fmean(best), known),
        )
    return table


def _ratios(chosen: float, best: float, other: float | None) -> tuple[Any, ...]:
    return chosen, best, chosen / best, other, None if other is None else other / chosen


def _sheets(record: list[Record]) -> Table:
    table = Table(
        "Roll in space: correlation of latent with geodesic distances, of new clean points",
        ["method", "seeds", "smallest", "median", f"at least {UNROLLED}"],
    )
    for (_, name), runs in _grouped(run for run in record if run["study"] == "sheet").items():
        values = [run["geodesic"] for run in runs]
        reached = f"{sum(value >= UNROLLED for value in values)} of {len(values)}"
        table.add(name, len(runs), min(values), statistics.median(values), reached)
    return table


def _orbits(record: list[Record]) -> Table:
    """Every digit by itself: its order, or that the loop was found and named."""
    runs = [run for run in record if run["study"].startswith("orbits")]
    columns = sorted({_orbit_column(run) for run in runs})
    table = Table(
        "First MNIST image of each digit, turned: |Spearman| of latent coordinate and angle",
        ["digit", *(f"{degrees}°, {name}" for degrees, name in columns)],
    )
    found = {(run["overrides"][DIGIT], _orbit_column(run)): run for run in runs}
    for digit in sorted({digit for digit, _ in found}):
        table.add(digit, *(_orbit(found.get((digit, column))) for column in columns))
    if found:
        table.add("ordered", *(_ordered(run for run in runs if _orbit_column(run) == column)
                               for column in columns))  # fmt: skip
    return table


def _orbit_column(run: Record) -> tuple[int, str]:
    return run["overrides"][RANGE], NAMES[run["experiment"].split("_")[0]]


def _orbit(run: Record | None) -> str | None:
    if run is None:
        return None
    return f"{run['spearman']:.4f}" + (" (loop named)" if run["loop"] else "")


def _ordered(runs: Iterable[Record]) -> str:
    runs = list(runs)
    opened = [run["spearman"] for run in runs if not run["loop"]]
    named = len(runs) - len(opened)
    text = f"{sum(order >= RIGHT_ORDER for order in opened)} of {len(opened)} open"
    return f"{text}, {named} named" if named else text
