"""What the record of ``rivals.py`` says in sentences, and the tables behind them.

Every sentence is made from the record, so that a grown record needs no other words.
"""

import statistics
from collections import Counter
from typing import Any

from _methods import OTHERS
from _report import Table
from _rivals_cells import MEASURES, Cells, found, median, outcome, rows, title
from _rivals_data import PROBLEMS
from _rivals_runs import OURS, PYTHAE, SEEDS

_QUALITIES = [key for key in MEASURES if key not in ("seconds", "mebibytes")]
_ORDERED = 0.95


class Findings(Table):
    """Sentences, each with its subject."""

    def markdown(self) -> str:
        """The sentences as a list under their title."""
        lines = [f"- **{subject}.** {sentence}\n" for subject, sentence in self.rows]
        return f"### {self.title}\n\n" + "".join(lines)


def findings(cells: Cells, names: list[str]) -> Findings:
    """What the record says of the start, the loss, distances, time and the baselines."""
    made = Findings("Findings", ["subject", "finding"])
    for subject, sentence in (
        ("The record", _extent(cells, names)),
        ("The start", _start(cells, names)),
        ("The loss", _loss(cells, names)),
        ("NRAE beside a plain autoencoder", _beside_plain(cells, names)),
        ("Distances and orders", _distances(cells, names)),
        ("Time and memory", _costs(cells, names)),
        ("The baselines", _baselines(cells, names)),
    ):
        if sentence:
            made.add(subject, sentence)
    return made


def starts_and_losses(cells: Cells, names: list[str]) -> Table:
    """How far the start, and how far the loss, moves the agreement with the truth."""
    table = Table(
        "Start and loss",
        [
            "data",
            "plain, random",
            "plain, geodesic",
            "gained by the start, median of models",
            "best, random",
            "worst, random",
            "best, geodesic",
            "worst, geodesic",
        ],
    )
    for name in _known(cells, names):
        ends = [median(cells.get((name, "ae", start), []), "truth") for start in _STARTS]
        gains = _gains(cells, name)
        extremes = []
        for start in _STARTS:
            ranked = _ranked(cells, name, start)
            extremes += [_named(*ranked[-1]), _named(*ranked[0])] if ranked else [None, None]
        gained = statistics.median(gains.values()) if gains else None
        table.add(name, *map(_short, ends), _short(gained), *extremes)
    return table


def costs(cells: Cells, names: list[str]) -> Table:
    """Seconds and memory of each method beside those of the plain autoencoder."""
    table = Table(
        "Time and memory beside the plain autoencoder",
        ["method", "seconds, ratio", "least", "most", "MiB, ratio", "least", "most"],
    )
    for method, start in rows():
        line: list[float | None] = []
        for key in ("seconds", "mebibytes"):
            ratios = _ratios(cells, names, (method, start), key)
            line += [statistics.median(ratios), min(ratios), max(ratios)] if ratios else [None] * 3
        if method != "ae" and any(cell is not None for cell in line):
            table.add(title(method, start), *line)
    return table


def outcomes_by_data(cells: Cells, names: list[str]) -> Table:
    """The measures by which NRAE wins and loses against the plain autoencoder."""
    table = Table(
        "NRAE beside the plain autoencoder, by data",
        ["data", "start", "NRAE is better by", "NRAE is worse by"],
    )
    for name in names:
        for start in _STARTS:
            results = _outcomes(cells, name, "ae", start)
            if results:
                table.add(name, start, *(_measures(results, which) for which in ("win", "loss")))
    return table


def best_of_each(cells: Cells, names: list[str]) -> Table:
    """The best median of each measure, and whose it is."""
    table = Table(
        "The best of each data set", ["data", *(MEASURES[key].title for key in _QUALITIES)]
    )
    for name in names:
        line = []
        for key in _QUALITIES:
            sign = 1 if MEASURES[key].larger_is_better else -1
            medians = {row: median(cells.get((name, *row), []), key) for row in rows()}
            known = {row: value for row, value in medians.items() if value is not None}
            best = max(known, key=lambda row: sign * known[row], default=None)
            line.append(None if best is None else _named(title(*best), known[best]))
        table.add(name, *line)
    return table


_STARTS = ("random", "geodesic")


def _extent(cells: Cells, names: list[str]) -> str:
    num = {name: [len(cells.get((name, *row), [])) for row in rows()] for name in names}
    whole = sum(min(counts) >= SEEDS for counts in num.values())
    return (
        f"{sum(map(sum, num.values()))} runs. {whole} of {len(PROBLEMS)} data sets have {SEEDS} "
        f"seeds of all {len(rows())} methods with their starts; medians are of the seeds there are."
    )


def _start(cells: Cells, names: list[str]) -> str:
    parts = []
    for name in _known(cells, names):
        counted = []
        for start in _STARTS:
            ranked = _ranked(cells, name, start)
            counted.append(sum(value > _ORDERED for _, value in ranked))
        parts.append(f"{name} {counted[0]} and {counted[1]}")
    if not parts:
        return ""
    return (
        f"So many of {len(OURS)} models agree with the truth by more than {_ORDERED}, from random "
        f"weights and from geodesic coordinates: {', '.join(parts)}. The plain autoencoder gains "
        f"{_gained_by(cells, names, 'ae')}, NRAE {_gained_by(cells, names, 'nrae')}."
    )


