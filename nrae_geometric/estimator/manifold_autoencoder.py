"""A neighborhood reconstructing autoencoder as a scikit-learn transformer."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data
from torch import Tensor
from torch_geometric.data import Data

from nrae_geometric.estimator.arrays import as_array, like
from nrae_geometric.estimator.file import read_fitted, write_fitted
from nrae_geometric.estimator.learning import learn, new_model
from nrae_geometric.training.device import resolve_device
from nrae_geometric.training.random_state import preserved_random_state
from nrae_geometric.transforms import KNNGraph

_ROWS_PER_BLOCK = 4096
_FLOATS = (np.float64, np.float32)


class ManifoldAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""A neighborhood reconstructing autoencoder as a scikit-learn transformer.

    Connects the points to a k-nearest-neighbor graph, learns an :class:`~nrae_geometric.nn.NRAE`
    over it, and maps points to latent coordinates and back. Points are arrays ``[N, D]`` or images
    ``[N, C, H, W]`` (any feature shape) of NumPy or PyTorch; results are of the same kind, and of
    the same floating type.

    The model sees points that are centered and divided by *one* number, the square root of their
    mean variance, so that the settings suit data in any unit while nearest neighbors stay what
    they are. Features in different units should be scaled before, for example in a pipeline with
    :class:`~sklearn.preprocessing.StandardScaler`.

    Args:
        latent_dim (int): Number of latent coordinates.
        order (int): Order of the local expansion: 1 (NRAE-L) or 2 (NRAE-Q).
        n_neighbors (int): Number of neighbors of each point in the graph.
        weight (float): How much a neighbor counts against the point itself, the published
            :math:`\lambda`. Large weights smooth noise away; see :mod:`nrae_geometric.tuning` for
            a choice of this, the order and the number of neighbors.
        hidden (tuple of int): Widths of the encoder's hidden layers, mirrored by the decoder.
        activation (str): A name of :data:`nrae_geometric.nn.mlp.ACTIVATIONS`.
        num_epochs (int): How often all points are seen.
        batch_size (int): Number of points in a step.
        num_neighbors (int): Number of neighbors that a step draws for each of its points.
        lr (float): Adam's learning rate.
        init (str): ``"geodesic"`` starts from the graph's geodesic coordinates, which keeps the
            learned manifold from folding; ``"random"`` is the published start. See
            :class:`~nrae_geometric.training.Trainer`.
        random_state (int, RandomState or None): Determines weights and batches. The global random
            generators are left as they were.
        device (str): ``"auto"``, ``"cpu"``, or the number of a GPU.
        progress (bool): Whether to show a progress bar.

    Attributes:
        model_ (NRAE): The trained model, of centered and scaled points.
        history_ (list): One ``{"epoch", "loss", "lr"}`` for each epoch.
        n_features_in_ (int): Number of values of a point.
        feature_shape_ (tuple of int): Shape of a point.
        center_ (ndarray): Mean of the points, ``[D]``.
        scale_ (float): What centered points are divided by.

    Example::

        roll = ManifoldAutoencoder(n_neighbors=3, random_state=0)
        z = roll.fit_transform(points)          # [N, 1]
        clean = roll.inverse_transform(z)       # [N, D]
    """

    def __init__(
        self,
        latent_dim: int = 1,
        *,
        order: int = 1,
        n_neighbors: int = 10,
        weight: float = 10.0,
        hidden: Sequence[int] = (512, 512, 512),
        activation: str = "elu",
        num_epochs: int = 500,
        batch_size: int = 32,
        num_neighbors: int = 2,
        lr: float = 1e-3,
        init: Literal["geodesic", "random"] = "geodesic",
        random_state: int | np.random.RandomState | None = None,
        device: str | int | torch.device = "auto",
        progress: bool = False,
    ) -> None:
        self.latent_dim = latent_dim
        self.order = order
        self.n_neighbors = n_neighbors
        self.weight = weight
        self.hidden = hidden
        self.activation = activation
        self.num_epochs = num_epochs
        self.batch_size = batch_size
        self.num_neighbors = num_neighbors
        self.lr = lr
        self.init = init
        self.random_state = random_state
        self.device = device
        self.progress = progress

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learns the manifold of the points.

        Args:
            X: Points ``[N, *feature_shape]``.
            y: Not used.

        Raises:
            FloatingPointError: If the loss is NaN or infinite.
            ValueError: If a value is not finite, an argument is out of its range, or there are
                too few points for it.
        """
        rows = self._checked(X, reset=True)
        if not 1 <= self.n_neighbors < len(rows):
            raise ValueError(
                f"n_neighbors must be from 1 to {len(rows) - 1} for n_samples = {len(rows)}, "
                f"got {self.n_neighbors}"
            )
        if not 1 <= self.num_neighbors <= self.n_neighbors:
            raise ValueError(
                f"num_neighbors must be from 1 to n_neighbors = {self.n_neighbors}, "
                f"got {self.num_neighbors}"
            )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.feature_shape_ = tuple(as_array(X).shape[1:])
        self.center_ = rows.mean(axis=0, dtype=np.float64)
        self.scale_ = float(np.sqrt(rows.var(axis=0, dtype=np.float64).mean())) or 1.0
        device = resolve_device(self.device)
        data = KNNGraph(self.n_neighbors)(Data(x=self._scaled(rows).to(device)))
        with preserved_random_state(device):
            self.model_, self.history_ = learn(self, data, seed)
        self._n_features_out = self.latent_dim
        self._fitted_parameters = self.get_params()
        return self

    def transform(self, X: Any) -> Any:
        """Returns the latent coordinates ``[N, latent_dim]`` of points ``[N, *feature_shape]``.

        Raises:
            ValueError: If a value is not finite, or the points have another number of values.
        """
        check_is_fitted(self)
        rows = self._checked(X, reset=False)
        z = self._mapped(self.model_.encode, self._scaled(rows))
        return like(X, z.astype(rows.dtype))

    def inverse_transform(self, Z: Any) -> Any:
        """Returns the points ``[N, *feature_shape]`` at latent coordinates ``[N, latent_dim]``.

        Raises:
            ValueError: If a value is not finite, or there is another number of coordinates.
        """
        check_is_fitted(self)
        latents = check_array(as_array(Z), dtype=_FLOATS, input_name="Z")
        if latents.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z has {latents.shape[1]} columns, but {type(self).__name__} has "
                f"{self._n_features_out} latent coordinates"
            )
        scaled = self._mapped(self.model_.decode, torch.from_numpy(latents).float())
        rows = (scaled * self.scale_ + self.center_).astype(latents.dtype)
        return like(Z, rows.reshape(-1, *self.feature_shape_))

    def score(self, X: Any, y: Any = None) -> float:
        """Returns the negative squared reconstruction error, mean over the points.

        Greater is better, as scikit-learn's model selection expects; the error is summed over the
        values of a point and in their squared unit. It says little about noise that a model has
        fitted: use it on points not trained on, or see :mod:`nrae_geometric.tuning`.

        Args:
            X: Points ``[N, *feature_shape]``.
            y: Not used.
        """
        check_is_fitted(self)
        rows = self._checked(X, reset=False)
        recon = self._mapped(self.model_, self._scaled(rows)) * self.scale_ + self.center_
        return -float(np.square(rows - recon, dtype=np.float64).sum(axis=1).mean())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the fitted estimator to a file that :meth:`load` reads."""
        check_is_fitted(self)
        # Parameters may have been set since, to fit again.
        write_fitted(path, self._fitted_parameters, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str | int | torch.device = "auto") -> Self:
        """Reads a fitted estimator; nothing in the file is executed.

        Args:
            path: A file that :meth:`save` wrote.
            device: Where to use it, whatever it was trained on.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is another file, or damaged, or the device is not there.
        """
        state = read_fitted(path)
        parameters = state["parameters"]
        hidden = tuple(parameters["hidden"])
        estimator = cls(**(parameters | {"hidden": hidden, "device": device}))
        estimator.feature_shape_ = tuple(state["feature_shape"])
        estimator.n_features_in_ = int(np.prod(estimator.feature_shape_))
        if state["feature_names"]:
            estimator.feature_names_in_ = np.array(state["feature_names"], dtype=object)
        estimator.center_, estimator.scale_ = np.array(state["center"]), state["scale"]
        estimator.history_ = state["history"]
        estimator.model_ = new_model(estimator, estimator.n_features_in_)
        estimator.model_.load_state_dict(state["model"])
        estimator.model_.to(resolve_device(device)).eval()
        estimator._n_features_out = estimator.latent_dim
        estimator._fitted_parameters = estimator.get_params()
        return estimator

    def _checked(self, X: Any, reset: bool) -> np.ndarray:
        """Points as rows ``[N, D]`` of floats; also notes or compares their number of values."""
        array = as_array(X)
        if len(array.shape) > 2:
            array = array.reshape(len(array), -1)
        return validate_data(self, array, reset=reset, dtype=_FLOATS, ensure_min_samples=1 + reset)

    def _scaled(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy((rows - self.center_) / self.scale_).float()

    @torch.no_grad()
    def _mapped(self, module: Callable[[Tensor], Tensor], rows: Tensor) -> np.ndarray:
        device = next(self.model_.parameters()).device
        blocks = [module(block.to(device)).cpu() for block in rows.split(_ROWS_PER_BLOCK)]
        return torch.cat(blocks).double().numpy()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
