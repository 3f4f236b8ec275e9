"""The kinds of files that points are read from, by the endings of their names."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nrae_geometric.datasets.formats.arrays import (
    npy_blocks,
    npz_column,
    read_npy,
    read_npz,
    read_pt,
)
from nrae_geometric.datasets.formats.errors import (
    Block,
    Table,
    UnusableError,
    WordsError,
    without_columns,
)
from nrae_geometric.datasets.formats.images import read_images
from nrae_geometric.datasets.formats.tables import (
    csv_blocks,
    csv_column,
    csv_columns,
    parquet_blocks,
    parquet_column,
    parquet_columns,
    read_csv,
    read_parquet,
)

READERS: dict[str, Callable[[Path, Sequence[str] | None], Table]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".pt": read_pt,
    ".csv": read_csv,
    ".parquet": read_parquet,
}
"""Functions from a file and the names of columns to points and the names of theirs."""

BLOCK_READERS: dict[str, Callable[[Path, Sequence[str] | None, int], Iterator[Block]]] = {
    ".npy": npy_blocks,
    ".csv": csv_blocks,
    ".parquet": parquet_blocks,
}
"""Functions from a file, the names of columns and a number of rows to so many points at a time."""

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

__all__ = [
    "BLOCK_READERS",
    "COLUMN_NAMES",
    "COLUMN_READERS",
    "READERS",
    "Table",
    "UnusableError",
    "WordsError",
    "read_images",
    "without_columns",
]