def _gained_by(cells: Cells, names: list[str], method: str) -> str:
    gains = {name: _gains(cells, name).get(method) for name in _known(cells, names)}
    known = {name: gain for name, gain in gains.items() if gain is not None}
    if not known:
        return "nothing that is known"
    most, least = max(known, key=lambda n: known[n]), min(known, key=lambda n: known[n])
    return f"from {known[least]:+.2f} ({least}) to {known[most]:+.2f} ({most}) by the start"


def _loss(cells: Cells, names: list[str]) -> str:
    spreads = []
    for name in _known(cells, names):
        ranked = _ranked(cells, name, "geodesic")
        if len(ranked) > 1:
            (worst, low), (best, high) = ranked[0], ranked[-1]
            spreads.append(f"{name} from {low:.2f} ({worst}) to {high:.2f} ({best})")
    return f"From geodesic coordinates the models agree with the truth: {', '.join(spreads)}."


def _beside_plain(cells: Cells, names: list[str]) -> str:
    parts = []
    for start in _STARTS:
        counts: Counter[str] = Counter()
        for name in names:
            counts.update(_outcomes(cells, name, "ae", start).values())
        if counts:
            parts.append(
                f"from {start} starts NRAE is better in {counts['win']}, equal within the seeds in "
                f"{counts['tie']} and worse in {counts['loss']} of {counts.total()} comparisons of "
                "quality"
            )
    return "; ".join(parts).capitalize().replace("nrae", "NRAE") + "." if parts else ""


def _distances(cells: Cells, names: list[str]) -> str:
    parts = []
    for name in _known(cells, names):
        medians = {row: median(cells.get((name, *row), []), "truth") for row in rows()}
        known = {row: value for row, value in medians.items() if value is not None}
        best = max(known, key=lambda row: known[row])
        others = [row for row in (("nrae", "geodesic"), ("Isomap", None)) if row in known]
        beside = ", ".join(f"{title(*row)} {known[row]:.3f}" for row in others if row != best)
        parts.append(f"{name} {known[best]:.3f} of {title(*best)}" + f" ({beside})" * bool(beside))
    return f"The best agreement with the truth: {'; '.join(parts)}." if parts else ""


def _costs(cells: Cells, names: list[str]) -> str:
    parts = []
    for method, start in (("nrae", "geodesic"), *((other, None) for other in OTHERS)):
        ratios = _ratios(cells, names, (method, start), "seconds")
        if ratios:
            parts.append(
                f"{title(method, start)} {statistics.median(ratios):.2g} "
                f"({min(ratios):.2g} to {max(ratios):.2g})"
            )
    listed = ", ".join(parts)
    return (
        "Seconds as a multiple of the plain autoencoder's, from geodesic coordinates, the median "
        f"and range of the data sets: {listed}."
        if parts
        else ""
    )


def _baselines(cells: Cells, names: list[str]) -> str:
    behind, faster, total = [], 0, 0
    for name in names:
        for theirs, method in PYTHAE.items():
            a, b = cells.get((name, method, "random"), []), cells.get((name, theirs, None), [])
            r2, their_r2 = median(a, "r2"), median(b, "r2")
            seconds, their_seconds = median(a, "seconds"), median(b, "seconds")
            if None in (r2, their_r2, seconds, their_seconds):
                continue
            total += 1
            faster += seconds < their_seconds
            behind.append((their_r2 - r2, f"{method} on {name}, {r2:.3f} beside {their_r2:.3f}"))
    if not behind:
        return ""
    worst, where = max(behind)
    near = sum(gap <= 0.01 for gap, _ in behind)
    return (
        f"In {near} of {total} comparisons with pythae ours reconstruct as well within 0.01 of R², "
        f"and in {faster} they take less time; the largest gap is {worst:+.3f} ({where})."
    )


def _known(cells: Cells, names: list[str]) -> list[str]:
    """The data sets with a truth."""
    return [n for n in names if any(found(runs, "truth") for c, runs in cells.items() if c[0] == n)]


def _gains(cells: Cells, name: str) -> dict[str, float]:
    gains = {}
    for method in OURS:
        ends = [median(cells.get((name, method, start), []), "truth") for start in _STARTS]
        if ends[0] is not None and ends[1] is not None:
            gains[method] = ends[1] - ends[0]
    return gains


def _ranked(cells: Cells, name: str, start: str) -> list[tuple[str, float]]:
    """The models with their median agreement with the truth, the worst first."""
    medians = {method: median(cells.get((name, method, start), []), "truth") for method in OURS}
    known = [(method, value) for method, value in medians.items() if value is not None]
    return sorted(known, key=lambda each: each[1])


def _ratios(cells: Cells, names: list[str], row: tuple[str, str | None], key: str) -> list[float]:
    method, start = row
    plain = start or ("random" if method in PYTHAE else "geodesic")
    pairs = [
        (
            median(cells.get((n, method, start), []), key),
            median(cells.get((n, "ae", plain), []), key),
        )
        for n in names
    ]
    return [ours / theirs for ours, theirs in pairs if ours is not None and theirs]


def _outcomes(cells: Cells, name: str, method: str, start: str) -> dict[str, str]:
    """By each measure of quality, whether NRAE wins, ties or loses."""
    results = {}
    for key in _QUALITIES:
        ours = found(cells.get((name, "nrae", start), []), key)
        result = outcome(ours, found(cells.get((name, method, start), []), key), MEASURES[key])
        if result is not None:
            results[key] = result
    return results


def _measures(results: dict[str, str], which: str) -> str | None:
    chosen = [MEASURES[key].title for key, result in results.items() if result == which]
    return ", ".join(chosen) or None


def _named(name: Any, value: float) -> str:
    return f"{value:.3f} {name}"


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"
