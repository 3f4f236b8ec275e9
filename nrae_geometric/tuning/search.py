"""The search for the best settings."""

import hashlib
import json
import os
import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor
from tqdm import tqdm

from nrae_geometric.arguments import integer
from nrae_geometric.atomic import remove_leftovers
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.locking import FolderLock
from nrae_geometric.points import Points
from nrae_geometric.tuning.objective import CrossValidation, with_settings
from nrae_geometric.tuning.result import TuningResult
from nrae_geometric.tuning.space import SearchSpace, usual_components

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

_JOURNAL = "trials.journal"
_NOT_FINITE = "loss_not_finite"
_FINAL = "final_"
# Of so many trials, one takes part in the final, and one more.
_TRIALS_PER_FINALIST = 5
# Where and how visibly a trial is computed does not change what it is.
_INCIDENTAL = ("device", "devices", "num_nodes", "strategy", "verbose", "warm_start")


def tune(
    points: Any,
    estimator: ManifoldAutoencoder | None = None,
    *,
    num_trials: int = 30,
    num_folds: int = 3,
    num_repeats: int = 1,
    seed: int = 0,
    directory: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> TuningResult:
    r"""Chooses the number of neighbors and the settings of the method for points.

    Each trial learns from two thirds of the points and reconstructs the others. Optuna's
    tree-structured Parzen estimator proposes the trials. The first is the estimator as it is, or
    as near to it as the search goes. The best fifth of them, and one more, then do so in turn for
    the other thirds; the smallest squared error is the best. Each fit is as any other, but what
    does not depend on the trial is done once. Tried are

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
            default one with its own defaults, the seed 0, and one latent coordinate where points
            have two values. (default: :obj:`None`)
        num_trials (int, optional): The number of trials, those of an earlier call with this
            directory included. (default: :obj:`30`)
        num_folds (int, optional): The number of parts, of which each is left out once.
            (default: :obj:`3`)
        num_repeats (int, optional): The number of random divisions into parts. Where points are
            few and noisy, one division alone decides between similar settings by chance.
            (default: :obj:`1`)
        seed (int, optional): The seed of the parts and of the search. (default: :obj:`0`)
        directory (str or os.PathLike, optional): Where trials are kept, so that a search that was
            stopped goes on where it was. After each, ``best.json`` and ``trials.csv`` are written
            there too, and ``tuning.png`` in the end. No other search may use it meanwhile. A
            search that has found nothing, such as one whose every trial failed, is not kept.
            Nothing is by default. (default: :obj:`None`)
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
    if estimator is None:
        estimator = ManifoldAutoencoder(usual_components(array), random_state=0)
    if not isinstance(estimator, ManifoldAutoencoder):
        raise TypeError(f"estimator must be a ManifoldAutoencoder, got {estimator!r}")
    if estimator.devices * estimator.num_nodes > 1:
        raise ValueError(
            f"a search fits on one device at a time, but the estimator has devices="
            f"{estimator.devices} and num_nodes={estimator.num_nodes}; set both to 1"
        )
    num_trials = integer("num_trials", num_trials, 1)
    num_repeats = integer("num_repeats", num_repeats, 1)
    num_folds = integer("num_folds", num_folds, 0)
    seed = integer("seed", seed, 0, 2**32 - 1)
    if not 2 <= num_folds <= len(array) // 3:
        raise ValueError(
            f"num_folds must be from 2 to {len(array) // 3} for {len(array)} points, "
            f"got {num_folds}"
        )
    space = SearchSpace(estimator, array, num_folds)
    validation = CrossValidation(estimator, array, num_folds, num_repeats, seed)

    def objective(trial: "Trial") -> float:
        try:
            return validation.score(space(trial), part=0)
        except FloatingPointError:
            trial.set_user_attr(_NOT_FINITE, True)
            raise

    def play_final(study: "Study", trial: "FrozenTrial") -> None:
        settings = space(optuna.trial.FixedTrial(trial.params))
        try:
            others = [validation.score(settings, part) for part in range(1, len(validation.sizes))]
            score = float(np.average([trial.value, *others], weights=validation.sizes))
        except FloatingPointError:
            score = None
        study.set_user_attr(f"{_FINAL}{trial.number}", score)
        save_best(study)

    def found(study: "Study") -> TuningResult:
        table = _table(study)
        best = space(optuna.trial.FixedTrial(table[0]))
        return TuningResult(best, table[0]["score"], table, with_settings(estimator, best))

    def save_best(study: "Study", trial: "FrozenTrial | None" = None) -> None:
        if directory is not None and _has_found(study):
            found(study).save(directory, picture=False)

    fingerprint = _fingerprint(array, estimator, num_folds, num_repeats, seed)
    with _locked(directory):
        study = _study(optuna, directory, seed, fingerprint)
        try:
            save_best(study)
            finished = _finished(study)
            if not finished:
                study.enqueue_trial(space.first)
            remaining = (num_trials if space.first else 1) - len(finished)
            if remaining > 0:
                study.optimize(
                    objective,
                    remaining,
                    catch=(FloatingPointError,),
                    callbacks=[save_best],
                    show_progress_bar=progress,
                )
            for trial in tqdm(_finalists(study), desc="final", disable=not progress):
                play_final(study, trial)
            result = found(study)
        except BaseException as error:
            # A search that has found nothing must not stand in the way of the next.
            if directory is not None and not _has_found(study):
                (Path(directory) / _JOURNAL).unlink(missing_ok=True)
            # Where Ctrl-C comes while Optuna writes a trial down, an error of its own hides it.
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            raise
        if directory is not None:
            result.save(directory)
    return result


def _locked(directory: str | os.PathLike[str] | None) -> AbstractContextManager[Any]:
    return nullcontext() if directory is None else FolderLock(directory)


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
    given.require(1)
    return np.ascontiguousarray(given.rows()).reshape(given.shape)


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
        if trial.state.name == "COMPLETE" or _NOT_FINITE in trial.user_attrs
    ]


def _has_found(study: "Study") -> bool:
    return any(trial.state.name == "COMPLETE" for trial in study.trials)


def _finalists(study: "Study") -> "list[FrozenTrial]":
    """The best trials by the first part, without those that have played the final already."""
    trials = [trial for trial in study.trials if trial.value is not None]
    trials.sort(key=lambda trial: -(trial.value or 0.0))
    num_finalists = 1 + len(trials) // _TRIALS_PER_FINALIST
    done = study.user_attrs
    return [each for each in trials[:num_finalists] if f"{_FINAL}{each.number}" not in done]


def _table(study: "Study") -> list[dict[str, Any]]:
    """A row for each trial, best first."""
    table = []
    for trial in _finished(study):
        state = "fail" if _NOT_FINITE in trial.user_attrs else "pruned"
        score, final = trial.value, f"{_FINAL}{trial.number}"
        if final in study.user_attrs:
            score = study.user_attrs[final]
            state = "fail" if score is None else "complete"
        table.append({"trial": trial.number, "score": score, **trial.params, "state": state})
    if all(row["state"] == "fail" for row in table):
        raise ValueError(
            f"none of {len(table)} trials succeeded: the loss was not finite; lower the "
            f"estimator's learning_rate, or scale outliers down"
        )
    order = {"complete": 0, "pruned": 1, "fail": 2}
    return sorted(table, key=lambda row: (order[row["state"]], -(row["score"] or 0.0)))
