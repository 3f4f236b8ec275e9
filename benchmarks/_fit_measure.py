"""One fit of ``fit_speed.py``: its time, its memory, and how good it is."""

import json
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from _busy import busy_process
from _fit_data import DATA
from _memory import peak_memory
from _methods import OTHERS, K, decodes_slowly, explained, has_way_back, other_method
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier

from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.metrics import trustworthiness

DEFAULT, PLAIN = "ManifoldAutoencoder", "plain autoencoder"
METHODS = (*OTHERS, PLAIN, DEFAULT)
_SAMPLE, _LABELED_SAMPLE = 5_000, 20_000
_NEW_POINTS = 10_000
# From so many points on, UMAP searches neighbors in another way, with other functions to compile.
_UMAP_SEARCHES = 4_500


def estimator(method: str, seed: int, max_epochs: int | None = None) -> Any:
    """A method with its default parameters, or trained for a given number of epochs."""
    if method in OTHERS:
        # With a seed UMAP would use one core.
        return other_method(method, 2, None if method == "UMAP" else seed)
    # A given number of epochs is trained to its end.
    epochs = {} if max_epochs is None else {"max_epochs": max_epochs, "early_stopping": False}
    name = {"method": "ae"} if method == PLAIN else {}
    return ManifoldAutoencoder(random_state=seed, **name, **epochs)


def warm_up(method: str, shape: tuple[int, ...]) -> None:
    """Loads and compiles what belongs to no fit."""
    large = method == "UMAP" and shape[0] >= _UMAP_SEARCHES
    x = np.random.default_rng(0).normal(size=(_UMAP_SEARCHES if large else 200, shape[1]))
    first = estimator(method, 0, max_epochs=1)
    if method == "UMAP":
        first.set_params(n_epochs=2)
    first.fit_transform(x.astype(np.float32))


def measure(
    data: str,
    method: str,
    seed: int,
    max_epochs: int | None = None,
    judged: bool = True,
    whole: bool = True,
) -> dict[str, float | None]:
    """Fits once in this process.

    Args:
        data: The name of the points.
        method: One of METHODS.
        seed: Its seed.
        max_epochs: The number of epochs, where it is not the default.
        judged: Whether to say how good it is.
        whole: Whether that is to have what takes a fit without some points, or many new ones.
    """
    warnings.simplefilter("ignore")
    x, y = DATA[data]()
    warm_up(method, x.shape)
    fitted = estimator(method, seed, max_epochs)
    with peak_memory() as peak:
        start = time.perf_counter()
        z = fitted.fit_transform(x)
        seconds = time.perf_counter() - start
    found = {"seconds": seconds, "mebibytes": peak.mebibytes}
    if judged:
        found |= judge(x, y, z)
    if judged and whole:
        found |= {"r2": held_out_r2(clone(fitted), x, seed)}
        rows = np.random.default_rng(seed).integers(len(x), size=_NEW_POINTS)
        start = time.perf_counter()
        fitted.transform(x[rows])
        found |= {"transform": time.perf_counter() - start}
    return found


def judge(x: np.ndarray, y: np.ndarray | None, z: np.ndarray) -> dict[str, float | None]:
    """How far neighborhoods in the plane are those of the points, and of their labels."""
    order = np.random.default_rng(0).permutation(len(x))
    rows, labeled = order[:_SAMPLE], order[:_LABELED_SAMPLE]
    accuracy = None
    if y is not None:
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        neighbors = KNeighborsClassifier(K)
        accuracy = float(cross_val_score(neighbors, z[labeled], y[labeled], cv=folds).mean())
    return {"trustworthiness": trustworthiness(x[rows], z[rows], K), "accuracy": accuracy}


def held_out_r2(unfitted: Any, x: np.ndarray, seed: int) -> float | None:
    """The share of the variance of a tenth of the points that a fit to the others explains.

    Isomap has no way back from the plane, and UMAP's solves an optimization of its own for every
    point: both have none.
    """
    if not has_way_back(unfitted, 2) or decodes_slowly(unfitted):
        return None
    learned, held_out = train_test_split(x, test_size=0.1, random_state=seed)
    return explained(unfitted.fit(learned), learned, held_out)


def measure_in_process(busy: bool = False, **settings: Any) -> dict[str, float | None]:
    """The same in a process of its own, beside another one that takes a core where asked to."""
    command = [sys.executable, str(Path(__file__).resolve()), json.dumps(settings)]
    with busy_process(busy):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
