"""Fitted estimators as files."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from nrae_geometric.training.checkpoint import load_checkpoint, save_checkpoint

_FORMAT = "nrae_geometric.ManifoldAutoencoder"


def write_fitted(path: str | os.PathLike[str], parameters: dict[str, Any], fitted: Any) -> None:
    """Writes the parameters and the fitted attributes of an estimator.

    A random generator among the parameters is left out: what it determined has been determined.
    """
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters = parameters | {"random_state": None}
    state = {
        "format": _FORMAT,
        "parameters": parameters
        | {"hidden": list(parameters["hidden"]), "device": str(parameters["device"])},
        "feature_shape": list(fitted.feature_shape_),
        "feature_names": list(getattr(fitted, "feature_names_in_", [])),
        "center": fitted.center_.tolist(),
        "scale": fitted.scale_,
        "model": {name: value.cpu() for name, value in fitted.model_.state_dict().items()},
        "history": fitted.history_,
    }
    save_checkpoint(path, state)


def read_fitted(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads what :func:`write_fitted` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another file, or damaged.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    state: Any = load_checkpoint(path)
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise ValueError(f"{path} was not written by ManifoldAutoencoder.save")
    return state
