"""The tables of ``rivals.py``, from a record that may be incomplete."""

from collections import Counter, defaultdict
from typing import Any

from _record import Record
from _report import Table
from _rivals_cells import MEASURES, Cells, by_cell, found, median, outcome, rows, title
from _rivals_data import PROBLEMS
from _rivals_findings import best_of_each, costs, findings, outcomes_by_data, starts_and_losses
from _rivals_runs import OURS, PYTHAE, SEEDS, STARTS

SUMMARY = "Wins, ties and losses of NRAE"


def tables(record: Record) -> list[Table]:
    """What is found, what there is, the summary, starts, costs, baselines, settings, each data."""
    cells = by_cell(record)
    names = [name for name in PROBLEMS if any(name == cell[0] for cell in cells)]
    made: list[Table] = [findings(cells, names), _coverage(cells), _summary(cells, names)]
    made += [outcomes_by_data(cells, names), best_of_each(cells, names)]
    made += [_starts(cells, names, key) for key in ("truth", "trustworthiness", "r2")]
    made += [starts_and_losses(cells, names), costs(cells, names)]
    made += [_beside_pythae(cells, names), _chosen(record)]
    return [*made, *(_values(cells, name) for name in names), _processors(record)]


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
                    found(cells.get((name, "nrae", start_of_ours), []), key),
                    found(cells.get((name, method, start), []), key),
                    measure,
                )
                for name in names
            )
            counted = [count["win"], count["tie"], count["loss"]]
            line.append(" / ".join(map(str, counted)) if any(counted) else None)
        if any(line):
            table.add(title(method, start), *line)
    return table


def _starts(cells: Cells, names: list[str], key: str) -> Table:
    known = [n for n in names if any(found(runs, key) for c, runs in cells.items() if c[0] == n)]
    words = MEASURES[key].title
    table = Table(f"{words[0].upper()}{words[1:]}, random weights → geodesic", ["", *known])
    for method in OURS:
        line = []
        for name in known:
            ends = [median(cells.get((name, method, start), []), key) for start in STARTS]
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
                values = [median(runs, key) for key in ("r2", "seconds") for runs in (a, b)]
                table.add(name, method, min(len(a), len(b)), *values)
    return table


def _values(cells: Cells, name: str) -> Table:
    columns = [measure.title for measure in MEASURES.values()]
    table = Table(f"{name}: medians", ["method", "seeds", *columns])
    for method, start in rows():
        runs = cells.get((name, method, start))
        if runs:
            medians = [median(runs, key) for key in MEASURES]
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
