"""The kinds of files that points are read from, by the endings of their names."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nrae_geometric.datasets.formats.arrays import (
    npy_blocks,
    npz_column,
    open_npy,
    read_npy,
    read_npz,
    read_pt,
)
from nrae_geometric.datasets.formats.errors import (
    Block,
    RemediableError,
    Remedy,
    Table,
    UnusableError,
    WordsError,
    without_columns,
)
from nrae_geometric.datasets.formats.images import read_images
from nrae_geometric.datasets.formats.rows import NpyRows
from nrae_geometric.datasets.formats.tables import (
    csv_blocks,
    csv_column,
    csv_columns,
    parquet_blocks,
    parquet_column,
    parquet_columns,
    parquet_files,
    read_csv,
    read_parquet,
)
from nrae_geometric.datasets.formats.zarr_arrays import is_zarr, open_zarr, read_zarr, zarr_blocks

IMAGES = "images"
"""The kind of a folder of images."""

READERS: dict[str, Callable[[Path, Sequence[str] | None], Table]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".pt": read_pt,
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".zarr": read_zarr,
}
"""Functions from a file and the names of columns to points and the names of theirs."""

BLOCK_READERS: dict[str, Callable[[Path, Sequence[str] | None, int], Iterator[Block]]] = {
    ".npy": npy_blocks,
    ".csv": csv_blocks,
    ".parquet": parquet_blocks,
    ".zarr": zarr_blocks,
}
"""Functions from a file, the names of columns and a number of rows to so many points at a time."""

OPENERS: dict[str, Callable[[Path, Sequence[str] | None], Any]] = {
    ".npy": open_npy,
    ".zarr": open_zarr,
}
"""Functions from a file and the names of arrays to a table whose rows are read when asked for."""

COLUMN_NAMES: dict[str, Callable[[Path], list[str]]] = {
    ".csv": csv_columns,
    ".parquet": parquet_columns,
}
"""Functions from a file to the names of its columns."""

COLUMN_READERS: dict[str, Callable[[Path, str], list[Any]]] = {
    ".csv": csv_column,
    ".parquet": parquet_column,
    ".npz": npz_column,
}
"""Functions from a file and the name of a column of labels to its values."""


def kind_of(path: Path) -> str:
    """Returns the ending by which the readers know a file or folder, or :data:`IMAGES`."""
    if not path.is_dir():
        return path.suffix.lower()
    if is_zarr(path):
        return ".zarr"
    return ".parquet" if parquet_files(path) else IMAGES


__all__ = [
    "BLOCK_READERS",
    "COLUMN_NAMES",
    "COLUMN_READERS",
    "IMAGES",
    "OPENERS",
    "READERS",
    "NpyRows",
    "RemediableError",
    "Remedy",
    "Table",
    "UnusableError",
    "WordsError",
    "kind_of",
    "read_images",
    "without_columns",
]
