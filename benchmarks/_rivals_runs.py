"""The runs of ``rivals.py``: a search of each method's settings, and fits that are measured."""

import base64
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from _memory import peak_memory
from _methods import (
    OTHERS,
    K,
    agreement,
    decodes_slowly,
    explained,
    has_way_back,
    other_method,
)
from _report import machine
from _rivals_data import PROBLEMS, Problem
from _rivals_pythae import PythaeAutoencoder
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.metrics import continuity, decoder_distortion, trustworthiness
from nrae_geometric.registry import MODELS
from nrae_geometric.tuning import tune
from nrae_geometric.tuning.objective import with_settings

OURS = (
    "nrae",
    "ae",
    "vae",
    "wae",
    "dae",
    "cae",
    "grae",
    "spae",
    "topoae",
    "irae",
    "ggae",
    "parametric_umap",
)
PYTHAE = {"pythae AE": "ae", "pythae VAE": "vae"}
"""The autoencoders of pythae, and which of ours they are."""
STARTS = ("random", "geodesic")
SEEDS = 5
"""How many seeds a complete record has."""
PICTURED_SEED = 0
"""The seed whose embeddings are kept to be drawn."""

# On a line, and where the expansion is of second order, the estimator takes a third of its rate.
_LEARNING_RATE, _LEARNING_RATE_ON_A_LINE = 3e-3, 1e-3
_PICTURED, _MOST_JUDGED, _PAIRED = 200, 500, 5
# Of points that take an optimization each.
_MOST_DECODED_SLOWLY = 500


@dataclass(frozen=True)
class Budget:
    """What all trained methods have in common.

    Args:
        hidden: The widths of the encoder's hidden layers, mirrored by the decoder.
        epochs: The number of epochs, where it is not the estimator's default.
        trials: The number of settings that a search tries.
    """

    hidden: tuple[int, ...] = (128, 128, 128)
    epochs: int | None = None
    trials: int = 5


@dataclass(frozen=True)
class Search:
    """A search of one method's settings for the first seed's points."""

    data: str
    method: str
    budget: Budget = field(default_factory=Budget)

    @property
    def key(self) -> str:
        return f"{self.data}:{self.method}:search"


@dataclass(frozen=True)
class Fit:
    """A fit to be measured; the start is ``None`` where a method knows of none."""

    data: str
    method: str
    start: str | None
    seed: int
    settings: dict[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)

    @property
    def key(self) -> str:
        return f"{self.data}:{self.method}:{self.start}:{self.seed}"


def is_complete(run: dict[str, Any]) -> bool:
    """Whether a recorded run has all measures: where UMAP has a way back, those of it too."""
    return run["method"] != "UMAP" or run.get("r2") is None or "interpolation" in run


def execute(run: Search | Fit) -> dict[str, Any]:
    """Searches, or fits and measures; what diverges is recorded as failed."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    try:
        found = _search(run) if isinstance(run, Search) else _measure(run)
    except FloatingPointError as error:
        found = {"failed": str(error)}
    whole = time.perf_counter() - start
    return {**found, "whole_run": whole, "processor": machine()["processor"]}


def _search(run: Search) -> dict[str, Any]:
    import optuna  # fits need none

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    problem = PROBLEMS[run.data](0)
    rows, _ = _divided(problem, 0)
    result = tune(
        problem.x[rows],
        _ours(Fit(run.data, run.method, "geodesic", 0, budget=run.budget), problem.dim),
        num_trials=run.budget.trials,
        progress=False,
    )
    return {"settings": result.best, "score": result.score}


def _measure(run: Fit) -> dict[str, Any]:
    _warm_up(run.method)
    problem = PROBLEMS[run.data](run.seed)
    rows, left_out = _divided(problem, run.seed)
    x, held_out = problem.x[rows], problem.x[left_out]
    fitted = _estimator(run, problem.dim)
    with peak_memory() as peak:
        start = time.perf_counter()
        z = np.asarray(fitted.fit_transform(x))
        seconds = time.perf_counter() - start
    found = {
        "truth": _truth(problem, rows, z),
        "trustworthiness": trustworthiness(x, z, K),
        "continuity": continuity(x, z, K),
        "r2": explained(fitted, x, held_out),
        "seconds": seconds,
        "mebibytes": peak.mebibytes,
        **_between(fitted, problem, x, z),
    }
    if run.seed == PICTURED_SEED:
        picture = np.ascontiguousarray(z[:_PICTURED], dtype="<f4")
        found["embedding"] = base64.b64encode(picture.tobytes()).decode()
    return found


def _divided(problem: Problem, seed: int) -> list[np.ndarray]:
    """The rows to learn from, and those left out."""
    return train_test_split(np.arange(len(problem.x)), test_size=0.1, random_state=seed)


def pictured(run: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The recorded embedding of some points, and what they are colored by."""
    problem = PROBLEMS[run["data"]](run["seed"])
    z = np.frombuffer(base64.b64decode(run["embedding"]), "<f4").reshape(-1, problem.dim)
    y = problem.y[_divided(problem, run["seed"])[0]][: len(z)]
    return z, y if y.ndim == 1 else y[:, 0]


