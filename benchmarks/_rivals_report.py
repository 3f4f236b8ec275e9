"""The tables of ``rivals.py``, from a record that may be incomplete."""

import statistics
from collections import Counter, defaultdict
from typing import Any, NamedTuple

from _record import Record
from _report import Table
from _rivals_data import PROBLEMS
from _rivals_runs import OTHERS, OURS, PYTHAE, SEEDS, STARTS


class Measure(NamedTuple):
    """What a column of the tables has."""

    title: str
    larger_is_better: bool


MEASURES = {
    "error": Measure("clean error", False),
    "truth": Measure("order or distances", True),
    "trustworthiness": Measure("trustworthiness (10)", True),
    "continuity": Measure("continuity (10)", True),
    "distortion": Measure("condition number", False),
    "r2": Measure("held-out R²", True),
    "interpolation": Measure("interpolation error", False),
    "seconds": Measure("seconds", False),
    "mebibytes": Measure("MiB", False),
}
SUMMARY = "Wins, ties and losses of NRAE"

Cells = dict[tuple[str, str, str | None], list[dict[str, Any]]]
"""The runs of all seeds by data set, method and start."""


def tables(record: Record) -> list[Table]:
    """What there is, the summary, the start, pythae beside ours, settings, and each data set."""
    cells = by_cell(record)
    names = [name for name in PROBLEMS if any(name == cell[0] for cell in cells)]
    made = [_coverage(cells), _summary(cells, names), _starts(cells, names)]
    made += [_beside_pythae(cells, names), _chosen(record)]
    return [*made, *(_values(cells, name) for name in names), _processors(record)]


def by_cell(record: Record) -> Cells:
    """The fits that did not fail, by cell."""
    cells: Cells = defaultdict(list)
    for run in record.values():
        if "seed" in run and "failed" not in run:
            cells[run["data"], run["method"], run["start"]].append(run)
    return cells


def rows() -> list[tuple[str, str | None]]:
    """The methods with their starts, in the order of the tables."""
    started = [(method, start) for method in OURS for start in STARTS]
    return [*started, *((method, None) for method in (*PYTHAE, *OTHERS))]


def title(method: str, start: str | None) -> str:
    """What a row is called."""
    return method if start is None else f"{method}, {start}"


def outcome(ours: list[float], theirs: list[float], measure: Measure) -> str | None:
    """Whether NRAE wins, ties or loses: the ranges of the seeds overlap in a tie.

    ``None`` where either has fewer than two seeds, and so no range.
    """
    if min(len(ours), len(theirs)) < 2:
        return None
    sign = 1 if measure.larger_is_better else -1
    ours, theirs = [sign * value for value in ours], [sign * value for value in theirs]
    if min(ours) > max(theirs):
        return "win"
    return "loss" if max(ours) < min(theirs) else "tie"


def _found(runs: list[dict[str, Any]], key: str) -> list[float]:
    return [run[key] for run in runs if run.get(key) is not None]


def _median(runs: list[dict[str, Any]], key: str) -> float | None:
    values = _found(runs, key)
    return statistics.median(values) if values else None


def _summary(cells: Cells, names: list[str]) -> Table:
    columns = [measure.title for measure in MEASURES.values()]
    table = Table(SUMMARY, ["against", *columns])
    for method, start in rows():
        if method == "nrae":
            continue
        # Without a start of its own, a method is compared as a user would run both.
        start_of_ours = start or ("random" if method in PYTHAE else "geodesic")
        line = []
        for key, measure in MEASURES.items():
            count = Counter(
                outcome(
                    _found(cells.get((name, "nrae", start_of_ours), []), key),
                    _found(cells.get((name, method, start), []), key),
                    measure,
                )
                for name in names
            )
            counted = [count["win"], count["tie"], count["loss"]]
            line.append(" / ".join(map(str, counted)) if any(counted) else None)
        if any(line):
            table.add(title(method, start), *line)
    return table


def _starts(cells: Cells, names: list[str]) -> Table:
    known = [
        n for n in names if any(_found(runs, "truth") for c, runs in cells.items() if c[0] == n)
    ]
    table = Table("Random weights → geodesic coordinates", ["", *known])
    for method in OURS:
        line = []
        for name in known:
            ends = [_median(cells.get((name, method, start), []), "truth") for start in STARTS]
            line.append(" → ".join("–" if end is None else f"{end:.3f}" for end in ends))
        if any(cell != "– → –" for cell in line):
            table.add(method, *line)
    return table


def _beside_pythae(cells: Cells, names: list[str]) -> Table:
    table = Table(
        "Baselines beside those of pythae",
        ["data", "method", "seeds", "R²", "R² of pythae", "seconds", "seconds of pythae"],
    )
    for name in names:
        for theirs, method in PYTHAE.items():
            a, b = cells.get((name, method, "random"), []), cells.get((name, theirs, None), [])
            if a and b:
                values = [_median(runs, key) for key in ("r2", "seconds") for runs in (a, b)]
                table.add(name, method, min(len(a), len(b)), *values)
    return table


def _values(cells: Cells, name: str) -> Table:
    columns = [measure.title for measure in MEASURES.values()]
    table = Table(f"{name}: medians", ["method", "seeds", *columns])
    for method, start in rows():
        runs = cells.get((name, method, start))
        if runs:
            medians = [_median(runs, key) for key in MEASURES]
            table.add(title(method, start), len(runs), *medians)
    return table


def _coverage(cells: Cells) -> Table:
    table = Table("Recorded", ["data", "runs", "of", "fewest seeds", "most seeds"])
    for name in PROBLEMS:
        counts = [len(cells.get((name, *row), [])) for row in rows()]
        table.add(name, sum(counts), len(counts) * SEEDS, min(counts), max(counts))
    return table


def _chosen(record: Record) -> Table:
    table = Table("Settings chosen by points left out", ["data", "method", "settings"])
    for run in record.values():
        if "settings" in run and "seed" not in run:
            text = ", ".join(
                f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
                for key, value in run["settings"].items()
            )
            table.add(run["data"], run["method"], text)
    return table


def _processors(record: Record) -> Table:
    table = Table("Runs", ["processor", "runs", "failed", "hours"])
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for run in record.values():
        found[run["processor"]].append(run)
    for processor, runs in found.items():
        hours = sum(run["whole_run"] for run in runs) / 3600
        table.add(processor, len(runs), sum("failed" in run for run in runs), hours)
    return table
