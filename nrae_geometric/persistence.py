"""Fitted estimators as files, of which reading executes nothing."""

import os
from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nrae_geometric.atomic import atomic_write

_FORMAT = "nrae_geometric.ManifoldAutoencoder"


def storable(value: Any) -> Any:
    """Returns a value in the plain types that a file holds.

    Those are :obj:`None`, booleans, numbers, strings, tensors, and lists, tuples and dictionaries
    of them.

    Args:
        value (Any): NumPy's and PyTorch's scalars become numbers, arrays tensors, paths and
            devices strings, members of an enumeration their values.

    Raises:
        TypeError: If there is no such form.
    """
    if isinstance(value, Enum):
        return storable(value.value)
    if isinstance(value, np.generic | np.ndarray | Tensor) and value.ndim == 0:
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, os.PathLike | torch.device):
        return str(value)
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(value)
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, Mapping):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(map(storable, value))
    raise TypeError(f"a file cannot hold a value of type {type(value).__name__}")


def write_fitted(
    path: str | os.PathLike[str],
    parameters: Mapping[str, Any],
    state: Mapping[str, Any],
    *,
    dispensable: Collection[str] = (),
) -> None:
    """Writes the parameters and the fitted state of an estimator.

    Args:
        path (str or os.PathLike): The file. Missing folders are made.
        parameters (Mapping[str, Any]): The constructor's arguments. A random generator is left
            out: what it determined has been determined.
        state (Mapping[str, Any]): Values that :func:`storable` takes.
        dispensable (Collection[str], optional): Parameters that the caller could leave out, as an
            error then says. (default: :obj:`()`)

    Raises:
        TypeError: If a parameter cannot be written; the message names it.
    """
    stored = {}
    for name, value in parameters.items():
        try:
            stored[name] = None if isinstance(value, np.random.RandomState) else storable(value)
        except TypeError as error:
            message = f"the parameter {name} cannot be saved: {error}"
            if name in dispensable:
                message += f"; save(path, exclude=[{name!r}]) leaves it out, and loads its default"
            raise TypeError(message) from None
    with atomic_write(path) as temporary:
        torch.save({"format": _FORMAT, "parameters": stored, **storable(state)}, temporary)


def read_fitted(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns what :func:`write_fitted` wrote: ``parameters``, and the state by its names.

    Args:
        path (str or os.PathLike): The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another file, or damaged.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises anything from EOFError to UnpicklingError
        raise ValueError(f"{path} was not written by save, or is damaged") from error
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise ValueError(f"{path} was not written by {_FORMAT.split('.')[-1]}.save")
    parameters = state.get("parameters", {})
    arrays = {name: value for name, value in parameters.items() if isinstance(value, Tensor)}
    return {**state, "parameters": parameters | {name: a.numpy() for name, a in arrays.items()}}
