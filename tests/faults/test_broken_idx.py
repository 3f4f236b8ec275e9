"""A broken or hostile file of MNIST gives one ValueError with its name, in bounded memory."""

import gzip
import struct
from pathlib import Path

import pytest

from nrae_geometric.datasets.mnist import load_mnist


def idx(shape=(20,), content=bytes(range(10)) * 2):
    return struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape), *shape) + content


ZIPPED = gzip.compress(idx(), mtime=0)


def mnist(folder: Path, labels: bytes):
    images = idx((20, 28, 28), bytes(784 * 20))
    (folder / "train-images-idx3-ubyte").write_bytes(images)
    (folder / "train-labels-idx1-ubyte").write_bytes(labels)
    return folder / "train-labels-idx1-ubyte"


def read_labels(path):
    return load_mnist(path.parent, download=False)


@pytest.mark.usefixtures("_bounded_memory")
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "content",
    [
        idx((2**32 - 1,)),
        idx((2**31,)),
        idx((0,), b""),
        idx((19,)),
        idx((21,)),
        idx((20, 1)),
        idx((2**32 - 1, 2**32 - 1, 2**32 - 1)),
        idx(content=b"\xff" * 20),
        idx()[:-1],
        idx() + b"\0",
        idx() + bytes(2**22),
        idx()[:3],
        b"",
        b"text",
    ],
)
def test_idx_file_that_is_wrong(tmp_path, compress, content, refusal):
    assert "memory" not in refusal(mnist(tmp_path, compress(content)), read_labels)


@pytest.mark.usefixtures("_bounded_memory")
@pytest.mark.parametrize(
    "content",
    [
        ZIPPED[:-9],
        ZIPPED[:12],
        ZIPPED[:2],
        ZIPPED[:-4] + b"\1\1\1\1",
        ZIPPED + b"text",
        ZIPPED + gzip.compress(b"more", mtime=0),
        gzip.compress(idx() + bytes(3 * 10**7), mtime=0),
    ],
)
def test_compressed_idx_file_that_is_damaged(tmp_path, content, refusal):
    refusal(mnist(tmp_path, content), read_labels)


@pytest.mark.usefixtures("_bounded_memory")
@pytest.mark.parametrize("content", [idx(), ZIPPED], ids=["plain", "gzip"])
def test_any_change_of_a_file_leaves_labels_or_one_named_error(tmp_path, content, try_changes):
    path = mnist(tmp_path, b"")
    try_changes(content, path, path, read_labels)
