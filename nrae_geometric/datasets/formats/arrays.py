"""Arrays of NumPy and tensors of PyTorch.

A header may promise more than its file holds. It is compared with the size of the file before
anything is read, so that no file makes a reader ask for more memory than its own size, or, where
it is compressed, than its size times the largest ratio there is.
"""

import math
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.lib import format as npy

from nrae_geometric.datasets.formats.errors import (
    Block,
    Remedy,
    Table,
    UnusableError,
    pick,
    without_columns,
)
from nrae_geometric.datasets.formats.rows import NpyRows

DEFLATE_RATIO = 1032
"""The most bytes that one compressed byte of gzip and zip can stand for."""

# The width of a header's length, and its reader.
_HEADERS = {(1, 0): (2, npy.read_array_header_1_0), (2, 0): (4, npy.read_array_header_2_0)}


def read_npy(path: Path, columns: Sequence[str] | None) -> Table:
    """Reads the array of an ``.npy`` file."""
    without_columns(columns)
    _check_npy(path)
    return np.load(path, allow_pickle=False), None


def map_npy(path: Path, columns: Sequence[str] | None) -> Table:
    """Reads an ``.npy`` file as an array that stays on the disk."""
    without_columns(columns)
    _check_npy(path)
    return np.load(path, allow_pickle=False, mmap_mode="r"), None


def npy_blocks(path: Path, columns: Sequence[str] | None, num_rows: int) -> Iterator[Block]:
    """Yields the rows of an ``.npy`` file, so many at a time."""
    without_columns(columns)
    _check_npy(path)
    mapped: Any = np.load(path, allow_pickle=False, mmap_mode="r")
    rows = NpyRows(path) if mapped.flags.c_contiguous else mapped
    for start in range(0, len(rows) if mapped.ndim else 0, num_rows):
        yield np.array(rows[start : start + num_rows])


def open_npy(path: Path, columns: Sequence[str] | None) -> NpyRows:
    """Opens the array of an ``.npy`` file, whose rows stay there."""
    without_columns(columns)
    _check_npy(path)
    return NpyRows(path)


def _check_npy(path: Path) -> None:
    with path.open("rb") as file:
        _check_header(file, path.stat().st_size)


def _check_header(file: IO[bytes], num_bytes: int) -> None:
    """Makes sure that the header of an array promises what follows it."""
    version = npy.read_magic(file)
    if version not in _HEADERS:  # the third has the names of fields in Unicode
        raise UnusableError(f"points are an array of numbers, not of format {version}")
    width, read_header = _HEADERS[version]
    start = file.tell()
    if int.from_bytes(file.read(width), "little") > num_bytes:
        raise UnusableError("the header promises to be longer than the file")
    file.seek(start)
    try:
        shape, _, dtype = read_header(file)
    except (MemoryError, RecursionError) as error:  # of Python's parser
        raise UnusableError("the header is nested too deeply") from error
    if dtype.kind not in "fiub":
        raise UnusableError(f"points are real numbers, not of type {dtype}")
    promised, held = math.prod(shape) * dtype.itemsize, num_bytes - file.tell()
    if min(shape, default=0) < 0 or promised != held:
        raise UnusableError(
            f"the header promises {dtype} of shape {list(shape)}, {promised} bytes, but {held} "
            "follow it; the file is damaged or cut short, or holds more than one array"
        )


def read_npz(path: Path, columns: Sequence[str] | None) -> Table:
    """Reads the only array of an ``.npz`` file, or the one that is named."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        names = [member.filename.removesuffix(".npy") for member in members]
        picked = [members[i] for i in pick(names, columns)]
        if len(picked) != 1:
            raise UnusableError(
                f"there are {', '.join(map(repr, names)) or 'none'} in it",
                remedy=Remedy.NAME_ARRAY,
            )
        [member] = picked
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnusableError(f"{member.filename} is compressed in an unusual way; save it anew")
        if member.file_size > DEFLATE_RATIO * member.compress_size:
            raise UnusableError(
                f"it promises {member.file_size} bytes in {member.compress_size} compressed ones"
            )
        with archive.open(member) as file:
            _check_header(file, member.file_size)
        with archive.open(member) as file:
            return npy.read_array(file, allow_pickle=False), None


def npz_column(path: Path, name: str) -> list[Any]:
    """Returns the values of an array ``[N]`` of numbers or strings in an ``.npz`` file."""
    with np.load(path, allow_pickle=False) as archive:
        pick(archive.files, [name])
        values = archive[name]
    if values.ndim != 1:
        raise UnusableError(f"{name!r} is an array of shape {list(values.shape)}, not [N]")
    return values.tolist()


def read_pt(path: Path, columns: Sequence[str] | None) -> Table:
    """Reads the tensor of a ``.pt`` file."""
    without_columns(columns)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
                raise UnusableError("it promises more than it holds; the file is damaged")
    tensor: Any = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(tensor, torch.Tensor):
        raise UnusableError(f"it holds no tensor but a {type(tensor).__name__}; save the tensor")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
        raise UnusableError(f"points are a dense tensor, not {tensor.layout}; save x.to_dense()")
    if tensor.is_meta:
        raise UnusableError("the tensor is on the device 'meta', which holds no numbers")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise UnusableError("the tensor repeats its numbers (expand); save x.clone()")
    tensor = tensor.detach().resolve_conj().resolve_neg()
    if tensor.is_floating_point() and tensor.dtype.itemsize < 4:
        tensor = tensor.float()
    return tensor.numpy(), None
