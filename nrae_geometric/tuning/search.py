"""The search for the best settings."""

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.estimator.arrays import as_array
from nrae_geometric.metrics import smallest_connected_k
from nrae_geometric.tuning.estimators import LARGEST_K, steady_estimator, with_settings
from nrae_geometric.tuning.objective import cross_validated_scores
from nrae_geometric.tuning.result import TuningResult

if TYPE_CHECKING:
    from optuna import Study, Trial

_WEIGHTS = (0.1, 1000.0)
_JOURNAL = "trials.journal"
# Where and how visibly a trial is computed does not change what it is.
_INCIDENTAL = ("device", "progress")


def tune(
    points: Any,
    estimator: ManifoldAutoencoder | None = None,
    *,
    num_trials: int = 30,
    num_folds: int = 5,
    num_repeats: int = 2,
    seed: int = 0,
    directory: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> TuningResult:
    r"""Chooses the number of neighbors, the kernel's weight and the order for points.

    Each trial learns from four fifths of the points and reconstructs the other fifth, in turn for
    all fifths of two random divisions; the smallest squared error is the best. Optuna's
    tree-structured Parzen estimator proposes the trials. The first is the estimator as it is. A
    trial that does worse than the median of those before is given up early. Tried are

    * ``n_neighbors`` from the smallest number that connects all points (at least 2) to a third of
      the points, at most 32;
    * ``weight``, the published :math:`\lambda`, from 0.1 to 1000;
    * ``order`` 1 and 2.

    Args:
        points: ``[N, *feature_shape]``, an array or a tensor.
        estimator: Whose other settings to use, such as ``latent_dim``, ``hidden`` and
            ``num_epochs``; by default that of :func:`steady_estimator`.
        num_trials: The number of trials, those of an earlier call with this directory included.
        num_folds: The number of parts, of which each is left out once.
        num_repeats: The number of random divisions into parts. Where points are few and noisy, one
            division alone decides between similar settings by chance.
        seed: The seed of the parts and of the search.
        directory: Where trials are kept, so that a search that was stopped goes on where it was;
            ``best.json``, ``trials.csv`` and ``tuning.png`` are written there too. Nothing is
            kept by default.
        progress: Whether to show a progress bar.

    Raises:
        ModuleNotFoundError: If Optuna is not installed.
        ValueError: If an argument is out of its range, there are too few points, the directory
            holds a search with other points or settings, or no trial succeeded.
    """
    optuna = _optuna()
    array = _checked_points(points)
    estimator = steady_estimator(len(array)) if estimator is None else estimator
    if num_trials < 1:
        raise ValueError(f"num_trials must be at least 1, got {num_trials}")
    if not 2 <= num_folds <= len(array) // 3:
        raise ValueError(
            f"num_folds must be from 2 to {len(array) // 3} for {len(array)} points, "
            f"got {num_folds}"
        )
    if num_repeats < 1:
        raise ValueError(f"num_repeats must be at least 1, got {num_repeats}")
    smallest, largest = _range_of_k(array, num_folds)

    def objective(trial: "Trial") -> float:
        settings = {
            "n_neighbors": trial.suggest_int("n_neighbors", smallest, largest, log=True),
            "weight": trial.suggest_float("weight", *_WEIGHTS, log=True),
            "order": trial.suggest_int("order", 1, 2),
        }
        tried = with_settings(estimator, settings)
        score = -np.inf
        scores = cross_validated_scores(tried, array, num_folds, num_repeats, seed)
        for step, score in enumerate(scores):
            trial.report(score, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return score

    fingerprint = _fingerprint(array, estimator, num_folds, num_repeats, seed)
    study = _study(optuna, directory, seed, fingerprint)
    if not study.trials:
        k = min(max(estimator.n_neighbors, smallest), largest)
        weight = min(max(estimator.weight, _WEIGHTS[0]), _WEIGHTS[1])
        study.enqueue_trial({"n_neighbors": k, "weight": weight, "order": estimator.order})
    remaining = num_trials - sum(trial.state.is_finished() for trial in study.trials)
    if remaining > 0:
        study.optimize(
            objective, remaining, catch=(FloatingPointError,), show_progress_bar=progress
        )
    result = _result(study, estimator)
    if directory is not None:
        result.save(directory)
    return result


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "tuning needs Optuna; install it with pip install 'nrae-geometric[tune]'"
        ) from error
    return optuna


def _checked_points(points: Any) -> np.ndarray:
    array = np.ascontiguousarray(as_array(points))
    if array.ndim < 2 or len(array) < 10 or array.dtype.kind not in "fiub":
        raise ValueError(
            f"points should be numbers [N, *feature_shape] of at least 10 points, got "
            f"{array.dtype} {list(array.shape)}"
        )
    array = array.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
    if len(bad):
        raise ValueError(
            f"points have {len(bad)} rows with NaN or infinite values (first: row {bad[0]}); "
            f"drop or impute them"
        )
    return array


def _range_of_k(points: np.ndarray, num_folds: int) -> tuple[int, int]:
    num_learned = len(points) - -(-len(points) // num_folds)
    largest = min(LARGEST_K, max(3, num_learned // 3))
    x: Tensor = torch.from_numpy(points)
    # Where no such k connects the points, they lie on several manifolds and any k may do.
    smallest = smallest_connected_k(x, largest) or 2
    return min(max(2, smallest), largest), largest


def _fingerprint(
    points: np.ndarray,
    estimator: ManifoldAutoencoder,
    num_folds: int,
    num_repeats: int,
    seed: int,
) -> str:
    parameters = estimator.get_params()
    settings = {name: str(parameters[name]) for name in parameters if name not in _INCIDENTAL}
    settings |= {"num_folds": str(num_folds), "num_repeats": str(num_repeats)}
    settings |= {"seed": str(seed), "shape": str(points.shape)}
    text = json.dumps(settings, sort_keys=True).encode()
    return hashlib.sha256(text + points.tobytes()).hexdigest()


def _study(
    optuna: Any, directory: str | os.PathLike[str] | None, seed: int, fingerprint: str
) -> "Study":
    storage = None
    if directory is not None:
        from optuna.storages.journal import JournalFileBackend

        path = Path(directory) / _JOURNAL
        path.parent.mkdir(parents=True, exist_ok=True)
        # Lines of JSON, of which reading executes nothing.
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    study = optuna.create_study(
        study_name="nrae", storage=storage, direction="maximize", load_if_exists=True
    )
    known = study.user_attrs.get("fingerprint", fingerprint)
    if known != fingerprint:
        raise ValueError(
            f"{directory} holds a search with other points or settings; remove the folder, or "
            f"name another one"
        )
    study.set_user_attr("fingerprint", fingerprint)
    # A resumed search must not propose its first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=8)
    return study


def _result(study: "Study", estimator: ManifoldAutoencoder) -> TuningResult:
    table = []
    for trial in study.trials:
        state = trial.state.name.lower()
        if state in ("complete", "pruned", "fail") and trial.params:
            table.append(
                {"trial": trial.number, "score": trial.value, **trial.params, "state": state}
            )
    complete = [row for row in table if row["state"] == "complete"]
    if not complete:
        raise ValueError(
            f"none of {len(table)} trials succeeded: the loss was not finite; lower the "
            f"estimator's lr, or scale outliers down"
        )
    order = {"complete": 0, "pruned": 1, "fail": 2}
    table.sort(key=lambda row: (order[row["state"]], -(row["score"] or 0.0)))
    best = {name: table[0][name] for name in ("n_neighbors", "weight", "order")}
    return TuningResult(best, table[0]["score"], table, with_settings(estimator, best))
