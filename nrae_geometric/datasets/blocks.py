"""Points of files too large to be in memory at once."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nrae_geometric.arguments import integer
from nrae_geometric.datasets.files import known_file, naming, read_points
from nrae_geometric.datasets.formats import BLOCK_READERS, UnusableError, kind_of


def read_blocks(
    path: str | os.PathLike[str], num_rows: int, *, columns: Sequence[str] | None = None
) -> Iterator[NDArray[np.floating[Any]]]:
    r"""Yields points from a file, so many at a time, in the memory that these take.

    ``.npy``, ``.csv`` and ``.parquet`` files, folders of the latter, and Zarr arrays are read so.
    Files of other kinds, and folders of images, are read whole by
    :func:`~nrae_geometric.datasets.read_points` and divided.

    Args:
        path (str or os.PathLike): The file or folder.
        num_rows (int): The number of points; the last time there may be fewer.
        columns (sequence of str, optional): The names of the columns to read, in this order.
            (default: :obj:`None`, all of them)

    Yields:
        numpy.ndarray: Points ``[B, *shape]`` in single or double precision.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If a library is missing that can read it.
        OSError: If the file becomes shorter meanwhile.
        ValueError: As in :func:`~nrae_geometric.datasets.read_points`, when the point is reached
            that is at fault.
    """
    path, num_rows = known_file(path), integer("num_rows", num_rows, 1)
    columns = None if columns is None else list(columns)
    kind = kind_of(path)
    if kind not in BLOCK_READERS:
        points, _ = read_points(path, columns=columns)
        for start in range(0, len(points), num_rows):
            yield points[start : start + num_rows]
        return
    start = 0
    with naming(path):
        for block in BLOCK_READERS[kind](path, columns, num_rows):
            yield _checked(block, start)
            start += len(block)
        if start == 0:
            raise UnusableError("there are no points in it")


def _checked(block: NDArray[Any], start: int) -> NDArray[np.floating[Any]]:
    if block.ndim < 2:
        raise UnusableError(
            "points are rows [N, D] or images [N, C, H, W], not single numbers; "
            "reshape them to [N, 1]"
        )
    is_single = np.result_type(block.dtype, np.float32) == np.float32
    points: NDArray[Any] = block.astype(np.float32 if is_single else np.float64, copy=False)
    bad = np.flatnonzero(~np.isfinite(points.reshape(len(points), -1)).all(axis=1))
    if len(bad):
        raise UnusableError(
            f"row {start + bad[0]}, counted from 0, has NaN or infinite values; drop or impute "
            "such rows"
        )
    return points
