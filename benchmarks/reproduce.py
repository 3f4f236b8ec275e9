r"""Whether the published claims hold, over many seeds, and what repairs the seeds that fail.

::

    python benchmarks/reproduce.py --quick          # small, for a first look
    python benchmarks/reproduce.py                  # the record; hours on two cores
    python benchmarks/reproduce.py --studies roll   # one study

Each run is one experiment with one seed and its overrides: those of the published experiments,
and those by which the library is judged beyond them (``_reproduce_extra.py``). Finished runs are
kept in ``results/reproduce_runs.json`` and never repeated, so that an interrupted record goes on
where it stopped; tables and figures are made from that file.
"""

import argparse
import json
import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from typing import Any

from _report import RESULTS, write_report
from _reproduce_runs import Run, execute
from _reproduce_studies import studies
from tqdm import tqdm

from nrae_geometric.atomic import atomic_write


def finish(runs: Iterable[Run], jobs: int, name: str) -> dict[str, dict[str, Any]]:
    """Runs what has not been run, and returns the record of all."""
    path = RESULTS / f"{name}_runs.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    missing = {run.key: run for run in runs if run.key not in record}
    # Forking a process in which PyTorch has started threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context) as pool:
        pending = {pool.submit(execute, run): run for run in missing.values()}
        try:
            for future in tqdm(as_completed(pending), total=len(pending), unit="run"):
                run = pending[future]
                record[run.key] = {**asdict(run), **future.result()}
                with atomic_write(path) as temporary:
                    temporary.write_text(json.dumps(record, indent=0) + "\n", encoding="utf-8")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two seeds and 200 epochs")
    parser.add_argument("--seeds", type=int, default=10, help="seeds of the toy experiments")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time")
    parser.add_argument("--studies", nargs="+", help="only these")
    arguments = parser.parse_args()
    from _reproduce_figures import figures
    from _reproduce_report import tables

    name = "reproduce_quick" if arguments.quick else "reproduce"
    runs = studies(2 if arguments.quick else arguments.seeds, quick=arguments.quick)
    # A run of settings that have been given up since is kept, but not shown.
    shown = {run.key for run in runs}
    if arguments.studies:
        unknown = set(arguments.studies) - {run.study for run in runs}
        if unknown:
            parser.error(f"unknown studies {', '.join(sorted(unknown))}")
        runs = [run for run in runs if run.study in arguments.studies]
    record = finish(runs, arguments.jobs, name)
    found = [run for key, run in record.items() if key in shown]
    write_report("reproduce", tables(found), quick=arguments.quick)
    figures(found, name)


if __name__ == "__main__":
    main()
