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
import os

from _record import finish
from _report import RESULTS, write_report
from _reproduce_runs import execute
from _reproduce_studies import studies


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
    record = finish(runs, execute, arguments.jobs, RESULTS / f"{name}_runs.json")
    found = [run for key, run in record.items() if key in shown]
    write_report("reproduce", tables(found), quick=arguments.quick)
    figures(found, name)


if __name__ == "__main__":
    main()
