"""Points that are read when they are used, and whether they stay on the disk."""

import errno
import math
import os
import sys
from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np

_LARGEST_SHARE = 4  # of the memory, one in so many parts


def is_table(values: Any) -> bool:
    """Returns whether values are rows that are read when they are asked for.

    That is a Zarr array, or an object with a ``shape``, a ``dtype`` of NumPy and rows by a slice or
    numbers, but without an interface that hands out all numbers at once; sparse matrices are none.

    Args:
        values (Any): Points of any kind.
    """
    zarr = sys.modules.get("zarr")
    if zarr is not None and isinstance(values, zarr.Array):
        return True
    return (
        isinstance(getattr(values, "dtype", None), np.dtype)
        and hasattr(values, "shape")
        and hasattr(values, "__getitem__")
        and not hasattr(values, "__array__")
        and not hasattr(values, "__dlpack__")
        and not hasattr(values, "__array_interface__")
        and not hasattr(values, "tocsr")
    )


def stays_on_disk(values: Any, on_disk: bool | str) -> str | None:
    """Returns why points stay on the disk, :obj:`None` if they are read into memory.

    Args:
        values (Any): The points.
        on_disk (bool or str): :obj:`"auto"` leaves tables and memory maps there whose numbers take
            more than a quarter of the available memory in single precision.

    Raises:
        ValueError: If points in memory are to stay on the disk.
    """
    if not on_disk:
        return None
    may_stay = is_table(values) or _is_map(values)
    if on_disk != "auto":
        if not may_stay:
            raise ValueError(
                "on_disk=True needs points on the disk, but X is in memory; pass "
                "open_points('points.npy'), a numpy.memmap or a Zarr array"
            )
        return "points stay on the disk, as on_disk=True asks"
    num_bytes, memory = 4 * math.prod(values.shape) if may_stay else 0, available_memory()
    if _LARGEST_SHARE * num_bytes <= memory:
        return None
    return (
        f"points stay on the disk: {_size(num_bytes)} are more than a quarter of the "
        f"{_size(memory)} of available memory"
    )


def readable(values: Any) -> Any:
    """Returns values once it is sure that their file, where they are a memory map, has all rows.

    A read behind the end of a file would end the process instead of raising an error.

    Args:
        values (Any): Points of any kind.

    Raises:
        OSError: If the file has become shorter, with its name.
    """
    owner = values
    while isinstance(owner, np.ndarray) and isinstance(owner.base, np.ndarray):
        owner = owner.base
    is_map = isinstance(owner, np.memmap) and isinstance(owner.base, mmap)
    # The map knows its file, whatever has its name now.
    if is_map and owner.base.size() < owner.offset + owner.nbytes:
        name = None if owner.filename is None else str(owner.filename)
        raise OSError(errno.EIO, "the file became shorter while it was read", name)
    return values


def machine_memory() -> int:
    """Returns the bytes that the machine has, more than any has where that is not known."""
    if not hasattr(os, "sysconf"):
        return 2**62
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def available_memory() -> int:
    """Returns the bytes that this process may take, as far as limits are known."""
    limits = [machine_memory()]
    free = _numbers("/proc/meminfo").get("MemAvailable:")
    if free is not None:
        limits.append(1024 * free)
    if sys.platform != "win32":
        import resource

        kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA)
        limits += [most for most, _ in map(resource.getrlimit, kinds) if most >= 0]
    group = Path("/sys/fs/cgroup/memory.max")
    if group.is_file() and (text := group.read_text().strip()).isdecimal():
        limits.append(int(text))
    return min(limits)


def _numbers(path: str) -> dict[str, int]:
    if not os.path.exists(path):
        return {}
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdecimal()}


def _is_map(values: Any) -> bool:
    while isinstance(values, np.ndarray):
        if isinstance(values, np.memmap):
            return True
        values = values.base
    return False


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.3g} GB"
