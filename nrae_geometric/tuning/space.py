"""What a search tries: numbers of neighbors, and the settings of a method."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.budget import held_out_fraction
from nrae_geometric.estimator import METHOD_PARAMETERS, ManifoldAutoencoder
from nrae_geometric.geodesics import suggest_neighbors
from nrae_geometric.metrics import smallest_connected_k
from nrae_geometric.registry import MODELS
from nrae_geometric.scaling import choose_scale

LARGEST_K = 32
"""The largest number of neighbors that is tried."""


def usual_components(points: np.ndarray) -> int:
    """Returns the number of latent coordinates of points where none is given: 2, or 1 in a plane.

    Args:
        points (numpy.ndarray): ``[N, *feature_shape]``.
    """
    return max(1, min(2, math.prod(points.shape[1:]) - 1))


class SearchSpace:
    """The settings that are tried for an estimator and its points.

    Args:
        estimator (ManifoldAutoencoder): Its method is tuned.
        points (numpy.ndarray): ``[N, *feature_shape]``.
        num_folds (int): The number of parts, of which one is left out at a time.

    Attributes:
        first (dict): Parameters of the trial that is nearest to the estimator as it is.

    Raises:
        ValueError: If there are more latent coordinates than values of a point, or than points to
            learn from.
    """

    def __init__(self, estimator: ManifoldAutoencoder, points: np.ndarray, num_folds: int) -> None:
        self._method = MODELS[estimator.method]
        self._follows_graph = estimator._settings().follows_graph
        num_learned = _num_learned(estimator, len(points), num_folds)
        most = min(math.prod(points.shape[1:]), num_learned - 1)
        integer("n_components", estimator.n_components, 1, most)
        present = _present_settings(estimator)
        if self._follows_graph:
            located = _located(points, estimator)
            self._largest = min(LARGEST_K, max(3, num_learned // 3))
            # Where no such k connects the points, they lie on several manifolds and any k may do.
            smallest = smallest_connected_k(located, self._largest, metric=estimator.metric) or 2
            self._smallest = min(max(2, smallest), self._largest)
            if estimator.n_neighbors == "auto":
                present["n_neighbors"] = suggest_neighbors(
                    located, metric=estimator.metric, backend=estimator.backend
                ).k
        nearest = _NearestTrial(present)
        self(nearest)
        self.first = nearest.params

    def __call__(self, trial: Any) -> dict[str, Any]:
        """Returns settings to try, drawn from an Optuna trial."""
        if not self._follows_graph:
            return self._method.search_space(trial)
        k = trial.suggest_int("n_neighbors", self._smallest, self._largest, log=True)
        return {"n_neighbors": k, **self._method.search_space(trial)}


def _num_learned(estimator: ManifoldAutoencoder, num_points: int, num_folds: int) -> int:
    """The number of points that the smallest fit learns from."""
    num_learned = num_points - -(-num_points // num_folds)
    fraction, _ = held_out_fraction(
        num_learned, estimator.early_stopping, estimator.validation_fraction
    )
    return num_learned - math.ceil(num_learned * fraction)


def _located(points: np.ndarray, estimator: ManifoldAutoencoder) -> Tensor:
    """Points ``[N, D]`` where a fit looks for their neighbors."""
    rows = points.reshape(len(points), -1)
    if estimator.metric != "euclidean":
        return torch.from_numpy(rows)
    center, scale, _ = choose_scale(rows, estimator.scale, one_unit=points.ndim > 2)
    return torch.from_numpy((rows - center) / scale)


def _present_settings(estimator: ManifoldAutoencoder) -> dict[str, Any]:
    fields = MODELS[estimator.method].model_fields
    defaults = {name: field.default for name, field in fields.items() if not field.is_required()}
    names = ("n_neighbors", *METHOD_PARAMETERS)
    parameters = {name: getattr(estimator, name) for name in names}
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
