"""Arrays of Zarr, which are folders."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nrae_geometric.datasets.formats.errors import (
    Block,
    Remedy,
    Table,
    UnusableError,
    check_memory,
    pick,
    without_columns,
)


def is_zarr(folder: Path) -> bool:
    """Returns whether a folder is an array, or a group of arrays, of Zarr."""
    return any((folder / name).is_file() for name in ("zarr.json", ".zarray", ".zgroup"))


def open_zarr(path: Path, columns: Sequence[str] | None) -> Any:
    """Opens the only array of a Zarr folder, or the one that is named; its rows stay there."""
    try:
        import zarr
    except ImportError as error:
        raise ImportError(f"reading {path} needs zarr: pip install zarr") from error
    opened: Any = zarr.open(path, mode="r")
    if isinstance(opened, zarr.Array):
        without_columns(columns)
        array: Any = opened
    else:
        names = sorted(name for name, _ in opened.arrays())
        picked = [names[i] for i in pick(names, columns)]
        if len(picked) != 1:
            raise UnusableError(
                f"there are {', '.join(map(repr, names)) or 'none'} in it",
                remedy=Remedy.NAME_ARRAY,
            )
        array = opened[picked[0]]
    if array.dtype.kind not in "fiub":
        raise UnusableError(f"points are real numbers, not of type {array.dtype}")
    return array


def read_zarr(path: Path, columns: Sequence[str] | None) -> Table:
    """Reads the only array of a Zarr folder, or the one that is named."""
    array = open_zarr(path, columns)
    check_memory(array.size * array.dtype.itemsize)
    return np.asarray(array[...]), None


def zarr_blocks(path: Path, columns: Sequence[str] | None, num_rows: int) -> Iterator[Block]:
    """Yields the rows of an array, so many at a time."""
    array = open_zarr(path, columns)
    for start in range(0, array.shape[0] if array.ndim else 0, num_rows):
        yield np.asarray(array[start : start + num_rows])
