"""What graph, start, training and embedding cost from a million to a billion points.

::

    python benchmarks/cost_model.py --measure   # what is not in the record: three minutes
    python benchmarks/cost_model.py             # tables and picture from the record

Small sizes are measured with one thread, and a few coefficients of each stage are fitted to them;
larger ones, which are held out, check the formulas. Then the formulas are carried on, on this
machine and on GPUs whose data sheets are given. ``docs/scale.md`` has the formulas.
"""

import argparse

import torch
from _cost_devices import projections
from _cost_figure import draw
from _cost_fit import fit, predictions, tables
from _cost_runs import RUNS, STAGES, execute
from _record import finish, read_record
from _report import RESULTS, write_report

from nrae_geometric.visualization import save_figure

NAME = "cost_model"


def main() -> None:
    """Measures if asked to, fits, checks and draws."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="what is not in the record")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    path = RESULTS / f"{NAME}_runs.json"
    record = read_record(path)
    if arguments.measure:
        runs = [run for run in RUNS if run.stage in arguments.stages]
        record = finish(runs, execute, 1, path, "cost model")
    fitted = fit(record)
    write_report(NAME, [*tables(record), *projections(fitted)])
    figure = draw(predictions(record, fitted), fitted)
    save_figure(figure, RESULTS / f"{NAME}.png", dpi=150)


if __name__ == "__main__":
    main()
