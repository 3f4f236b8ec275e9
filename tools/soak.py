"""Fits, uses, saves, searches and measures for a while, and says whether memory grows.

Run as ``python tools/soak.py --minutes 20``; it fails where the process holds more in the
last quarter of the time than in the second one, by more than ``--limit`` MiB.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from nrae_geometric.configs import load_config
from nrae_geometric.datasets import SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.experiments import evaluate_experiment, run_experiment
from nrae_geometric.neighbors import knn


def resident() -> float:
    """Memory that the process holds, in MiB."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not tell the memory of a process")


def fit_and_use(folder: Path, seed: int) -> None:
    points = SwissRoll(200, seed=seed, dim=3)[0].x.numpy()
    estimator = ManifoldAutoencoder(
        2, n_neighbors=8, hidden_layer_sizes=(64, 64), max_epochs=5, random_state=seed, device="cpu"
    )
    z = estimator.fit_transform(points)
    estimator.inverse_transform(z)
    estimator.score(points)
    estimator.save(folder / "model")
    ManifoldAutoencoder.load(folder / "model", device="cpu").transform(points)


def search(folder: Path, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    # Of other sizes each time, as a memory pool likes it least.
    size = int(torch.randint(1000, 20_000, (), generator=generator))
    for dim in (3, 32):
        knn(torch.rand(size, dim, generator=generator), 10)


def run(folder: Path, seed: int) -> None:
    overrides = {"training.num_epochs": 20, "seed": seed}
    config = load_config("NRAEQ_toy_geometry_preserving", overrides)
    result = run_experiment(config, device="cpu", logdir=folder, progress=False)
    evaluate_experiment(result.directory, device="cpu")


WORK: tuple[Callable[[Path, int], None], ...] = (fit_and_use, search, run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--limit", type=float, default=20, help="growth that is allowed, MiB")
    arguments = parser.parse_args()
    start, rounds, held = time.monotonic(), 0, []
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() - start < 60 * arguments.minutes:
            for work in WORK:
                work(Path(folder), rounds)
            rounds += 1
            held.append(resident())
            minutes = (time.monotonic() - start) / 60
            if rounds % 10 == 1:
                print(f"{minutes:5.1f} min  {rounds:5d} rounds  {held[-1]:7.1f} MiB", flush=True)
    quarter = max(len(held) // 4, 1)
    before = statistics.median(held[quarter : 2 * quarter] or held)
    growth = statistics.median(held[-quarter:]) - before
    print(f"{rounds} rounds; the last quarter holds {growth:+.1f} MiB against the second quarter")
    sys.exit(growth > arguments.limit)


if __name__ == "__main__":
    main()
