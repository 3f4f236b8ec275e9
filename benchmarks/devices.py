r"""How long an epoch takes on one process and on two, and where the time goes.

::

    python benchmarks/devices.py --quick
    python benchmarks/devices.py             # the record
    python benchmarks/devices.py --devices 4

Each process has one thread. The numbers of processes take turns: a run of each, of the same network
and points with the same global batches, in processes of their own that start anew; the first epochs
of a run do not count. *Alone* is what one process takes for its half of each batch without the
others: what several take beyond that they wait for each other and for the sums of gradients. Large
batches stand for accumulated gradients: as many rows for each sum of gradients.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

import torch
from _report import Table, write_report
from torch_geometric.data import Data

from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import NRAE
from nrae_geometric.nn.mlp import mlp
from nrae_geometric.training import Callback, Trainer
from nrae_geometric.transforms import KNNGraph

_WARM_UP, _COLUMNS = 2, 64


class Setting(NamedTuple):
    """A network and its batches."""

    name: str
    width: int
    batch_size: int
    num_points: int


SETTINGS = (
    Setting("narrow", 128, 256, 20_000),
    Setting("narrow, batches four times as large", 128, 1024, 20_000),
    Setting("wide", 1024, 256, 5000),
    Setting("wide, batches four times as large", 1024, 1024, 5000),
)


class Clock(Callback):
    """Notes when epochs end."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_epoch_end(self, trainer: Trainer, model: torch.nn.Module) -> None:
        self.ends.append(time.perf_counter())


def epoch_seconds(setting: Setting, devices: int, num_epochs: int, parts: int) -> None:
    """Trains, and prints the median seconds of an epoch from the first process."""
    torch.manual_seed(0)
    graph = KNNGraph(5)(Data(x=torch.randn(setting.num_points, _COLUMNS)))
    loader = NeighborhoodLoader(
        graph, 1, batch_size=setting.batch_size, shuffle=True, generator=torch.Generator()
    )
    hidden = [setting.width] * 3
    model = NRAE(mlp([_COLUMNS, *hidden, 2], "relu"), mlp([2, *hidden, _COLUMNS], "relu"))
    clock = Clock()
    trainer = Trainer(
        num_epochs + _WARM_UP,
        device="cpu",
        devices=devices,
        seed=0,
        callbacks=[clock],
        progress=False,
    )
    # Of a loader's part one process trains on that alone.
    trainer.fit(model, loader if parts == 1 else loader.part(0, parts))
    ends = clock.ends[_WARM_UP - 1 :]
    if trainer.processes.is_first:
        seconds = [after - before for before, after in itertools.pairwise(ends)]
        print(json.dumps(statistics.median(seconds)))


def run(number: int, devices: int, num_epochs: int, parts: int = 1) -> float:
    """Runs a setting in processes of its own, with one thread each."""
    command = [sys.executable, __file__, "--setting", str(number), "--epochs", str(num_epochs)]
    command += ["--devices", str(devices), "--parts", str(parts)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return float(json.loads(done.stdout.splitlines()[-1]))


def measure(devices: int, num_epochs: int, repeats: int) -> Table:
    table = Table(
        f"Seconds of an epoch of NRAE, one thread for each process, {_COLUMNS} columns, "
        "three hidden layers",
        [
            "network",
            "width",
            "batch",
            "points",
            "1 process",
            f"{devices} processes",
            "alone",
            "speedup",
            "waiting",
        ],
    )
    for number, setting in enumerate(SETTINGS):
        times: dict[str, list[float]] = {"one": [], "several": [], "alone": []}
        for _ in range(repeats):
            times["one"].append(run(number, 1, num_epochs))
            times["several"].append(run(number, devices, num_epochs))
            times["alone"].append(run(number, 1, num_epochs, devices))
        one, several, alone = (statistics.median(each) for each in times.values())
        waiting = f"{max(0.0, 1 - alone / several):.0%}"
        table.add(*setting, one, several, alone, one / several, waiting)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two epochs, once")
    parser.add_argument("--devices", type=int, default=2, help="how many processes")
    parser.add_argument("--setting", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--epochs", type=int, default=4, help=argparse.SUPPRESS)
    parser.add_argument("--parts", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.setting is not None:
        setting = SETTINGS[arguments.setting]
        epoch_seconds(setting, arguments.devices, arguments.epochs, arguments.parts)
        return
    num_epochs, repeats = (2, 1) if arguments.quick else (arguments.epochs, 3)
    table = measure(arguments.devices, num_epochs, repeats)
    write_report("devices", [table], quick=arguments.quick)


if __name__ == "__main__":
    main()
