"""Points to latent coordinates and back, by the conventions of scikit-learn."""

import math
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor
from torch_geometric.data import Data

from nrae_geometric.neighbors import Backend, Metric, knn
from nrae_geometric.nn import AE
from nrae_geometric.nn.evaluation import encode_data, evaluating, to_model
from nrae_geometric.points import Points

# What is left over of a product's rows is summed in another order. Where rows are filled up, the
# latents of a point are the same in every bit, whatever is beside it, on most processors.
_FULL_ROWS, _MOST_VALUES_FILLED_UP = 32, 2**16


class LatentTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A transformer around a trained autoencoder.

    It is what an estimator does once it is fitted; a subclass has the parameters and ``fit``.
    Points go through the model a block of rows at a time: beyond points and result some hundred
    megabytes are used, however many points there are.

    Attributes:
        model_ (AE): The model, of centered and scaled points.
        graph_ (torch_geometric.data.Data): The points that it has learned from, and their graph.
        feature_shape_ (tuple of int): The shape of a point.
        center_ (ndarray): What is subtracted from points, ``[D]``.
        scale_ (float or ndarray): What they are divided by, one number or ``[D]``.
        n_neighbors_ (int): The number of neighbors in the graph.
    """

    metric: str | Metric
    backend: str | Backend
    model_: AE
    graph_: Data
    feature_shape_: tuple[int, ...]
    center_: np.ndarray
    scale_: float | np.ndarray
    n_neighbors_: int
    _n_features_out: int

    def transform(self, X: Any) -> Any:
        """Returns the latent coordinates ``[N, n_components]`` of points.

        For an encoder of graphs, each point gets edges from the nearest points learned from.

        Args:
            X (array, Tensor, data frame or Data): Points ``[N, *feature_shape]``.

        Raises:
            TypeError: If they are no numbers.
            ValueError: If a value is not finite, the points have another number of values, or one
                lies so far from those learned from that the model has no value for it.
        """
        points = self._known_points(X)
        latents = np.empty((len(points), self._n_features_out), points.dtype)
        for place, rows in self._blocks(points):
            latents[place] = _finite(self._latents(self._scaled(rows)), "X", place)
        return points.like(latents)

    def inverse_transform(self, Z: Any) -> Any:
        """Returns the points ``[N, *feature_shape]`` at latent coordinates.

        Args:
            Z (array, Tensor or data frame): Coordinates ``[N, n_components]``.

        Raises:
            TypeError: If they are no numbers.
            ValueError: If a value is not finite, or there is another number of coordinates.
        """
        check_is_fitted(self)
        latents = Points(Z, "Z", f"latents [N, {self._n_features_out}]")
        latents.require(1)
        if latents.shape[1:] != (self._n_features_out,):
            raise ValueError(
                f"Z has {latents.num_features} columns, but {type(self).__name__} has "
                f"{self._n_features_out} latent coordinates"
            )
        return latents.like(self._decoded(latents, lambda z: z))

    def reconstruct(self, X: Any) -> Any:
        """Returns the points ``[N, *feature_shape]`` at the latent coordinates of points.

        Args:
            X (array, Tensor, data frame or Data): Points ``[N, *feature_shape]``.

        Raises:
            TypeError: If they are no numbers.
            ValueError: If a value is not finite, or the points have another number of values.
        """
        points = self._known_points(X)
        return points.like(self._decoded(points, lambda rows: self._latents(self._scaled(rows))))

    def score(self, X: Any, y: Any = None) -> float:
        """Returns the negative squared reconstruction error, mean over the points.

        Greater is better, as scikit-learn's model selection expects; the error is summed over the
        values of a point and in their squared unit. It says little about noise that a model has
        fitted: use it on points not trained on, or see :mod:`nrae_geometric.tuning`.

        Args:
            X (array, Tensor, data frame or Data): Points ``[N, *feature_shape]``.
            y: Not used.

        Raises:
            TypeError: If the points are no numbers.
            ValueError: If a value is not finite, the points have another number of values, or
                their unit is so large or small that no number holds its square.
        """
        points = self._known_points(X)
        largest = float(np.max(self.scale_))
        if not math.sqrt(sys.float_info.min) < largest < math.sqrt(sys.float_info.max):
            raise ValueError(
                f"the points vary by {largest:.3g}, whose square is no number in double "
                "precision; divide them by a constant to have a score"
            )
        error = np.empty(len(points))
        for place, rows in self._blocks(points):
            scaled = self._decode(self._latents(self._scaled(rows)))
            recon = self._unscaled(_finite(scaled, "X", place))
            error[place] = np.square(rows - recon, dtype=np.float64).sum(axis=1)
        return -float(error.mean())

    def _known_points(self, X: Any) -> Points:
        """Points like those that were learned from."""
        check_is_fitted(self)
        points = Points(X)
        points.require(1)
        self._check_features(points, reset=False)
        return points

    def _check_features(self, points: Points, reset: bool) -> None:
        """Notes or compares the number of values, and the names of a data frame's columns."""
        # Only the shape of other points is looked at, of which a view of one number is enough.
        shape = (len(points), points.num_features)
        proxy = points.values if points.is_frame else np.broadcast_to(np.float32(), shape)
        validate_data(self, proxy, reset=reset, skip_check_array=True)

    def _blocks(self, points: Points) -> Iterator[tuple[slice, np.ndarray]]:
        # The graph learned from is encoded with each block.
        return points.blocks(self.graph_.num_nodes if self.model_.encoder_uses_graph else 0)

    def _decoded(self, points: Points, latents: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        size = math.prod(self.feature_shape_)
        result = np.empty((len(points), size), points.dtype)
        least = self.graph_.num_nodes if self.model_.encoder_uses_graph else 0
        most = max(1, 2**22 // size)
        for place, rows in points.blocks(least):
            z = latents(rows)
            for start in range(0, len(z), most):
                part = slice(place.start + start, min(place.start + start + most, place.stop))
                scaled = _finite(self._decode(z[start : start + most]), points.name, part)
                result[part] = self._unscaled(scaled)
        return result.reshape(-1, *self.feature_shape_)

    def _attached(self, x: Tensor) -> Data:
        """The graph learned from, and new points with edges from their neighbors in it."""
        graph, x = self.graph_, x.to(self.graph_.x.device)
        known, new = (self._located(points) for points in (graph.x, x))
        length, source = knn(
            known, self.n_neighbors_, new, metric=self.metric, backend=self.backend
        )
        target = torch.arange(len(x), device=x.device) + graph.num_nodes
        edges = torch.stack([source.flatten(), target.repeat_interleave(self.n_neighbors_)])
        attached = Data(
            x=torch.cat([graph.x, x]), edge_index=torch.cat([graph.edge_index, edges], dim=1)
        )
        if graph.get("edge_length") is not None:
            lengths = length.flatten().to(graph.edge_length)
            attached.edge_length = torch.cat([graph.edge_length, lengths])
        return attached

    def _located(self, x: Tensor) -> Tensor:
        """Points where the metric expects them: others than the Euclidean depend on the origin."""
        if self.metric == "euclidean":
            return x
        center = torch.from_numpy(self.center_).to(x.device)
        return x.double().flatten(1) * torch.as_tensor(self.scale_).to(center) + center

    def _scaled(self, rows: np.ndarray) -> Tensor:
        # Halves of the largest numbers still have a difference.
        half = 0.5 if np.max(self.scale_) > 1 else 1.0
        scaled = (rows * np.float64(half) - self.center_ * half) / (self.scale_ * half)
        return torch.from_numpy(scaled).float().reshape(-1, *self.feature_shape_)

    def _unscaled(self, scaled: np.ndarray) -> np.ndarray:
        half = 0.5 if np.max(self.scale_) > 1 else 1.0
        return (scaled * (self.scale_ * half) + self.center_ * half) / half

    def _latents(self, x: Tensor) -> np.ndarray:
        if self.model_.encoder_uses_graph:
            return self._encoded(self._attached(x))[-len(x) :]
        return self._mapped(self.model_.encode, x)

    def _decode(self, latents: np.ndarray) -> np.ndarray:
        """The model's points ``[N, D]`` at latents, centered and scaled."""
        z = torch.from_numpy(np.array(latents, dtype=np.float32, order="C"))
        return self._mapped(self.model_.decode, z).reshape(len(z), -1)

    def _encoded(self, graph: Data) -> np.ndarray:
        with evaluating(self.model_):
            return encode_data(self.model_, graph).double().numpy(force=True)

    def _mapped(self, function: Callable[[Tensor], Tensor], x: Tensor) -> np.ndarray:
        num_rows, num_missing = len(x), -len(x) % _FULL_ROWS
        if num_missing and x[:1].numel() <= _MOST_VALUES_FILLED_UP:
            x = torch.cat([x, x[:1].expand(num_missing, *x.shape[1:])])
        with evaluating(self.model_):
            return function(to_model(self.model_, x))[:num_rows].double().numpy(force=True)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _finite(values: np.ndarray, name: str, place: slice) -> np.ndarray:
    """What a model has made of the rows at a place, if that is finite."""
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise ValueError(
            f"the model has no finite value for row {place.start + bad[0]} of {name}, which lies "
            "too far from what it has learned from"
        )
    return values
