"""Rows of an ``.npy`` file that are read when they are asked for."""

import errno
import itertools
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nrae_geometric.datasets.formats.errors import UnusableError


class NpyRows:
    """The rows of an array in an ``.npy`` file, each read when it is asked for.

    ``rows[10:20]`` and ``rows[[3, 1, 3]]`` are arrays that hold these rows alone, which the system
    is asked for together. Unlike a memory
    map, what is read does not count as memory of the process, no address space is taken, and a
    file that becomes shorter meanwhile is an error instead of the end of the process. Processes
    that are forked, or get a copy, read the same file.

    Args:
        path (pathlib.Path): The file, whose header has been checked.

    Attributes:
        shape (tuple of int): The shape of the array.
        dtype (numpy.dtype): Its type.

    Raises:
        ValueError: If its rows do not lie one behind another.
    """

    def __init__(self, path: Path) -> None:
        mapped: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        if not mapped.flags.c_contiguous:
            raise UnusableError(
                "it holds the columns one behind another, not the rows; save it anew by "
                "np.save(path, np.ascontiguousarray(array))"
            )
        self.path = path.absolute()
        self.shape: tuple[int, ...] = mapped.shape
        self.dtype: np.dtype[Any] = mapped.dtype
        self._offset: int = mapped.offset
        self._size = math.prod(self.shape[1:]) * self.dtype.itemsize
        self._file: int | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, place: Any) -> NDArray[Any]:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            if step == 1:
                rows = np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
                self._read(start, rows)
                return rows
            place = np.arange(start, stop, step)
        index = np.asarray(place)
        if index.ndim == 0:
            return self[index.reshape(1)][0]
        return self._take(index.astype(np.int64))

    def _take(self, index: NDArray[np.int64]) -> NDArray[Any]:
        if index.size and not -len(self) <= index.min() <= index.max() < len(self):
            raise IndexError(f"{self.path} has the rows 0 to {len(self) - 1}, not all of {index}")
        # In the order of the file, and each row once.
        wanted, place = np.unique(index % max(1, len(self)), return_inverse=True)
        rows = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        # Neighbors in the file are read together.
        ends = np.flatnonzero(np.diff(wanted) != 1) + 1
        runs = [*itertools.pairwise([0, *ends.tolist(), len(wanted)])] if len(wanted) else []
        if len(runs) > 1 and hasattr(os, "posix_fadvise"):
            # All at a time, where a disk would answer one after the other.
            for first, last in runs:
                start, size = self._offset + int(wanted[first]) * self._size, last - first
                advice = os.POSIX_FADV_WILLNEED
                os.posix_fadvise(self._opened(), start, size * self._size, advice)
        for first, last in runs:
            self._read(int(wanted[first]), rows[first:last])
        return rows[place.reshape(index.shape)]

    def _read(self, first: int, rows: NDArray[Any]) -> None:
        """Fills an array with the rows from the given one on."""
        if rows.nbytes == 0:
            return
        view = memoryview(rows.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        done = 0
        while done < len(view):
            count = self._read_at(self._offset + first * self._size + done, view[done:])
            if count == 0:
                missing = first + done // self._size
                raise OSError(
                    errno.EIO,
                    f"the file became shorter while it was read: row {missing} of {len(self)} is "
                    "missing",
                    str(self.path),
                )
            done += count

    def _read_at(self, offset: int, view: memoryview) -> int:
        if not hasattr(os, "preadv"):  # a place of its own for each process
            with self.path.open("rb") as file:
                file.seek(offset)
                return file.readinto(view)
        return os.preadv(self._opened(), [view], offset)

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        return self._file

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_file": None}

    def __del__(self) -> None:
        if getattr(self, "_file", None) is not None:
            os.close(self._file)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r}, {list(self.shape)}, {self.dtype})"
