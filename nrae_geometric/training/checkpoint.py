"""Checkpoint files."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nrae_geometric.archive import read_archive, write_archive
from nrae_geometric.atomic import atomic_write

_KIND = "checkpoint"


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
        return read_archive(path, _KIND)
    except ValueError as error:
        raise ValueError(f"{error}{_offer(path) or '; train anew'}") from error


def previous_checkpoint(path: str | os.PathLike[str]) -> Path:
    """Returns the name of the checkpoint before the last: ``run.pt`` -> ``run.previous.pt``.

    Args:
        path (str or os.PathLike): The checkpoint.
    """
    return Path(path).with_stem(f"{Path(path).stem}.previous")


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
