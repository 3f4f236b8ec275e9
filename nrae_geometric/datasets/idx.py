r"""Reads arrays of unsigned bytes from IDX files, the format of the MNIST database.

An IDX file is a big-endian header, one 32-bit magic number ``0x00000800 + number of dimensions``
and one 32-bit size for each dimension, followed by the entries in row-major order.
"""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

_UNSIGNED_BYTE_MAGIC = 0x00000800
_GZIP_MAGIC = b"\x1f\x8b"
_MAX_DEFLATE_RATIO = 1032
_CHUNK_BYTES = 1 << 20


def read_idx(path: str | os.PathLike[str], num_dims: int) -> Tensor:
    r"""Reads an IDX file of unsigned bytes, plain or gzipped.

    The header is compared with the size of the file before memory is set aside for the entries.

    Args:
        path (str or os.PathLike): The file; its first bytes tell whether it is gzipped.
        num_dims (int): The number of dimensions the array must have, 1 for labels and 3 for
            images.

    Returns:
        Tensor: The array, :obj:`torch.uint8`, in the shape that the header gives.

    Raises:
        ValueError: If the magic number is another one, the header claims more entries than the
            file holds, bytes are left over after the entries, or the compressed data is damaged.
            The message names the file.
    """
    path = Path(path)
    with path.open("rb") as file:
        compressed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        file.seek(0)
        file_size = os.fstat(file.fileno()).st_size
        if not compressed:
            return _read_array(file, path, num_dims, max_bytes=file_size)
        try:
            with gzip.GzipFile(fileobj=file) as stream:
                max_bytes = file_size * _MAX_DEFLATE_RATIO
                return _read_array(stream, path, num_dims, max_bytes)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(
                f"{path} is a damaged gzip file ({error}); delete it and fetch it again"
            ) from error


def _read_array(
    stream: BinaryIO | gzip.GzipFile, path: Path, num_dims: int, max_bytes: int
) -> Tensor:
    header_bytes = 4 * (1 + num_dims)
    header = stream.read(header_bytes)
    if len(header) < header_bytes:
        raise ValueError(
            f"{path} holds {len(header)} bytes, fewer than the {header_bytes} of an IDX header "
            f"with {num_dims} dimension(s)"
        )
    magic, *shape = struct.unpack(f">{1 + num_dims}I", header)
    if magic != _UNSIGNED_BYTE_MAGIC + num_dims:
        raise ValueError(
            f"{path} has magic number 0x{magic:08x}, expected "
            f"0x{_UNSIGNED_BYTE_MAGIC + num_dims:08x} (unsigned bytes, {num_dims} dimension(s))"
        )

    num_entries = math.prod(shape)
    claim = f"{path} claims {num_entries} entries ({' x '.join(map(str, shape))})"
    if header_bytes + num_entries > max_bytes:
        raise ValueError(f"{claim}, more than the file can hold; it is truncated or damaged")
    # In chunks, as a buffer of the claimed size would be allocated before any entry is seen.
    entries = bytearray()
    while chunk := stream.read(min(_CHUNK_BYTES, num_entries + 1 - len(entries))):
        entries += chunk
    if len(entries) < num_entries:
        raise ValueError(f"{claim}, but holds {len(entries)}; it is truncated or damaged")
    if len(entries) > num_entries:
        raise ValueError(f"{claim}, but has trailing bytes after them; it is no intact IDX file")
    return torch.from_numpy(np.frombuffer(entries, dtype=np.uint8).reshape(shape))
