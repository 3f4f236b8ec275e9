r"""How long a whole fit takes, from points to a plane of them, beside UMAP and others.

::

    python benchmarks/fit_speed.py --quick          # the small data sets, one seed
    python benchmarks/fit_speed.py --busy           # all but the largest, three seeds
    python benchmarks/fit_speed.py --large          # a million points as well, one seed
    python benchmarks/fit_speed.py --curve digits   # quality against time, as a chart

Every fit has its default parameters, two components and a process of its own, in which a small fit
before it has loaded and compiled what belongs to none; the methods take turns. MNIST is read from
the folder that ``NRAE_DATA`` names, and left out without it. The time is that of the whole
``fit_transform``, and the memory what it takes at its peak beyond the points. Trustworthiness is
that of all points or of a random 5000 of them, and the accuracy that of ten neighbors in the plane,
cross-validated. Held-out points are a tenth, reconstructed by a fit to the others. UMAP has no
seed, with which it would use one core alone. In the chart the plain autoencoder is the estimator
with ``method="ae"``, and Isomap has ten neighbors.
"""

import argparse
import statistics
from collections.abc import Iterable
from typing import Any

from _fit_curve import curve
from _fit_data import DATA, LARGE, SMALL, available
from _fit_measure import DEFAULT, METHODS, K, measure_in_process
from _report import Table, write_report

DEFAULT_METHODS = (DEFAULT, "UMAP")
COLUMNS = {
    "seconds": "seconds",
    "trustworthiness": f"trustworthiness ({K})",
    "accuracy": f"{K}-NN accuracy",
    "r2": "held-out R²",
    "transform": "transform of 10 000, s",
    "mebibytes": "memory (MiB)",
}


def fit_table(names: Iterable[str], methods: Iterable[str], num_seeds: int, busy: bool) -> Table:
    title = f"A whole fit, median of {num_seeds} seeds" if num_seeds > 1 else "A whole fit"
    columns = ["points", "method", *COLUMNS.values(), "÷ UMAP"]
    if busy:
        columns += ["seconds, beside one busy process", "busy ÷ alone"]
    table = Table(title, columns)
    for name in names:
        runs: dict[str, list[dict[str, Any]]] = {method: [] for method in methods}
        slow: dict[str, list[float]] = {method: [] for method in methods}
        for seed in range(1 if name == LARGE else num_seeds):
            for method in methods:
                fit = {"data": name, "method": method, "seed": seed}
                # What takes another fit is measured once, and of a million points by our own.
                whole = seed == 0 and (method == DEFAULT or name != LARGE)
                runs[method].append(measure_in_process(**fit, whole=whole))
                print(
                    f"{name}, {method}, seed {seed}: {runs[method][-1]['seconds']:.3g} s",
                    flush=True,
                )
                if busy:
                    again = measure_in_process(**fit, judged=False, busy=True)
                    slow[method].append(again["seconds"])
        found = {method: {key: _median(runs[method], key) for key in COLUMNS} for method in runs}
        for method, medians in found.items():
            seconds = medians["seconds"]
            row = [
                *medians.values(),
                seconds / found["UMAP"]["seconds"] if "UMAP" in found else None,
            ]
            if busy:
                beside = statistics.median(slow[method])
                row += [beside, beside / seconds]
            table.add(name, method, *row)
    return table


def _median(runs: Iterable[dict[str, Any]], key: str) -> float | None:
    values = [run[key] for run in runs if run.get(key) is not None]
    return statistics.median(values) if values else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the small data sets and one seed")
    parser.add_argument("--large", action="store_true", help="a million points too")
    parser.add_argument("--busy", action="store_true", help="once more beside a busy process")
    parser.add_argument("--data", nargs="+", choices=DATA, help="only these")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=DEFAULT_METHODS)
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: 3)")
    parser.add_argument("--curve", choices=DATA, help="chart quality against time instead")
    arguments = parser.parse_args()
    names = arguments.data or (SMALL if arguments.quick else DATA)
    if arguments.curve:
        names = [arguments.curve]
    elif not arguments.large and not arguments.data:
        names = [name for name in names if name != LARGE]
    for name in names:
        if not available(name):
            print(f"{name}: left out, as NRAE_DATA names no folder of MNIST")
    names = [name for name in names if available(name)]
    if arguments.curve:
        for name in names:
            curve(name, arguments.quick)
    else:
        num_seeds = 1 if arguments.quick else arguments.seeds
        table = fit_table(names, arguments.methods, num_seeds, arguments.busy)
        write_report("fit_speed", [table], quick=arguments.quick)


if __name__ == "__main__":
    main()
