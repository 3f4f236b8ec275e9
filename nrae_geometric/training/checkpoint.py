"""Checkpoint files."""

import os
from pathlib import Path
from typing import Any

import torch

from nrae_geometric.atomic import atomic_write


def save_checkpoint(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Writes a checkpoint; a crash on the way leaves the previous one in place.

    Args:
        path (str or os.PathLike): The file; missing folders are made.
        state (dict): Tensors, numbers, strings, and lists, tuples and dictionaries of them, so
            that reading it back executes nothing.
    """
    with atomic_write(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a checkpoint onto the CPU.

    Args:
        path (str or os.PathLike): A file of :func:`save_checkpoint`.

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
