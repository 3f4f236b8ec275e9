import gzip
import struct
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nrae_geometric.datasets.idx import read_idx

LABELS = struct.pack(">2I", 0x801, 3) + b"\x01\x02\x03"


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    array=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0)),
    suffix=st.sampled_from(["", ".gz"]),
)
def test_reads_back_any_array_plain_or_gzipped(tmp_path, write_idx, array, suffix):
    path = tmp_path / f"array{suffix}"
    write_idx(path, array)
    read = read_idx(path, num_dims=array.ndim)
    assert read.dtype == torch.uint8
    assert np.array_equal(read.numpy(), array)


def test_tells_gzip_by_content_whatever_the_name(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(gzip.compress(LABELS))
    assert read_idx(path, num_dims=1).tolist() == [1, 2, 3]


def test_array_is_writable(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(LABELS)
    assert read_idx(path, num_dims=1).fill_(0).tolist() == [0, 0, 0]


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds 0 bytes, fewer than the 8 of an IDX header"),
        (LABELS[:7], "holds 7 bytes, fewer than the 8 of an IDX header"),
        (b"\x00\x00\x08\x03" + LABELS[4:], "magic number 0x00000803, expected 0x00000801"),
        (b"\x00\x00\x0d\x01" + LABELS[4:], "magic number 0x00000d01, expected 0x00000801"),
        (LABELS[:-1], "claims 3 entries"),
        (LABELS + b"\x00", "trailing bytes"),
    ],
    ids=["empty", "short header", "other rank", "other type", "truncated", "trailing"],
)
def test_refuses_a_malformed_file_and_names_it(tmp_path, compress, content, message):
    path = tmp_path / "labels-file"
    path.write_bytes(compress(content))
    with pytest.raises(ValueError, match=message) as error:
        read_idx(path, num_dims=1)
    assert str(path) in str(error.value)


def test_refuses_trailing_bytes_beyond_the_first_chunk(tmp_path):
    path = tmp_path / "labels-file"
    path.write_bytes(struct.pack(">2I", 0x801, 1 << 20) + bytes((1 << 20) + 5))
    with pytest.raises(ValueError, match="trailing bytes"):
        read_idx(path, num_dims=1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-9],
        lambda packed: packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:],
        lambda packed: packed[:10] + b"\xff" + packed[11:],
        lambda packed: packed + b"garbage",
    ],
    ids=["cut off", "wrong checksum", "damaged stream", "garbage after the stream"],
)
def test_refuses_damaged_gzip_and_names_the_file(tmp_path, damage):
    path = tmp_path / "labels.gz"
    path.write_bytes(damage(gzip.compress(LABELS)))
    with pytest.raises(ValueError, match="damaged gzip file") as error:
        read_idx(path, num_dims=1)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("claim", [1 << 30, (1 << 32) - 1])
def test_sets_no_memory_aside_for_a_claim_that_the_file_cannot_hold(tmp_path, compress, claim):
    path = tmp_path / "images"
    path.write_bytes(compress(struct.pack(">4I", 0x803, claim, 28, 28) + bytes(100)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than the file can hold"):
            read_idx(path, num_dims=3)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_sets_no_memory_aside_for_a_claim_that_a_gzip_file_might_hold(tmp_path):
    path = tmp_path / "labels.gz"
    noise = np.random.default_rng(0).bytes(1 << 20)
    path.write_bytes(gzip.compress(struct.pack(">2I", 0x801, 1 << 30) + noise, compresslevel=1))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="but holds 1048576"):
            read_idx(path, num_dims=1)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
