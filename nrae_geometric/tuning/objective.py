"""The estimators that a search compares, and their scores."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import RepeatedKFold

from nrae_geometric.estimator import METHOD_PARAMETERS, ManifoldAutoencoder
from nrae_geometric.geodesics.suggest import USUAL_NEIGHBORS
from nrae_geometric.quiet import quiet

_LARGEST_FULL_BATCH = 1024


def full_batch_estimator(num_points: int, **parameters: Any) -> ManifoldAutoencoder:
    """Returns an estimator whose fits differ little by chance, so that settings can be compared.

    Up to 1024 points, a step takes all of them with all of their neighbors.

    Args:
        num_points (int): The number of points that it will learn from.
        **parameters (Any): Other parameters of the estimator.
    """
    estimator = ManifoldAutoencoder(random_state=0)
    if num_points <= _LARGEST_FULL_BATCH:
        k = parameters.get("n_neighbors", max(1, min(USUAL_NEIGHBORS, num_points - 1)))
        estimator.set_params(n_neighbors=k, batch_size=num_points, n_sampled_neighbors=k)
    return estimator.set_params(**parameters)


def with_settings(
    estimator: ManifoldAutoencoder, settings: Mapping[str, Any]
) -> ManifoldAutoencoder:
    """Returns an unfitted copy of an estimator with other settings.

    Where a step draws all neighbors, it goes on doing so; else it draws no more than there are.

    Args:
        estimator (ManifoldAutoencoder): The estimator.
        settings (Mapping[str, Any]): ``n_neighbors``, and settings of the estimator's method.
    """
    own = {name: settings[name] for name in settings if name in ("n_neighbors", *METHOD_PARAMETERS)}
    others = {name: settings[name] for name in settings if name not in own}
    if others:
        own["method_params"] = {**(estimator.method_params or {}), **others}
    before = usual_neighbors(estimator)
    k = settings.get("n_neighbors", before)
    sampled = estimator.n_sampled_neighbors
    own["n_sampled_neighbors"] = k if sampled >= before else min(sampled, k)
    return clone(estimator).set_params(**own)


def usual_neighbors(estimator: ManifoldAutoencoder) -> int:
    """Returns an estimator's number of neighbors, or the usual one where points decide on it."""
    k = estimator.n_neighbors
    return USUAL_NEIGHBORS if isinstance(k, str) else k


def cross_validated_scores(
    estimator: ManifoldAutoencoder,
    points: np.ndarray,
    num_folds: int,
    num_repeats: int,
    seed: int,
) -> Iterator[float]:
    """Yields, fold after fold, the score of all the folds so far.

    That is the negative squared reconstruction error of the points left out, each while the
    estimator learns from the others, see
    :meth:`~nrae_geometric.estimator.ManifoldAutoencoder.score`.

    Args:
        estimator (ManifoldAutoencoder): The settings; fitted anew for each fold.
        points (numpy.ndarray): ``[N, *feature_shape]``.
        num_folds (int): The number of parts.
        num_repeats (int): How often the points are divided anew.
        seed (int): The seed of the random divisions into parts.
    """
    total, count = 0.0, 0
    folds = RepeatedKFold(n_splits=num_folds, n_repeats=num_repeats, random_state=seed)
    for rest, fold in folds.split(points):
        with quiet():  # of the settings that are tried, many are known to be poor
            total += len(fold) * estimator.fit(points[rest]).score(points[fold])
        count += len(fold)
        yield total / count
