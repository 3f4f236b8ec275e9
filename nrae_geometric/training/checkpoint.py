"""Checkpoint files."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from nrae_geometric.archive import read_archive, write_archive
from nrae_geometric.atomic import atomic_write

_KIND = "checkpoint"
_PARTS = (
    "run", "completed_epochs", "stop_reason", "model", "optimizer", "history", "random", "callbacks"
)  # fmt: skip


def save_checkpoint(
    path: str | os.PathLike[str], state: Mapping[str, Any], *, keep_previous: bool = False
) -> None:
    """Writes a checkpoint; a crash on the way leaves the previous one in place.

    Args:
        path (str or os.PathLike): The file, of any name. Missing folders are made.
        state (Mapping[str, Any]): What :func:`~nrae_geometric.archive.write_archive` takes.
        keep_previous (bool, optional): Whether the checkpoint in place is of the same run, and is
            kept as :func:`previous_checkpoint`. One of another run is removed from there.
            (default: :obj:`False`)

    Raises:
        OSError: If a file cannot be written, with its name.
        TypeError: If a file cannot hold a value; the message names its place.
    """
    previous = previous_checkpoint(path)
    if not keep_previous:
        previous.unlink(missing_ok=True)
    elif Path(path).is_file():
        with atomic_write(previous) as temporary:
            shutil.copyfile(path, temporary)
    write_archive(path, _KIND, state)


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a checkpoint onto the CPU; nothing in the file is executed.

    Args:
        path (str or os.PathLike): A file of :func:`save_checkpoint`.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is not one of :func:`save_checkpoint`, or is damaged. The message
            names the checkpoint before it, where that is whole.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"nothing to resume: there is no checkpoint {path}{_offer(path)}")
    try:
        state = read_archive(path, _KIND)
        if missing := [name for name in _PARTS if name not in state]:
            raise ValueError(f"{path} is no checkpoint of a run: it lacks {', '.join(missing)}")
        return state
    except ValueError as error:
        raise ValueError(f"{error}{_offer(path) or '; train anew'}") from error


def previous_checkpoint(path: str | os.PathLike[str]) -> Path:
    """Returns the name of the checkpoint before the last: ``run.pt`` -> ``run.previous.pt``.

    Args:
        path (str or os.PathLike): The checkpoint.
    """
    return Path(path).with_stem(f"{Path(path).stem}.previous")


def architecture(model: nn.Module) -> str:
    """Returns what tells models apart whose weights have the same shapes.

    Args:
        model (torch.nn.Module): The model.
    """
    return re.sub(r"0x[0-9a-f]+", "0x", repr(model))  # without the addresses of functions


def check_same_run(state: Mapping[str, Any], present: Mapping[str, Any], max_epochs: int) -> None:
    """Makes sure that a checkpoint is of the run that is to go on from it.

    Args:
        state (Mapping[str, Any]): The checkpoint. Its ``run`` has the properties of its run.
        present (Mapping[str, Any]): Those of the present run. Without a seed of its own that has
            the checkpoint's.
        max_epochs (int): The length of the present run.

    Raises:
        KeyError: If the checkpoint lacks a property.
        ValueError: If it is of another or a longer run.
    """
    for name, value in present.items():
        found = state["run"][name]
        if found == value or (name == "seed" and value is None):
            continue
        if name == "settings":
            raise ValueError("it is of a run with other settings; train anew")
        raise ValueError(f"its {name} is {found}, and that of this run {value}")
    if (completed := len(state["history"])) > max_epochs:
        raise ValueError(
            f"it has {completed} epochs already, more than max_epochs={max_epochs}; resume it "
            f"with at least {completed}, or train anew"
        )


def _offer(path: str | os.PathLike[str]) -> str:
    previous = previous_checkpoint(path)
    try:
        epochs = read_archive(previous, _KIND)["completed_epochs"]
    except (OSError, ValueError, KeyError):
        return ""
    return (
        f"; {previous}, the checkpoint before it, is whole and has {epochs} epochs: give it the "
        f"name {Path(path).name} to go on from there"
    )
