r"""How long a training step takes, against the published formulation and against the floor.

::

    python benchmarks/train_speed.py --quick   # under two minutes on two cores
    python benchmarks/train_speed.py           # all settings, whole runs and sizes
    python benchmarks/train_speed.py --device cuda --matmul-precision high  # with TF32

Every row trains the same model on the same points in three ways that take turns in one process:
the library (its loader, loss, and fused Adam), the published formulation
(``benchmarks/published.py``) and the latter with nested :func:`torch.func.jvp`. Times are those of
whole epochs, divided by the steps; a turn is a tenth of a second long, and its first epoch does not
count. Before it is timed, all three give the same loss and gradients on one batch. The floor is the
time which the library's own matrix products of a step take at the rate of a large one, measured in
the same run. On a machine of several cores another table has the library's steps beside a process
that keeps one of them busy; ``GOMP_SPINCOUNT=0`` shows them as threads that wait passively.
"""

import argparse
import copy
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import published
import torch
from _busy import busy_process
from _report import Table, write_report
from _settings import (
    Setting,
    check,
    library_epoch,
    published_epoch,
    published_setting,
    synchronize,
    synthetic_setting,
)
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torch_geometric.data import Data

from nrae_geometric.training.threads import threads_worth

EXPERIMENTS = [
    f"{arch}_{task}"
    for task in ("toy_denoising", "toy_geometry_preserving", "mnist_rotated", "mnist_shifted")
    for arch in ("AE", "NRAEL", "NRAEQ")
]
"""The twelve published experiments."""

_SECONDS_A_TURN = 0.1


def median_times(
    candidates: dict[str, Callable[[], Any]], seconds: float, warm_up: int = 3
) -> dict[str, float]:
    """The median time of each candidate in seconds.

    They take turns of many calls. The first call of a turn does not count: a training run finds its
    own weights in the processor's cache, not those of another.
    """
    for candidate in candidates.values():
        for _ in range(warm_up):
            candidate()
    times: dict[str, list[float]] = {name: [] for name in candidates}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[next(iter(times))]) < 5:
        for name, candidate in candidates.items():
            candidate()
            turn_end = time.perf_counter() + _SECONDS_A_TURN
            while (start := time.perf_counter()) < turn_end:
                candidate()
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in times.items()}


def floating_point_operations(setting: Setting) -> int:
    """Those of the matrix products of one step of the library, forwards and backwards."""
    model = copy.deepcopy(setting.model)
    batch = next(iter(setting.loader))
    with FlopCounterMode(display=False) as counter:
        model.loss(batch).backward()
    return counter.get_total_flops()


def matrix_rate(device: torch.device) -> float:
    """Floating-point operations per second of a large float32 matrix product."""
    size = 2048 if device.type == "cpu" else 8192
    a, b = torch.randn(2, size, size, device=device)

    def product() -> None:
        torch.mm(a, b)
        synchronize(device)

    return 2 * size**3 / median_times({"product": product}, seconds=1.0)["product"]


def step_table(settings: Iterable[Setting], seconds: float) -> Table:
    table = Table(
        "A training step",
        ["setting", "library ms", "published ÷ library", "nested jvp ÷ library", "times the floor"],
    )
    for setting in settings:
        check(setting)
        rate = matrix_rate(setting.data.x.device)
        candidates = {
            "library": library_epoch(setting),
            "published": published_epoch(setting, published.expand_by_double_backward),
        }
        if setting.order is not None:
            candidates["nested"] = published_epoch(setting, published.expand_by_nested_jvp)
        times = median_times(candidates, seconds)
        num_steps = len(setting.loader)
        table.add(
            setting.name,
            1e3 * times["library"] / num_steps,
            times["published"] / times["library"],
            times["nested"] / times["library"] if "nested" in times else None,
            times["library"] / num_steps * rate / floating_point_operations(setting),
        )
    return table


def busy_table(settings: Iterable[Setting], seconds: float) -> Table:
    """A step on one and on two threads, alone and beside a process that takes a core."""
    table = Table(
        "Beside one busy process",
        [
            "setting",
            "alone, 1 thread ms",
            "alone, 2 threads ms",
            "busy, 1 thread ms",
            "busy, 2 threads ms",
            "library's threads",
            "library, busy ÷ alone",
            "library, alone ÷ better alone",
        ],
    )
    before = torch.get_num_threads()
    for setting in settings:
        epoch = library_epoch(setting)
        worth = threads_worth(setting.model, setting.loader.rows_per_batch)
        own = 2 if worth is None else min(worth, 2)
        times: dict[tuple[bool, int], float] = {}
        for busy in (False, True):
            with busy_process(busy):
                for threads in (1, 2):
                    torch.set_num_threads(threads)
                    times[busy, threads] = mean_time(epoch, seconds / 4) / len(setting.loader)
        torch.set_num_threads(before)
        table.add(
            setting.name,
            *(1e3 * time for time in times.values()),
            own,
            times[True, own] / times[False, own],
            times[False, own] / min(times[False, 1], times[False, 2]),
        )
    return table


