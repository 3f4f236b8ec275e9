r"""The digest by which points are known again, however they are stored."""

import mmap
import time
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nrae_geometric.tables import readable

_BLOCK_BYTES = 1 << 24
# A file that has changed within so many nanoseconds may change again at the same time of change.
_UNSETTLED = 2_000_000_000


def points_digest(x: Any, known: dict[str, Any] | None = None) -> dict[str, Any]:
    r"""Returns a digest of points: of their shape and all rows, in single or double precision.

    A memory map of a whole file, or what :func:`~nrae_geometric.datasets.open_points` returns,
    comes with the size, the time of change and the inode of the file. Where these are the known
    ones, the rows are not read again.

    Args:
        x (array): Points :math:`[N, *]`: whatever has a :obj:`shape`, and rows for a slice.
        known (dict, optional): What this function returned before. (default: :obj:`None`)

    Raises:
        OSError: If the file of a memory map has become shorter.

    Returns:
        dict: :obj:`digest`, and :obj:`file` where there is one that has not changed just now.
    """
    stamp = _file_stamp(x)
    if stamp is not None and known is not None and known.get("file") == stamp:
        return known
    first = _as_array(readable(x)[:1])
    digest = blake2b(digest_size=16)
    # Readers return small integers and half precision in this type too.
    is_single = np.result_type(first.dtype, np.float32) == np.float32
    dtype = np.dtype(np.float32 if is_single else np.float64)
    digest.update(repr((tuple(map(int, x.shape)), dtype.name)).encode())
    num_rows = max(1, _BLOCK_BYTES // max(1, first.nbytes))
    for start in range(0, int(x.shape[0]), num_rows):
        block = _as_array(readable(x)[start : start + num_rows])
        digest.update(np.ascontiguousarray(block, dtype).data.cast("B"))
    found: dict[str, Any] = {"digest": digest.hexdigest()}
    if stamp is not None and stamp == _file_stamp(x):
        found["file"] = stamp
    return found


def _file_stamp(x: Any) -> list[Any] | None:
    path, offset = getattr(x, "path", None), 0
    if isinstance(x, np.memmap) and x.filename:
        # A view of a part of a map has the same file.
        path, offset = (Path(x.filename), x.offset) if isinstance(x.base, mmap.mmap) else (None, 0)
    if not isinstance(path, Path):
        return None
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if time.time_ns() - status.st_mtime_ns < _UNSETTLED:
        return None
    layout = [offset, list(map(int, x.shape)), str(x.dtype)]
    return [status.st_size, status.st_mtime_ns, status.st_ino, *layout]


def _as_array(rows: Any) -> np.ndarray:
    return rows.numpy(force=True) if isinstance(rows, torch.Tensor) else np.asarray(rows)
