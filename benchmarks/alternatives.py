r"""The estimator beside other ways to a line or a plane, on data where each has its strength.

::

    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/alternatives.py
    python benchmarks/alternatives.py --quick       # the smallest data sets, one seed

Noisy sine and Swiss roll have a truth to compare with, digits and tumors have labels. Every method
has its default parameters, but for Isomap's ten neighbors, and the same points: nine tenths are
learned from, the others are reconstructed where there is a way back. All run in one process with
one thread, after a small fit that loads and compiles. The three autoencoders have the same
networks, start, batches and epochs.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
from _fit_data import DATA
from _fit_measure import DEFAULT, PLAIN
from _methods import OTHERS, K, agreement, explained, other_method
from _report import Table, write_report
from _reproduce_extra import unrolled
from sklearn.model_selection import train_test_split

from nrae_geometric.datasets import SinCurve, SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.metrics import trustworthiness

VARIATIONAL = "variational autoencoder"
METHODS = (*OTHERS, PLAIN, VARIATIONAL, DEFAULT)
POINTS = ("noisy sine", "Swiss roll", "digits", "breast cancer")
SMALL = ("noisy sine", "breast cancer")
COLUMNS = {
    "trustworthiness": f"trustworthiness ({K})",
    "truth": "order or distances",
    "r2": "held-out R²",
    "seconds": "seconds",
    "transform": "1000 new points, s",
}
_NEW_POINTS = 1000


def points(name: str, seed: int) -> tuple[np.ndarray, np.ndarray | None, int]:
    """Points ``[N, D]``, their true coordinates where they are known, and how many to find."""
    if name == "noisy sine":
        data = SinCurve(200, 0.2, seed=seed)[0]
        return data.x.numpy(), data.y.numpy(), 1
    if name == "Swiss roll":
        data = SwissRoll(1000, noise=0.05, dim=3, seed=seed)[0]
        return data.x.numpy(), unrolled(data.y).numpy(), 2
    return DATA[name.replace(" ", "_")]()[0], None, 2


def estimator(method: str, dim: int, seed: int, **settings: Any) -> Any:
    """A method with its default parameters."""
    if method in OTHERS:
        return other_method(method, dim, seed)
    name = {PLAIN: {"method": "ae"}, VARIATIONAL: {"method": "vae"}, DEFAULT: {}}[method]
    return ManifoldAutoencoder(dim, random_state=seed, **name, **settings)


def measure(name: str, method: str, seed: int) -> dict[str, float | None]:
    """Fits once, and says how long it took and how good it is."""
    x, y, dim = points(name, seed)
    rows, left_out = train_test_split(np.arange(len(x)), test_size=0.1, random_state=seed)
    fitted = estimator(method, dim, seed)
    start = time.perf_counter()
    z = fitted.fit_transform(x[rows])
    seconds = time.perf_counter() - start
    new = np.random.default_rng(seed).choice(left_out, _NEW_POINTS)
    start = time.perf_counter()
    fitted.transform(x[new])
    return {
        "trustworthiness": trustworthiness(x[rows], z, K),
        "truth": None if y is None else agreement(z, y[rows]),
        "r2": explained(fitted, x[rows], x[left_out]),
        "seconds": seconds,
        "transform": time.perf_counter() - start,
    }


def compare(names: Iterable[str], methods: Iterable[str], num_seeds: int) -> Table:
    """The medians over seeds; the methods take turns."""
    title = f"Median of {num_seeds} seeds" if num_seeds > 1 else "One seed"
    table = Table(title, ["points", "method", *COLUMNS.values()])
    for name in names:
        runs: dict[str, list[dict[str, Any]]] = {method: [] for method in methods}
        for seed in range(num_seeds):
            for method in runs:
                runs[method].append(measure(name, method, seed))
        for method, found in runs.items():
            table.add(name, method, *map(partial(_median, found), COLUMNS))
    return table


def _median(runs: Iterable[dict[str, Any]], key: str) -> float | None:
    values = [run[key] for run in runs if run[key] is not None]
    return statistics.median(values) if values else None


def warm_up(methods: Iterable[str]) -> None:
    """Loads and compiles what belongs to no fit."""
    x = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    for method in methods:
        ours = {"max_epochs": 1} if method in {PLAIN, VARIATIONAL, DEFAULT} else {}
        fitted = estimator(method, 2, 0, **ours).fit(x)
        z = fitted.transform(x[:20])
        if hasattr(fitted, "inverse_transform"):
            fitted.inverse_transform(z)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the small data sets and one seed")
    parser.add_argument("--data", nargs="+", choices=POINTS, help="only these")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: 3)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    warm_up(arguments.methods)
    names = arguments.data or (SMALL if arguments.quick else POINTS)
    table = compare(names, arguments.methods, 1 if arguments.quick else arguments.seeds)
    write_report("alternatives", [table], quick=arguments.quick)


if __name__ == "__main__":
    main()