def mean_time(run: Callable[[], Any], seconds: float) -> float:
    """The mean time in seconds, in which the few long waits for a core count, unlike a median."""
    run()
    start = time.perf_counter()
    end, count = start + seconds, 0
    while time.perf_counter() < end or count < 3:
        run()
        count += 1
    return (time.perf_counter() - start) / count


def order_table(seconds: float, device: str) -> Table:
    """What the second order costs, on smooth and on piecewise linear decoders."""
    table = Table("Order 2 against order 1", ["decoder", "order 2 ÷ order 1"])
    for latent in (1, 2):
        for activation in ("elu", "relu"):
            candidates = {
                str(order): library_epoch(
                    synthetic_setting(
                        order, 256, 10, 2048, (2, 512, 512, 512, latent), activation, device
                    )
                )
                for order in (1, 2)
            }
            times = median_times(candidates, seconds)
            table.add(f"{activation}, latent dimension {latent}", times["2"] / times["1"])
    return table


def overhead_table(seconds: float, device: str) -> Table:
    """The loader's and the loop's share of the step, measured with a model that does nothing."""

    class Nothing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parameter = nn.Parameter(torch.zeros(1))

        def loss(self, batch: Data) -> Tensor:
            return self.parameter.sum()

    table = Table("Loader and loop", ["setting", "overhead ms", "share of the step %"])
    for name in ("NRAEL_toy_geometry_preserving", "NRAEL_toy_denoising"):
        setting = published_setting(name, device)
        real = library_epoch(setting)
        setting.model = Nothing().to(device)
        times = median_times({"step": real, "overhead": library_epoch(setting)}, seconds)
        share = times["overhead"] / times["step"]
        table.add(name, 1e3 * times["overhead"] / len(setting.loader), 100 * share)
    return table


def compile_table(seconds: float, device: str) -> Table:
    """What :func:`torch.compile` gains in a step, and costs before the first one."""
    table = Table("torch.compile", ["setting", "eager ÷ compiled", "warm-up s", "pays after steps"])
    for name in ("NRAEL_toy_denoising", "NRAEQ_toy_denoising"):
        setting = published_setting(name, device)
        eager, compiled = library_epoch(setting), library_epoch(setting, compile=True)
        start = time.perf_counter()
        for _ in range(10):
            compiled()
        warm_up = time.perf_counter() - start
        times = median_times({"eager": eager, "compiled": compiled}, seconds)
        gain = times["eager"] - times["compiled"]
        table.add(
            name,
            times["eager"] / times["compiled"],
            warm_up,
            warm_up / gain * len(setting.loader) if gain > 0 else None,
        )
    return table


def run_table() -> Table:
    """Whole runs, from the start of the process to the written animation."""
    table = Table(
        "A whole run",
        [
            "experiment",
            "library s",
            "published s",
            "published ÷ library",
            "library, beside one busy process s",
        ],
    )
    here = Path(__file__).parent
    for name in ("NRAEL_toy_denoising", "NRAEQ_toy_denoising", "NRAEL_toy_geometry_preserving"):
        with tempfile.TemporaryDirectory() as folder:
            library = [sys.executable, "-m", "nrae_geometric", "train", name, "--logdir", folder]
            rival = [sys.executable, str(here / "published.py"), name, f"{folder}/out.gif"]
            seconds = []
            for command, busy in ((library, False), (rival, False), (library, True)):
                with busy_process(busy):
                    start = time.perf_counter()
                    subprocess.run(command, check=True, capture_output=True)
                    seconds.append(time.perf_counter() - start)
        table.add(name, *seconds[:2], seconds[1] / seconds[0], seconds[2])
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rows, under two minutes")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument(
        "--matmul-precision",
        default="highest",
        choices=["highest", "high", "medium"],
        help="of float32 products on a GPU, as torch.set_float32_matmul_precision takes it",
    )
    arguments = parser.parse_args()
    torch.set_float32_matmul_precision(arguments.matmul_precision)
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  (what the published data set draws from)
    device = arguments.device
    seconds = 1.0 if arguments.quick else 5.0
    names = EXPERIMENTS[:3] if arguments.quick else EXPERIMENTS
    settings = [published_setting(name, device) for name in names]
    sizes = [(256, 512)] if arguments.quick else [(256, 512), (1024, 2048)]
    if device == "cuda":
        sizes.append((8192, 16384))
    settings += [
        synthetic_setting(order, batch_size, 10, num_nodes, device=device)
        for batch_size, num_nodes in sizes
        for order in (1, 2)
    ]
    tables = [step_table(settings, seconds), overhead_table(seconds, device)]
    if device == "cpu" and (os.cpu_count() or 1) > 1:
        tables.append(busy_table(settings, seconds))
    if not arguments.quick:
        tables += [order_table(seconds, device), compile_table(seconds, device)]
        if device == "cpu":  # where the published way trains as well
            tables.append(run_table())
    name = "train_speed" if device == "cpu" else "train_speed_cuda"
    write_report(name, tables, quick=arguments.quick)


if __name__ == "__main__":
    main()
