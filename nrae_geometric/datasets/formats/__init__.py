"""The kinds of files that points are read from, by the endings of their names."""

from collections.abc import Callable, Sequence
from pathlib import Path

from nrae_geometric.datasets.formats.arrays import read_npy, read_npz, read_pt
from nrae_geometric.datasets.formats.errors import Table, UnusableError, without_columns
from nrae_geometric.datasets.formats.images import read_images
from nrae_geometric.datasets.formats.tables import read_csv, read_parquet

READERS: dict[str, Callable[[Path, Sequence[str] | None], Table]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".pt": read_pt,
    ".csv": read_csv,
    ".parquet": read_parquet,
}
"""Functions from a file and the names of columns to points and the names of theirs."""

__all__ = ["READERS", "Table", "UnusableError", "read_images", "without_columns"]
