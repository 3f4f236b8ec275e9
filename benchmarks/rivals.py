r"""Regularized autoencoders beside each other: same networks, batches and budget, one table.

::

    python benchmarks/rivals.py --quick                       # small, for a first look
    python benchmarks/rivals.py                               # the record
    python benchmarks/rivals.py --data spiral --methods nrae topoae --seeds 2
    python benchmarks/rivals.py --report                      # tables and figures, no runs

Each method's own settings are what :func:`nrae_geometric.tuning.tune` chooses by points left out,
once for the points of the first seed; the truth only judges. Each is trained from random weights
and from geodesic coordinates. Finished runs are kept in ``results/rivals_runs.json`` and never
repeated, so that an interrupted record goes on where it stopped, unless one of their measures is
missing (those of UMAP's way back: ``--methods UMAP`` makes these alone). Tables and figures are
made from that file, complete or not.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence

from _record import Record, finish, read_record
from _report import RESULTS, write_report
from _rivals_data import PROBLEMS, available
from _rivals_pythae import available as pythae_available
from _rivals_runs import (
    OTHERS,
    OURS,
    PYTHAE,
    SEEDS,
    STARTS,
    Budget,
    Fit,
    Search,
    execute,
    is_complete,
)

METHODS = (*OURS, *PYTHAE, *OTHERS)
QUICK = Budget(hidden=(32,), epochs=3, trials=2)
QUICK_DATA = ("spiral", "breast cancer")


def searches(data: str, methods: Iterable[str], budget: Budget) -> Iterator[Search]:
    """The searches that the fits of a data set need; a plain autoencoder has nothing to search."""
    needed = dict.fromkeys(PYTHAE.get(method, method) for method in methods)
    for method in needed:
        if method in OURS and method != "ae":
            yield Search(data, method, budget)


def fits(
    data: str, methods: Iterable[str], seeds: int, record: Record, budget: Budget
) -> Iterator[Fit]:
    """The fits of a data set, with what the searches chose: all methods of one seed first."""
    for seed in range(seeds):
        for method in methods:
            searched = Search(data, PYTHAE.get(method, method)).key
            settings = record.get(searched, {}).get("settings", {})
            starts: tuple[str | None, ...] = STARTS if method in OURS else (None,)
            for start in starts:
                yield Fit(data, method, start, seed, settings, budget)


def compute(
    names: Sequence[str],
    methods: Sequence[str],
    seeds: int,
    *,
    jobs: int = 1,
    quick: bool = False,
) -> Record:
    """Runs what is missing, one data set after the other, and returns the record of all."""
    path = RESULTS / f"rivals{'_quick' if quick else ''}_runs.json"
    budget = QUICK if quick else Budget()
    for name in names:
        record = finish(searches(name, methods, budget), execute, jobs, path, f"{name}, search")
        finish(fits(name, methods, seeds, record, budget), execute, jobs, path, name, is_complete)
    return read_record(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two data sets and three epochs")
    parser.add_argument("--data", nargs="+", choices=PROBLEMS, help="only these")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", type=int, help=f"how many (default: {SEEDS}, with --quick 2)")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time; 1 for true seconds")
    parser.add_argument("--report", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    from _rivals_figures import figures
    from _rivals_report import tables

    names = arguments.data or (QUICK_DATA if arguments.quick else tuple(PROBLEMS))
    for name in names:
        if not available(name):
            print(f"{name}: left out, as NRAE_DATA names no folder of MNIST")
    methods = arguments.methods
    if not pythae_available():
        print("pythae: left out, as it is not installed")
        methods = [method for method in methods if method not in PYTHAE]
    seeds = arguments.seeds or (2 if arguments.quick else SEEDS)
    names = [] if arguments.report else [name for name in names if available(name)]
    record = compute(names, methods, seeds, jobs=arguments.jobs, quick=arguments.quick)
    write_report("rivals", tables(record), quick=arguments.quick)
    figures(record, "rivals_quick" if arguments.quick else "rivals")


if __name__ == "__main__":
    main()
