"""Points to files, a block of rows at a time."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray

from nrae_geometric.atomic import atomic_write

Rows = NDArray[np.floating[Any]]


def write_points(
    path: str | os.PathLike[str],
    blocks: Iterable[Rows],
    *,
    names: Sequence[str] | None = None,
    array: str = "points",
) -> int:
    r"""Writes points to a file that :func:`~nrae_geometric.datasets.read_points` reads.

    The memory is that of a block, but for ``.npz`` and ``.pt``, which are written at once. Tables
    have a column for each value of a point, whatever its shape.

    Args:
        path (str or os.PathLike): The file; its ending (``.npy``, ``.npz``, ``.csv``, ``.parquet``
            or ``.pt``) is the format. It is written whole or not at all.
        blocks (iterable of numpy.ndarray): Points ``[B, *shape]`` of one shape, at least one.
        names (sequence of str, optional): The columns of a table.
            (default: :obj:`None`, ``x1``, ``x2``, ...)
        array (str, optional): The name of the array in an ``.npz`` file.
            (default: :obj:`"points"`)

    Returns:
        int: The number of points.

    Raises:
        ImportError: If a library is missing that can write it.
        OSError: If the file cannot be written, with its name.
        ValueError: If the file is of an unknown kind, or there are no points.
    """
    kind = Path(path).suffix.lower()
    if kind not in WRITERS:
        raise ValueError(f"{path} does not end in {', '.join(WRITERS)}")
    first, blocks = _first(blocks)
    counted = _Counted(blocks)
    with atomic_write(path) as temporary:
        WRITERS[kind](temporary, counted, column_names_of(first, names), array)
    return counted.num_points


def write_csv_rows(file: IO[str], blocks: Iterable[Rows], names: Sequence[str] | None) -> int:
    """Writes points as CSV below a line of names, each number as short as it is exact.

    Args:
        file (file): What to write to.
        blocks (iterable of numpy.ndarray): Points ``[B, *shape]``.
        names (sequence of str, optional): The columns, as in :func:`write_points`.

    Returns:
        int: The number of points.
    """
    first, blocks = _first(blocks)
    counted = _Counted(blocks)
    file.write(",".join(map(_cell, column_names_of(first, names))) + "\n")
    for block in counted:
        # Python's notation is that of double precision, NumPy's is that of the type.
        values = block.astype("U") if block.dtype == np.float32 else block
        line = ",".join(["%s"] * (block.size // len(block))) + "\n"
        file.write(line * len(block) % tuple(values.ravel().tolist()))
    return counted.num_points


def column_names_of(block: Rows, names: Sequence[str] | None) -> list[str]:
    """Returns the names of the columns of points ``[B, *shape]``, ``x1`` and so on without any."""
    width = int(np.prod(block.shape[1:]))
    if names is None:
        return [f"x{i + 1}" for i in range(width)]
    if len(names) != width:
        raise ValueError(f"there are {len(names)} names for {width} columns")
    return list(names)


class _Counted:
    def __init__(self, blocks: Iterable[Rows]) -> None:
        self.blocks, self.num_points = blocks, 0

    def __iter__(self) -> Iterator[Rows]:
        for block in self.blocks:
            self.num_points += len(block)
            yield block


def _first(blocks: Iterable[Rows]) -> tuple[Rows, Iterable[Rows]]:
    rest = iter(blocks)
    first = next(rest, None)
    if first is None:
        raise ValueError("there are no points to write")
    return first, chain([first], rest)


def _write_npy(path: Path, blocks: Iterable[Rows], names: list[str], array: str) -> None:
    """Writes the header again once the number of rows is known; it has room for any."""
    first, blocks = _first(blocks)
    header = {"descr": npy.dtype_to_descr(first.dtype), "fortran_order": False}
    num_rows = 0
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, {**header, "shape": (0, *first.shape[1:])})
        start = file.tell()
        for block in blocks:
            # NumPy's own way says nothing of a full disk where a part of the rows still fits.
            file.write(np.ascontiguousarray(block, first.dtype).data)
            num_rows += len(block)
        file.seek(0)
        npy.write_array_header_1_0(file, {**header, "shape": (num_rows, *first.shape[1:])})
        assert file.tell() == start


def _write_npz(path: Path, blocks: Iterable[Rows], names: list[str], array: str) -> None:
    with path.open("wb") as file:
        np.savez(file, **{array: np.concatenate(list(blocks))})  # type: ignore[arg-type]


def _write_pt(path: Path, blocks: Iterable[Rows], names: list[str], array: str) -> None:
    # PyTorch's own way to the disk hides its errors.
    buffer = BytesIO()
    torch.save(torch.from_numpy(np.concatenate(list(blocks))), buffer)
    path.write_bytes(buffer.getvalue())


def _write_csv(path: Path, blocks: Iterable[Rows], names: list[str], array: str) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        write_csv_rows(file, blocks, names)


def _write_parquet(path: Path, blocks: Iterable[Rows], names: list[str], array: str) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError("writing .parquet files needs pyarrow: pip install pyarrow") from error
    first, blocks = _first(blocks)
    kind = pyarrow.from_numpy_dtype(first.dtype)
    schema = pyarrow.schema([(name, kind) for name in names])
    with parquet.ParquetWriter(path, schema) as writer:
        for block in blocks:
            columns = [pyarrow.array(column, kind) for column in block.reshape(len(block), -1).T]
            writer.write_batch(pyarrow.record_batch(columns, schema=schema))


def _cell(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if set(name) & set(',"\r\n') else name


WRITERS: dict[str, Callable[[Path, Iterable[Rows], list[str], str], None]] = {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".pt": _write_pt,
}
"""Functions that write points to a file, by the ending of its name."""
