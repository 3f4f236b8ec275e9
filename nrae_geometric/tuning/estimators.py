"""The estimators that a search compares."""

from typing import Any

from sklearn.base import clone

from nrae_geometric.estimator import ManifoldAutoencoder

LARGEST_K = 32
_LARGEST_FULL_BATCH = 1024


def steady_estimator(num_points: int, **parameters: Any) -> ManifoldAutoencoder:
    """Returns an estimator whose fits differ little by chance, so that settings can be compared.

    Up to 1024 points, a step takes all of them with all of their neighbors.

    Args:
        num_points: The number of points that it will learn from.
        **parameters: Other parameters of the estimator.
    """
    steps = {}
    if num_points <= _LARGEST_FULL_BATCH:
        steps = {"batch_size": num_points, "num_neighbors": LARGEST_K}
    return ManifoldAutoencoder(**{"random_state": 0, **steps, **parameters})


def with_settings(estimator: ManifoldAutoencoder, settings: dict[str, Any]) -> ManifoldAutoencoder:
    """Returns an unfitted copy of an estimator with other settings.

    A step draws no more neighbors than there are, whatever the estimator says.
    """
    num_neighbors = min(estimator.num_neighbors, settings["n_neighbors"])
    return clone(estimator).set_params(**settings, num_neighbors=num_neighbors)
