"""The score of one choice of settings."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.model_selection import RepeatedKFold

from nrae_geometric.estimator import ManifoldAutoencoder


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
        estimator: The settings; fitted anew for each fold.
        points: ``[N, *feature_shape]``.
        num_folds: The number of parts.
        num_repeats: How often the points are divided anew.
        seed: The seed of the random divisions into parts.
    """
    total, count = 0.0, 0
    folds = RepeatedKFold(n_splits=num_folds, n_repeats=num_repeats, random_state=seed)
    for rest, fold in folds.split(points):
        with _without_warnings():
            total += len(fold) * estimator.fit(points[rest]).score(points[fold])
        count += len(fold)
        yield total / count


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keeps the library silent: of the settings that are tried, many are known to be poor."""
    logger = logging.getLogger("nrae_geometric")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
