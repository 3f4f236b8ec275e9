"""Fitted estimators as files."""

import os
from abc import abstractmethod
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.archive import MISFITS, check_storable, read_archive, write_archive
from nrae_geometric.export import export_onnx
from nrae_geometric.latent_transformer import LatentTransformer
from nrae_geometric.neighbors import Metric
from nrae_geometric.nn import AE
from nrae_geometric.training.device import resolve_device
from nrae_geometric.training.history import EpochRecord

_KIND = "estimator"
# Objects that a fitted estimator has no more need of, and those that it needs to be used.
_DISPENSABLE = ("backend", "callbacks", "init", "random_state")
# How many processes learn is a matter of the machine, and not of what has been learned.
_ONE_PROCESS = {"devices": 1, "num_nodes": 1, "strategy": "auto"}
_ANYWHERE = {**_ONE_PROCESS, "device": "auto"}
_NEEDED = ("encoder", "decoder", "metric")


class StoredTransformer(LatentTransformer):
    """A transformer that is written to a file once it is fitted, and read from there.

    Attributes:
        embedding_ (ndarray): The latent coordinates of the points that it has seen,
            ``[N, n_components]``.
        history_ (list): One record for each epoch of its training.
        n_epochs_ (int): The number of epochs.
        choices_ (dict): For each parameter that was left to the estimator, what it has chosen and
            why, in a sentence.
    """

    n_components: int
    embedding_: np.ndarray
    history_: list[EpochRecord]
    n_epochs_: int
    choices_: dict[str, str]
    _fitted_parameters: dict[str, Any]

    @abstractmethod
    def _unfitted_model(self) -> AE:
        """A model as the parameters and the shape of a point say."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the fitted estimator to a file that :meth:`load` reads.

        Objects that a file cannot hold are left out. ``init``, ``backend``, ``callbacks`` and a
        random generator have done their work: a loaded estimator has their defaults. Modules and a
        metric of your own are given to :meth:`load` again; of modules the weights are written.

        Args:
            path (str or os.PathLike): The file, of any name. Missing folders are made.

        Raises:
            OSError: If the file cannot be written, with its name.
        """
        check_is_fitted(self)
        # Parameters may have been set since, to fit again.
        parameters, own = storable_parameters(self._fitted_parameters)
        content = {
            "parameters": parameters,
            "own": own,
            "feature_shape": self.feature_shape_,
            "feature_names": list(getattr(self, "feature_names_in_", [])),
            "center": self.center_,
            "scale": self.scale_,
            "embedding": self.embedding_,
            "graph": self.graph_.to_dict(),
            "model": self.model_.state_dict(),
            "history": self.history_,
            "choices": self.choices_,
            "num_neighbors": self.n_neighbors_,
        }
        write_archive(path, _KIND, content)

    def export(self, folder: str | os.PathLike[str]) -> dict[str, Any]:
        """Writes encoder and decoder as ONNX files, for programs without PyTorch.

        ``encoder.onnx`` takes and returns what :meth:`transform` does, ``decoder.onnx`` what
        :meth:`inverse_transform` does, for any number of points, of the type of those that were
        fitted (float32 or float64). Centering and scaling are part of them. ``card.json`` has
        their inputs and outputs, columns, scaling, parameters and versions. They are in place
        once onnxruntime's results have agreed with PyTorch's to 1e-5 of the points' scale.

        Needs the packages of the extra ``onnx``.

        Args:
            folder (str or os.PathLike): Where they go. It is made if it is missing.

        Returns:
            dict: The card.

        Raises:
            ImportError: If a package is missing.
            OSError: If a file cannot be written, with its name.
            RuntimeError: If a network of your own cannot be written as ONNX, or disagrees.
            ValueError: If the encoder takes a graph.
        """
        check_is_fitted(self)
        parameters = storable_parameters(self._fitted_parameters)[0]
        return export_onnx(self, folder, self.embedding_.dtype, parameters)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        device: str | int | torch.device = "auto",
        *,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        metric: Metric | None = None,
    ) -> Self:
        """Reads a fitted estimator; nothing in the file is executed.

        Args:
            path (str or os.PathLike): A file that :meth:`save` wrote.
            device (str, int or torch.device, optional): Where to use it, whatever it was trained
                on. (default: :obj:`"auto"`)
            encoder (torch.nn.Module, optional): A module like the estimator's own encoder, where
                it had one; a copy of it gets the weights. (default: :obj:`None`)
            decoder (torch.nn.Module, optional): Likewise for the decoder. (default: :obj:`None`)
            metric (Metric, optional): The estimator's own metric, where it had one.
                (default: :obj:`None`)

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is another file, or damaged, the objects are not like those that
                were saved, or the device is not there.
        """
        target, state = resolve_device(device), read_archive(path, _KIND)
        objects = {"encoder": encoder, "decoder": decoder, "metric": metric}
        given = {name: value for name, value in objects.items() if value is not None}
        try:
            for name in objects:
                if (name in given) != (name in state["own"]):
                    has = "without" if name in given else "with"
                    raise ValueError(f"it was fitted {has} its own {name}; see load(..., {name}=)")
            here = {**_ONE_PROCESS, "device": device}
            estimator = cls(**{**state["parameters"], **given, **here})
            estimator._restore(state, target)
        except MISFITS as error:
            reason = error if isinstance(error, ValueError) else repr(error)
            raise ValueError(f"{path} cannot be loaded: {reason}") from error
        return estimator

    def _restore(self, state: dict[str, Any], device: torch.device) -> None:
        self.feature_shape_ = tuple(state["feature_shape"])
        self.n_features_in_ = int(np.prod(self.feature_shape_))
        if state["feature_names"]:
            self.feature_names_in_ = np.array(list(map(str, state["feature_names"])), dtype=object)
        self.center_, self.scale_ = state["center"], state["scale"]
        self.embedding_, self.history_ = state["embedding"], state["history"]
        _check_restored(self)
        self.n_epochs_ = len(self.history_)
        self.choices_ = dict(state.get("choices", {}))
        self.n_neighbors_ = int(state["num_neighbors"])
        self._n_features_out = self.n_components
        self.graph_ = Data.from_dict(state["graph"]).to(device)
        self.model_ = self._unfitted_model()
        self.model_.load_state_dict(state["model"])
        self.model_.to(device).eval()
        # Where it is used now is not where it was fitted.
        fitted_on = {
            name: state["parameters"].get(name, default) for name, default in _ANYWHERE.items()
        }
        self._fitted_parameters = {**self.get_params(deep=False), **fitted_on}


def storable_parameters(parameters: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Returns the parameters that a file holds, and the names of objects that loading asks for."""
    storable, own = {}, []
    for name, value in parameters.items():
        try:
            check_storable({name: value})
        except TypeError:
            if name in _NEEDED:
                own.append(name)
            elif name not in _DISPENSABLE:
                raise
        else:
            storable[name] = value
    return storable, own


def _check_restored(estimator: StoredTransformer) -> None:
    num_features = estimator.n_features_in_
    if not isinstance(estimator.scale_, float | np.ndarray) or not np.all(estimator.scale_ > 0):
        raise ValueError("its scale is not a positive number or an array of them")
    for name, array, shape in [
        ("center", estimator.center_, (num_features,)),
        ("embedding", estimator.embedding_[:1], (1, estimator.n_components)),
        ("scale", np.asarray(estimator.scale_), (num_features,)[: np.ndim(estimator.scale_)]),
    ]:
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError(f"its {name} is not finite or of another shape than {list(shape)}")
