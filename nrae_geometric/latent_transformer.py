"""Points to latent coordinates and back, by the conventions of scikit-learn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data
from torch import Tensor
from torch_geometric.data import Data

from nrae_geometric.neighbors import Backend, Metric, knn
from nrae_geometric.nn import AE
from nrae_geometric.nn.evaluation import encode_data, evaluating, to_model

FLOATS = (np.float64, np.float32)
"""The types of points; others are converted to the first."""

_ROWS_PER_BLOCK = 4096


class LatentTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A transformer around a trained autoencoder.

    It is what an estimator does once it is fitted; a subclass has the parameters and ``fit``.

    Attributes:
        model_ (AE): The model, of centered and scaled points.
        graph_ (torch_geometric.data.Data): The points that it has learned from, and their graph.
        feature_shape_ (tuple of int): The shape of a point.
        center_ (ndarray): What is subtracted from points, ``[D]``.
        scale_ (float): What they are divided by.
        n_neighbors_ (int): The number of neighbors in the graph.
    """

    metric: str | Metric
    backend: str | Backend
    model_: AE
    graph_: Data
    feature_shape_: tuple[int, ...]
    center_: np.ndarray
    scale_: float
    n_neighbors_: int
    _n_features_out: int

    def transform(self, X: Any) -> Any:
        """Returns the latent coordinates ``[N, n_components]`` of points.

        For an encoder of graphs, each point gets edges from the nearest points learned from.

        Args:
            X (array or Tensor): Points ``[N, *feature_shape]``.

        Raises:
            ValueError: If a value is not finite, or the points have another number of values.
        """
        check_is_fitted(self)
        rows = self._checked(X, reset=False)
        return like(X, self._latents(self._scaled(rows)).astype(rows.dtype))

    def inverse_transform(self, Z: Any) -> Any:
        """Returns the points ``[N, *feature_shape]`` at latent coordinates.

        Args:
            Z (array or Tensor): Coordinates ``[N, n_components]``.

        Raises:
            ValueError: If a value is not finite, or there is another number of coordinates.
        """
        check_is_fitted(self)
        latents = check_array(as_array(Z), dtype=FLOATS, input_name="Z")
        if latents.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z has {latents.shape[1]} columns, but {type(self).__name__} has "
                f"{self._n_features_out} latent coordinates"
            )
        scaled = self._mapped(self.model_.decode, torch.from_numpy(latents).float())
        rows = scaled.reshape(len(scaled), -1) * self.scale_ + self.center_
        return like(Z, rows.astype(latents.dtype).reshape(-1, *self.feature_shape_))

    def score(self, X: Any, y: Any = None) -> float:
        """Returns the negative squared reconstruction error, mean over the points.

        Greater is better, as scikit-learn's model selection expects; the error is summed over the
        values of a point and in their squared unit. It says little about noise that a model has
        fitted: use it on points not trained on, or see :mod:`nrae_geometric.tuning`.

        Args:
            X (array or Tensor): Points ``[N, *feature_shape]``.
            y: Not used.
        """
        check_is_fitted(self)
        rows = self._checked(X, reset=False)
        recon = self.inverse_transform(self._latents(self._scaled(rows))).reshape(rows.shape)
        return -float(np.square(rows - recon, dtype=np.float64).sum(axis=1).mean())

    def _attached(self, x: Tensor) -> Data:
        """The graph learned from, and new points with edges from their neighbors in it."""
        graph, x = self.graph_, x.to(self.graph_.x.device)
        known, new = (self._located(points) for points in (graph.x, x))
        source = knn(known, self.n_neighbors_, new, metric=self.metric, backend=self.backend)[1]
        target = torch.arange(len(x), device=x.device) + graph.num_nodes
        edges = torch.stack([source.flatten(), target.repeat_interleave(self.n_neighbors_)])
        return Data(
            x=torch.cat([graph.x, x]), edge_index=torch.cat([graph.edge_index, edges], dim=1)
        )

    def _located(self, x: Tensor) -> Tensor:
        """Points where the metric expects them: others than the Euclidean depend on the origin."""
        if self.metric == "euclidean":
            return x
        center = torch.from_numpy(self.center_).to(x.device)
        return x.double().flatten(1) * self.scale_ + center

    def _checked(self, X: Any, reset: bool) -> np.ndarray:
        """Points as rows ``[N, D]`` of floats; also notes or compares their number of values."""
        array = as_array(X)
        if len(array.shape) > 2:
            array = array.reshape(len(array), -1)
        return validate_data(self, array, reset=reset, dtype=FLOATS, ensure_min_samples=1 + reset)

    def _scaled(self, rows: np.ndarray) -> Tensor:
        scaled = torch.from_numpy((rows - self.center_) / self.scale_).float()
        return scaled.reshape(-1, *self.feature_shape_)

    def _latents(self, x: Tensor) -> np.ndarray:
        if self.model_.encoder_uses_graph:
            return self._encoded(self._attached(x))[-len(x) :]
        return self._mapped(self.model_.encode, x)

    def _encoded(self, graph: Data) -> np.ndarray:
        with evaluating(self.model_):
            return encode_data(self.model_, graph).double().numpy(force=True)

    def _mapped(self, function: Callable[[Tensor], Tensor], x: Tensor) -> np.ndarray:
        with evaluating(self.model_):
            blocks = [
                function(to_model(self.model_, block)).cpu() for block in x.split(_ROWS_PER_BLOCK)
            ]
        return torch.cat(blocks).double().numpy()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def as_array(values: Any) -> Any:
    """Returns a tensor or nested lists as an array, and leaves arrays and data frames alone.

    Args:
        values (Any): The values.
    """
    if isinstance(values, Tensor):
        return values.numpy(force=True)
    return values if hasattr(values, "shape") else np.asarray(values)


def like(values: Any, result: np.ndarray) -> Any:
    """The result as a tensor on the same device where the values are one."""
    return torch.from_numpy(result).to(values.device) if isinstance(values, Tensor) else result
