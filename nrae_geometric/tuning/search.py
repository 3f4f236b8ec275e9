"""The search for the best settings."""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.atomic import remove_leftovers
from nrae_geometric.budget import held_out_fraction
from nrae_geometric.estimator import METHOD_PARAMETERS, ManifoldAutoencoder
from nrae_geometric.locking import FolderLock
from nrae_geometric.metrics import smallest_connected_k
from nrae_geometric.points import Points
from nrae_geometric.registry import MODELS
from nrae_geometric.tuning.objective import (
    cross_validated_scores,
    full_batch_estimator,
    usual_neighbors,
    with_settings,
)
from nrae_geometric.tuning.result import TuningResult

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

LARGEST_K = 32
"""The largest number of neighbors that is tried."""

_JOURNAL = "trials.journal"
_NOT_FINITE = "loss_not_finite"
# Where and how visibly a trial is computed does not change what it is.
_INCIDENTAL = ("device", "verbose")

SearchSpace = Callable[[Any], dict[str, Any]]
"""Settings to try, drawn from an Optuna trial."""


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
    r"""Chooses the number of neighbors and the settings of the method for points.

    Each trial learns from four fifths of the points and reconstructs the other fifth, in turn for
    all fifths of two random divisions; the smallest squared error is the best. Optuna's
    tree-structured Parzen estimator proposes the trials. The first is the estimator as it is, or
    as near to it as the search goes. A trial that does worse than the median of those before is
    given up early. Tried are

    * ``n_neighbors`` from the smallest number that connects all points (at least 2) to a third of
      the points, at most 32, if the method learns from a graph;
    * the ``search_space`` of the method's settings, see
      :class:`~nrae_geometric.registry.ModelSettings`: for :obj:`"nrae"` the ``order``, 1 or 2, and
      the ``neighbor_weight``, the published :math:`\lambda`, from 0.1 to 1000.

    Where a method has nothing to try, its estimator as it is gets a score.

    Args:
        points (array or Tensor): ``[N, *feature_shape]``.
        estimator (ManifoldAutoencoder, optional): Its method is tuned, and its other parameters,
            such as ``n_components``, ``hidden_layer_sizes`` and ``max_epochs``, are used. By
            default that of :func:`full_batch_estimator`. (default: :obj:`None`)
        num_trials (int, optional): The number of trials, those of an earlier call with this
            directory included. (default: :obj:`30`)
        num_folds (int, optional): The number of parts, of which each is left out once.
            (default: :obj:`5`)
        num_repeats (int, optional): The number of random divisions into parts. Where points are
            few and noisy, one division alone decides between similar settings by chance.
            (default: :obj:`2`)
        seed (int, optional): The seed of the parts and of the search. (default: :obj:`0`)
        directory (str or os.PathLike, optional): Where trials are kept, so that a search that was
            stopped goes on where it was; ``best.json``, ``trials.csv`` and ``tuning.png`` are
            written there too. No other search may use it meanwhile. A search that has found
            nothing, such as one whose every trial failed, is not kept. Nothing is by default.
            (default: :obj:`None`)
        progress (bool, optional): Whether to show a progress bar. (default: :obj:`True`)

    Raises:
        FolderInUseError: If another search is writing to the directory.
        ModuleNotFoundError: If Optuna is not installed.
        OSError: If a file cannot be written, with its name.
        TypeError: If an argument is of another type.
        ValueError: If an argument is out of its range, there are too few points, the directory
            holds a search with other points or settings or a damaged one, or no trial succeeded.
    """
    optuna = _optuna()
    array = _checked_points(points)
    estimator = full_batch_estimator(len(array)) if estimator is None else estimator
    if not isinstance(estimator, ManifoldAutoencoder):
        raise TypeError(f"estimator must be a ManifoldAutoencoder, got {estimator!r}")
    num_trials = integer("num_trials", num_trials, 1)
    num_repeats = integer("num_repeats", num_repeats, 1)
    num_folds = integer("num_folds", num_folds, 0)
    seed = integer("seed", seed, 0, 2**32 - 1)
    if not 2 <= num_folds <= len(array) // 3:
        raise ValueError(
            f"num_folds must be from 2 to {len(array) // 3} for {len(array)} points, "
            f"got {num_folds}"
        )
    search_space = _search_space(estimator, array, num_folds)
    first = _NearestTrial(_present_settings(estimator))
    search_space(first)

    def objective(trial: "Trial") -> float:
        tried = with_settings(estimator, search_space(trial))
        score = -np.inf
        scores = cross_validated_scores(tried, array, num_folds, num_repeats, seed)
        try:
            for step, score in enumerate(scores):
                trial.report(score, step)
                if trial.should_prune():
                    raise optuna.TrialPruned
        except FloatingPointError:
            trial.set_user_attr(_NOT_FINITE, True)
            raise
        return score

    fingerprint = _fingerprint(array, estimator, num_folds, num_repeats, seed)
    with _locked(directory):
        study = _study(optuna, directory, seed, fingerprint)
        try:
            finished = _finished(study)
            if not finished:
                study.enqueue_trial(first.params)
            remaining = (num_trials if first.params else 1) - len(finished)
            if remaining > 0:
                study.optimize(
                    objective, remaining, catch=(FloatingPointError,), show_progress_bar=progress
                )
            table = _table(study)
        except BaseException:
            # A search that has found nothing must not stand in the way of the next.
            if directory is not None and not _has_found(study):
                (Path(directory) / _JOURNAL).unlink(missing_ok=True)
            raise
        best = search_space(optuna.trial.FixedTrial(table[0]))
        result = TuningResult(best, table[0]["score"], table, with_settings(estimator, best))
        if directory is not None:
            result.save(directory)
    return result


