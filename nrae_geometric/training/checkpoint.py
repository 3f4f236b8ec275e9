"""Checkpoints that hold everything a run needs to go on as if it had never stopped."""

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nrae_geometric.atomic import atomic_write
from nrae_geometric.geodesics import GeodesicCoordinates, Loop


def save_checkpoint(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Writes a checkpoint; a crash on the way leaves the previous one in place.

    Args:
        path: The file; missing folders are made.
        state: Tensors, numbers, strings, and lists, tuples and dictionaries of them, so that
            reading it back executes nothing.
    """
    with atomic_write(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a checkpoint onto the CPU.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is not one of :func:`save_checkpoint`.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"nothing to resume: there is no checkpoint {path}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises anything from EOFError to UnpicklingError
        raise ValueError(f"{path} is not a checkpoint, or is damaged; train anew") from error


def random_state(device: torch.device, generator: torch.Generator | None) -> dict[str, Any]:
    """Returns the state of every random generator that training draws from.

    Args:
        device: The device trained on; a GPU has a generator of its own.
        generator: The loader's, where it has one.
    """
    return {
        "python": random.getstate(),
        "numpy": _numpy_state(),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "loader": None if generator is None else generator.get_state(),
    }


def restore_random_state(
    state: dict[str, Any], device: torch.device, generator: torch.Generator | None
) -> None:
    """Puts every random generator back to where :func:`random_state` found it.

    Raises:
        ValueError: If only one of the two runs has a generator in its loader.
    """
    saved: Tensor | None = state["loader"]
    if (saved is None) != (generator is None):
        raise ValueError(
            "the loader of a resumed run must have a generator exactly where the first had one"
        )
    random.setstate(state["python"])
    key, *rest = state["numpy"]
    np.random.set_state(("MT19937", key.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None and device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
    if generator is not None and saved is not None:
        generator.set_state(saved)


def coordinates_state(coordinates: GeodesicCoordinates | None) -> dict[str, Any] | None:
    """Returns the coordinates that a run began with, in a form that a checkpoint can hold."""
    if coordinates is None:
        return None
    loop = None if coordinates.loop is None else coordinates.loop._asdict()
    return {**coordinates._asdict(), "loop": loop}


def restore_coordinates(state: dict[str, Any] | None) -> GeodesicCoordinates | None:
    """Returns what :func:`coordinates_state` was given, on the CPU."""
    if state is None:
        return None
    loop = None if state["loop"] is None else Loop(**state["loop"])
    return GeodesicCoordinates(**{**state, "loop": loop})


def _numpy_state() -> tuple[Tensor, int, int, float]:
    state: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    # PyTorch stores no uint32 arrays of NumPy without pickling them.
    key = torch.from_numpy(state["state"]["key"].astype(np.int64))
    return key, state["state"]["pos"], state["has_gauss"], state["gauss"]