def _estimator(run: Fit, dim: int) -> Any:
    if run.method in OTHERS:
        return other_method(run.method, dim, run.seed)
    if run.method in PYTHAE:
        return PythaeAutoencoder(
            dim,
            run.budget.hidden,
            run.settings.get("beta", 1.0) if PYTHAE[run.method] == "vae" else None,
            run.budget.epochs,
            _LEARNING_RATE_ON_A_LINE if dim == 1 else _LEARNING_RATE,
            run.seed,
        )
    return with_settings(_ours(run, dim), run.settings)


def _ours(run: Fit, dim: int) -> ManifoldAutoencoder:
    callbacks = []
    if run.start == "random" and MODELS[run.method].needs_embedding:
        # Its loss knows the coordinates, but its weights are random.
        callbacks = [EmbeddingStart(num_steps=0)]
    return ManifoldAutoencoder(
        dim,
        method=run.method,
        init=run.start,
        hidden_layer_sizes=run.budget.hidden,
        activation="elu",
        learning_rate=_LEARNING_RATE,
        max_epochs=run.budget.epochs,
        callbacks=callbacks,
        random_state=run.seed,
        device="cpu",
    )


@cache
def _warm_up(method: str) -> None:
    """Loads and compiles what belongs to no fit."""
    x = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    _estimator(Fit("", method, "geodesic", 0, budget=Budget((8,), 1)), 2).fit_transform(x)


def _truth(problem: Problem, rows: np.ndarray, z: np.ndarray) -> float | None:
    """The rank correlation with the true order on a line, that with true distances elsewhere."""
    if problem.dim == 1:
        return agreement(z, problem.y[rows])
    if problem.distances is None:
        return None
    some = slice(_MOST_JUDGED)
    return float(np.corrcoef(pdist(z[some]), problem.distances(problem.y[rows][some]))[0, 1])


def _between(fitted: Any, problem: Problem, x: np.ndarray, z: np.ndarray) -> dict[str, Any]:
    """What a way back allows: errors on the clean manifold and between points, and distortion.

    Errors are in units of the points' spread: squared ones of their variance, others of its root.
    """
    if not has_way_back(fitted, problem.dim):
        return {}
    spread = np.sqrt(np.square(x - x.mean(axis=0), dtype=np.float64).sum(axis=1).mean())
    found = {}
    if problem.clean is not None:
        clean = _few(fitted, problem.clean)
        recon = fitted.inverse_transform(fitted.transform(clean))
        squared = np.square(clean - recon, dtype=np.float64).sum(axis=1)
        found["error"] = float(squared.mean() / spread**2)
    near = NearestNeighbors(n_neighbors=_PAIRED).fit(x).kneighbors(return_distance=False)
    middle = (z[:, None] + z[near]) / 2
    decoded = fitted.inverse_transform(_few(fitted, middle.reshape(-1, problem.dim)))
    there = NearestNeighbors(n_neighbors=1).fit(
        problem.x if problem.clean is None else problem.clean
    )
    found["interpolation"] = float(there.kneighbors(decoded)[0].mean() / spread)
    decode = _decoder(fitted)
    if problem.dim > 1 and decode is not None:
        some = torch.from_numpy(np.asarray(z[:_MOST_JUDGED], np.float32))
        distortion = decoder_distortion(decode, some).condition_number.median().item()
        found["distortion"] = distortion if np.isfinite(distortion) else None
    return found


def _few(fitted: Any, points: np.ndarray) -> np.ndarray:
    """All points, or some that are spread evenly among them where each takes long to decode."""
    step = -(-len(points) // _MOST_DECODED_SLOWLY) if decodes_slowly(fitted) else 1
    return points[::step]


def _decoder(fitted: Any) -> Callable[[Tensor], Tensor] | None:
    """The way back as a function of tensors that has derivatives; UMAP and Isomap have none."""
    if isinstance(fitted, ManifoldAutoencoder):
        return fitted.model_.decode
    if isinstance(fitted, PythaeAutoencoder):
        return fitted.decode
    if isinstance(fitted, PCA):
        return partial(torch.matmul, other=torch.from_numpy(fitted.components_).float())
    return None
