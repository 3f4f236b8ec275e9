"""Named columns of files: which there are, and those of labels."""

import os

import numpy as np
from numpy.typing import NDArray

from nrae_geometric.datasets.files import known_file, naming
from nrae_geometric.datasets.formats import (
    COLUMN_NAMES,
    COLUMN_READERS,
    Remedy,
    UnusableError,
    kind_of,
)


def column_names(path: str | os.PathLike[str]) -> list[str] | None:
    """Returns the names of a file's columns without reading the others of its lines.

    Args:
        path (str or os.PathLike): A file of points, or a folder of images.

    Returns:
        List[str] or None: The names, :obj:`None` where points of this kind have none.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If a library is missing that can read it.
        ValueError: If the file is of an unknown kind, or damaged.
    """
    path = known_file(path)
    if kind_of(path) not in COLUMN_NAMES:
        return None
    with naming(path):
        return COLUMN_NAMES[kind_of(path)](path)


def read_labels(
    path: str | os.PathLike[str], column: str
) -> NDArray[np.float64] | NDArray[np.str_]:
    """Reads one label for each point, as numbers if all of them are.

    Args:
        path (str or os.PathLike): A ``.csv`` or ``.parquet`` file (or folder of these) with such a
            column, or an ``.npz`` file with such an array ``[N]``.
        column (str): Its name.

    Returns:
        numpy.ndarray: ``[N]``, of numbers or of text; a missing one is empty text.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If a library is missing that can read it.
        ValueError: If the file has no such column, is of another kind or is damaged.
    """
    path = known_file(path)
    with naming(path):
        if kind_of(path) not in COLUMN_READERS:
            raise UnusableError(
                f"it has no named columns, of which {column!r} could be one",
                remedy=Remedy.LABELED_FILE,
            )
        values = COLUMN_READERS[kind_of(path)](path, column)
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.array([np.nan])
    if np.isfinite(numbers).all():
        return numbers
    return np.array(["" if value is None else str(value) for value in values])