def _locked(directory: str | os.PathLike[str] | None) -> AbstractContextManager[Any]:
    return nullcontext() if directory is None else FolderLock(directory)


def _search_space(
    estimator: ManifoldAutoencoder, points: np.ndarray, num_folds: int
) -> SearchSpace:
    method = MODELS[estimator.method]
    if not method.needs_graph:
        return method.search_space
    num_learned = len(points) - -(-len(points) // num_folds)
    fraction, _ = held_out_fraction(
        num_learned, estimator.early_stopping, estimator.validation_fraction
    )
    num_learned -= math.ceil(num_learned * fraction)
    largest = min(LARGEST_K, max(3, num_learned // 3))
    # Where no such k connects the points, they lie on several manifolds and any k may do.
    smallest = smallest_connected_k(torch.from_numpy(points), largest) or 2
    smallest = min(max(2, smallest), largest)

    def search_space(trial: Any) -> dict[str, Any]:
        k = trial.suggest_int("n_neighbors", smallest, largest, log=True)
        return {"n_neighbors": k, **method.search_space(trial)}

    return search_space


def _present_settings(estimator: ManifoldAutoencoder) -> dict[str, Any]:
    fields = MODELS[estimator.method].model_fields
    parameters = {name: getattr(estimator, name) for name in METHOD_PARAMETERS}
    parameters["n_neighbors"] = usual_neighbors(estimator)
    defaults = {name: field.default for name, field in fields.items() if not field.is_required()}
    return {**defaults, **parameters, **(estimator.method_params or {})}


class _NearestTrial:
    """A trial that proposes what is nearest to given values."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.params: dict[str, Any] = {}

    def suggest_int(self, name: str, low: int, high: int, **_: Any) -> int:
        self.params[name] = int(self.suggest_float(name, low, high))
        return self.params[name]

    def suggest_float(self, name: str, low: float, high: float, **_: Any) -> float:
        self.params[name] = float(min(max(self.values.get(name, low), low), high))
        return self.params[name]

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        value = self.values.get(name)
        self.params[name] = value if value in choices else choices[0]
        return self.params[name]


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "tuning needs Optuna; install it with pip install 'nrae-geometric[tune]'"
        ) from error
    return optuna


def _checked_points(points: Any) -> np.ndarray:
    given = Points(points, "points")
    if len(given) < 10:
        raise ValueError(f"tuning needs at least 10 points, got shape {list(given.shape)}")
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(given.rows().reshape(given.shape), dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
    if len(bad):
        raise ValueError(
            f"points have {len(bad)} rows with NaN or infinite values (first: row {bad[0]}) in "
            f"single precision; drop, impute or scale them"
        )
    return array


def _fingerprint(
    points: np.ndarray,
    estimator: ManifoldAutoencoder,
    num_folds: int,
    num_repeats: int,
    seed: int,
) -> str:
    parameters = estimator.get_params(deep=False)
    settings = {
        name: _described(parameters[name]) for name in parameters if name not in _INCIDENTAL
    }
    settings |= {"num_folds": str(num_folds), "num_repeats": str(num_repeats)}
    settings |= {"seed": str(seed), "shape": str(points.shape)}
    text = json.dumps(settings, sort_keys=True).encode()
    return hashlib.sha256(text + points.tobytes()).hexdigest()


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray | Tensor):
        value = value.tolist()
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))  # the address of an object differs by run


def _study(
    optuna: Any, directory: str | os.PathLike[str] | None, seed: int, fingerprint: str
) -> "Study":
    study = _opened(optuna, directory)
    known = study.user_attrs.get("fingerprint", fingerprint)
    if known != fingerprint:
        assert directory is not None
        if _has_found(study):
            raise ValueError(
                f"{directory} holds a search with other points or settings; remove the folder, or "
                f"name another one"
            )
        (Path(directory) / _JOURNAL).unlink()
        study = _opened(optuna, directory)
    study.set_user_attr("fingerprint", fingerprint)
    # A resumed search must not propose its first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=(seed + len(study.trials)) % 2**32)
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=8)
    return study


def _opened(optuna: Any, directory: str | os.PathLike[str] | None) -> "Study":
    storage = None
    if directory is not None:
        from nrae_geometric.tuning.journal import Journal

        remove_leftovers(directory)
        path = Path(directory) / _JOURNAL
        journal = Journal(path)
        try:
            storage = optuna.storages.JournalStorage(journal)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ValueError(
                f"{path} is of another version of Optuna ({error!r}); remove it to search anew"
            ) from error
    return optuna.create_study(
        study_name="nrae", storage=storage, direction="maximize", load_if_exists=True
    )


def _finished(study: "Study") -> "list[FrozenTrial]":
    """The trials with an outcome; those that a signal or an error has ended have none."""
    return [
        trial
        for trial in study.trials
        if trial.state.name in ("COMPLETE", "PRUNED") or _NOT_FINITE in trial.user_attrs
    ]


def _has_found(study: "Study") -> bool:
    return any(trial.state.name == "COMPLETE" for trial in study.trials)


def _table(study: "Study") -> list[dict[str, Any]]:
    """A row for each trial, best first."""
    table = []
    for trial in _finished(study):
        state = trial.state.name.lower()
        if state == "complete" or trial.params:
            table.append(
                {"trial": trial.number, "score": trial.value, **trial.params, "state": state}
            )
    if not any(row["state"] == "complete" for row in table):
        raise ValueError(
            f"none of {len(table)} trials succeeded: the loss was not finite; lower the "
            f"estimator's learning_rate, or scale outliers down"
        )
    order = {"complete": 0, "pruned": 1, "fail": 2}
    return sorted(table, key=lambda row: (order[row["state"]], -(row["score"] or 0.0)))
