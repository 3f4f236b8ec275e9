"""The estimators that a search compares, and their scores."""

import copy
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import RepeatedKFold
from torch import Tensor, nn

from nrae_geometric.estimator import METHOD_PARAMETERS, ManifoldAutoencoder
from nrae_geometric.quiet import quiet
from nrae_geometric.registry import MODELS
from nrae_geometric.training import Callback, Trainer


def with_settings(
    estimator: ManifoldAutoencoder, settings: Mapping[str, Any]
) -> ManifoldAutoencoder:
    """Returns an unfitted copy of an estimator with other settings.

    A step draws no more neighbors than there are.

    Args:
        estimator (ManifoldAutoencoder): The estimator.
        settings (Mapping[str, Any]): ``n_neighbors``, and settings of the estimator's method.
    """
    own = {name: settings[name] for name in settings if name in ("n_neighbors", *METHOD_PARAMETERS)}
    others = {name: settings[name] for name in settings if name not in own}
    if others:
        own["method_params"] = {**(estimator.method_params or {}), **others}
    if "n_neighbors" in settings:
        sampled = min(estimator.n_sampled_neighbors, settings["n_neighbors"])
        own["n_sampled_neighbors"] = sampled
    return clone(estimator).set_params(**own)


class CrossValidation:
    """Scores of settings: errors of the points left out, each while the others are learned from.

    What a fit does before it trains depends on the number of neighbors, but on neither order nor
    weight: the graph, its geodesic coordinates, and networks that are fitted to them. It is done
    once for each number and part. Fits of other settings go on from there, to the same results,
    bit for bit, as if they had begun at the beginning.

    Each fit begins at the beginning where networks, callbacks, the start or a method of its own
    may draw random numbers. Where an estimator holds points out to stop by, the graph is searched
    for anew.

    Args:
        estimator (ManifoldAutoencoder): All parameters but those that are tried.
        points (numpy.ndarray): ``[N, *feature_shape]``.
        num_folds (int): The number of parts.
        num_repeats (int): How often the points are divided anew.
        seed (int): The seed of the random divisions into parts.
    """

    def __init__(
        self,
        estimator: ManifoldAutoencoder,
        points: np.ndarray,
        num_folds: int,
        num_repeats: int,
        seed: int,
    ) -> None:
        self.estimator = estimator
        self.points = points
        folds = RepeatedKFold(n_splits=num_folds, n_repeats=num_repeats, random_state=seed)
        self._folds = list(folds.split(points))
        self._starts: dict[Hashable, _Start] = {}

    @property
    def sizes(self) -> list[int]:
        """The numbers of points in the parts, those of one division after those of another."""
        return [len(fold) for _, fold in self._folds]

    def score(self, settings: Mapping[str, Any], part: int) -> float:
        """Returns the score of one part, learned from the others.

        That is its negative squared reconstruction error, see
        :meth:`~nrae_geometric.estimator.ManifoldAutoencoder.score`.

        Args:
            settings (Mapping[str, Any]): ``n_neighbors``, and settings of the estimator's method.
            part (int): The number of the part.

        Raises:
            FloatingPointError: If the loss is not finite.
        """
        tried = with_settings(self.estimator, settings)
        rest, fold = self._folds[part]
        with quiet():  # of the settings that are tried, many are known to be poor
            fitted = self._fit(tried, settings, part, self.points[rest])
            return fitted.score(self.points[fold])

    def _fit(
        self, tried: ManifoldAutoencoder, settings: Mapping[str, Any], part: int, points: np.ndarray
    ) -> ManifoldAutoencoder:
        if "n_neighbors" not in settings or not _can_share(tried):
            return tried.fit(points)
        key = (part, *_before_training(tried, settings))
        if key in self._starts:
            return self._starts[key].fit(tried, points)
        recorder = _StartRecorder()
        fitted = clone(tried).set_params(callbacks=[recorder]).fit(points)
        held_out = fitted.graph_.num_nodes < len(points)
        self._starts[key] = _Start(
            recorder.encoder,
            recorder.decoder,
            "columns" if np.ndim(fitted.scale_) else "points",
            None if held_out else fitted.graph_.edge_index,
        )
        return fitted


class _Start(NamedTuple):
    """What is there when the training of a fit begins."""

    encoder: nn.Module
    decoder: nn.Module
    scale: str
    edge_index: Tensor | None

    def fit(self, tried: ManifoldAutoencoder, points: np.ndarray) -> ManifoldAutoencoder:
        continued = clone(tried).set_params(
            encoder=self.encoder, decoder=self.decoder, init="random", scale=self.scale
        )
        return continued.fit(points, graph=self.edge_index)


class _StartRecorder(Callback):
    """Copies the networks as they are when training begins, after the other callbacks' start."""

    encoder: nn.Module
    decoder: nn.Module

    def on_fit_start(self, trainer: Trainer, model: nn.Module) -> None:
        networks: Any = model
        self.encoder, self.decoder = copy.deepcopy((networks.encoder, networks.decoder))


def _can_share(estimator: ManifoldAutoencoder) -> bool:
    return not (
        isinstance(estimator.encoder, nn.Module)
        or isinstance(estimator.decoder, nn.Module)
        or estimator.callbacks
        or hasattr(estimator.init, "fit_transform")
        or vars(MODELS[estimator.method]).get("draws", True)
        or MODELS[estimator.method].needs_embedding  # which a fit that goes on has not
    )


def _before_training(
    estimator: ManifoldAutoencoder, settings: Mapping[str, Any]
) -> Iterator[Hashable]:
    """What decides on the start of a fit: all settings but the order and weight of the loss."""
    yield from (repr((name, settings[name])) for name in settings if name not in METHOD_PARAMETERS)
    if estimator.activation == "auto" and estimator.n_components > 1:
        yield estimator.order  # on which the activation depends
