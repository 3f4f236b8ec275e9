"""The runs of ``rivals.py`` by data set, method and start, and how two of these compare."""

import statistics
from collections import defaultdict
from typing import Any, NamedTuple

from _methods import OTHERS
from _record import Record
from _rivals_runs import OURS, PYTHAE, STARTS


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
Cells = dict[tuple[str, str, str | None], list[dict[str, Any]]]
"""The runs of all seeds by data set, method and start."""


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


def found(runs: list[dict[str, Any]], key: str) -> list[float]:
    return [run[key] for run in runs if run.get(key) is not None]


def median(runs: list[dict[str, Any]], key: str) -> float | None:
    values = found(runs, key)
    return statistics.median(values) if values else None
