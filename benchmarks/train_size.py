r"""How the time of a training step and the memory of a run grow with the number of points.

::

    python benchmarks/train_size.py --quick   # up to 10 000 points, under two minutes
    python benchmarks/train_size.py           # up to 1 000 000 points

Each size runs in a process of its own, whose memory is read before there is any point, and at its
peak. Points and neighbors are random: neither changes what a step costs. The time is the median of
several passes over the same number of steps, in rounds over all sizes.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from _memory import resident_bytes
from _report import RESULTS, Table, write_report
from torch_geometric.data import Data

from nrae_geometric.cli.process import keep_freed_memory
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import NRAE, BinaryKernel, mlp
from nrae_geometric.training.step import TrainingStep

NUM_NEIGHBORS = 10
SIZES = [(784, n) for n in (1_000, 10_000, 100_000, 200_000)]
SIZES += [(64, n) for n in (1_000, 10_000, 100_000, 1_000_000)]
ROUNDS = 3


def measure(dim: int, num_nodes: int, num_steps: int = 100) -> dict[str, float]:
    """Trains some steps of NRAE-L on batches of 256 centers with two neighbors each."""
    torch.manual_seed(0)
    keep_freed_memory()
    idle = resident_bytes()
    data = Data(x=torch.rand(num_nodes, dim))
    # In place: copies of the graph that only this script makes would count as the library's.
    data.edge_index = torch.empty(2, num_nodes * NUM_NEIGHBORS, dtype=torch.long)
    data.edge_index[0].random_(num_nodes)
    data.edge_index[1].view(num_nodes, NUM_NEIGHBORS)[:] = torch.arange(num_nodes)[:, None]
    held = data.x.nbytes + data.edge_index.nbytes
    loader = NeighborhoodLoader(data, 2, batch_size=256, shuffle=True)
    model = NRAE(
        mlp([dim, 512, 512, 512, 2], "relu"),
        mlp([2, 512, 512, 512, dim], "relu", "sigmoid"),
        kernel=BinaryKernel(10.0),
    )
    step = TrainingStep(model, 1e-3, torch.device("cpu"))

    def batches():
        while True:
            yield from loader

    times = []
    source = batches()
    for i in range(num_steps + 10):
        start = time.perf_counter()
        step(next(source))
        if i >= 10:
            times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # KiB on Linux
    # The mean has the loader's chunks in it, which the median would miss.
    return {"seconds": statistics.fmean(times), "held": held, "idle": idle, "peak": peak}


def measure_in_process(dim: int, num_nodes: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", str(dim), str(num_nodes)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def plot(table: Table, path: Path) -> None:
    from matplotlib.figure import Figure

    from nrae_geometric.visualization import save_figure

    figure = Figure(figsize=(7.2, 3.2), dpi=150, layout="constrained")
    for axes, column, label in zip(
        figure.subplots(1, 2),
        (2, 4),
        ("milliseconds a step", "MB beyond points, graph, PyTorch"),
        strict=True,
    ):
        for dim, color, marker in ((784, "#0072B2", "o"), (64, "#D55E00", "s")):
            rows = [row for row in table.rows if row[0] == dim]
            axes.plot(
                [row[1] for row in rows],
                [row[column] for row in rows],
                color=color,
                marker=marker,
                label=f"{dim} dimensions",
            )
        axes.set(xscale="log", xlabel="points", ylabel=label)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    save_figure(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, under two minutes")
    parser.add_argument(
        "--measure", nargs=2, type=int, metavar=("DIM", "N"), help=argparse.SUPPRESS
    )
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure)))
        return
    sizes = [size for size in SIZES if size[1] <= 10_000] if arguments.quick else SIZES
    rounds = [[measure_in_process(*size) for size in sizes] for _ in range(ROUNDS)]
    table = Table(
        "Cost against size (NRAE-L, batch 256, 2 neighbors)",
        [
            "dimension",
            "points",
            "ms a step",
            "÷ smallest",
            "MB beyond points, graph and PyTorch",
            "MB of PyTorch",
        ],
    )
    smallest: dict[int, float] = {}
    for (dim, num_nodes), runs in zip(sizes, zip(*rounds, strict=True), strict=True):
        milliseconds = 1e3 * statistics.median(run["seconds"] for run in runs)
        beyond = max(run["peak"] - run["held"] - run["idle"] for run in runs) / 1e6
        idle = max(run["idle"] for run in runs) / 1e6
        smallest.setdefault(dim, milliseconds)
        table.add(dim, num_nodes, milliseconds, milliseconds / smallest[dim], beyond, idle)
    write_report("train_size", [table], quick=arguments.quick)
    if not arguments.quick:
        plot(table, RESULTS / "train_size.png")


if __name__ == "__main__":
    main()
