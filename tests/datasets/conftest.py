import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def write_idx() -> Callable[[Path, NDArray[np.uint8]], None]:
    r"""Writes an IDX file, gzipped if its name ends in .gz."""

    def write(path: Path, array: NDArray[np.uint8]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        header = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
        content = header + array.tobytes()
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)

    return write


@pytest.fixture
def tiny_images() -> NDArray[np.uint8]:
    r"""Twenty MNIST-sized images of random bytes."""
    return np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)


@pytest.fixture
def tiny_labels() -> NDArray[np.uint8]:
    r"""Every digit twice: image i and image i + 10 show digit i."""
    return np.tile(np.arange(10, dtype=np.uint8), 2)


@pytest.fixture
def tiny_root(
    tmp_path: Path,
    write_idx: Callable[[Path, NDArray[np.uint8]], None],
    tiny_images: NDArray[np.uint8],
    tiny_labels: NDArray[np.uint8],
) -> Path:
    r"""A data folder whose training split is the tiny images and labels."""
    write_idx(tmp_path / "train-images-idx3-ubyte", tiny_images)
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", tiny_labels)
    return tmp_path
