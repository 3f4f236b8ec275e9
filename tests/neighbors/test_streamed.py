"""`streamed_knn`: the neighbors of points in blocks, and of rows in shards."""

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributed

from nrae_geometric.neighbors import knn, rows, shard_rows, streamed_knn

FRESH = settings(deadline=None, max_examples=40)


class Stored:
    """Points of which only consecutive rows are read; remembers the largest number of them."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.most = 0

    def __getitem__(self, place):
        part = self.values[place]
        self.most = max(self.most, len(part))
        return part


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of seven rows, so that few points are many blocks."""
    monkeypatch.setattr(rows, "_MOST_BLOCK_ROWS", 7)


def points(num_points, dim, seed=0):
    return np.random.default_rng(seed).standard_normal((num_points, dim)).astype(np.float32)


def in_shards(x, k, num_shards, **options):
    parts = [
        streamed_knn(x, k, shard_rows(x.shape[0], rank, num_shards), **options)
        for rank in range(num_shards)
    ]
    return tuple(torch.cat(values) for values in zip(*parts, strict=True))


def assert_same(found, expected):
    for values, others in zip(found, expected, strict=True):
        assert values.dtype == others.dtype
        assert torch.equal(values, others)


@pytest.mark.parametrize("num_shards", [1, 2, 3])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_shards_of_a_memory_map_are_the_whole_search_bit_for_bit(
    small_blocks, tmp_path, num_shards, metric
):
    np.save(tmp_path / "x.npy", points(100, 5))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    expected = knn(points(100, 5), 6, metric=metric, backend="torch")
    assert_same(in_shards(mapped, 6, num_shards, metric=metric), expected)


@FRESH
@given(
    num_points=st.integers(2, 60),
    dim=st.integers(1, 6),
    levels=st.integers(1, 40),
    num_shards=st.integers(1, 3),
    is_double=st.booleans(),
    data=st.data(),
)
def test_duplicates_and_ties_go_as_in_the_whole_search(
    num_points, dim, levels, num_shards, is_double, data
):
    k = data.draw(st.integers(1, num_points - 1))
    block = data.draw(st.integers(1, num_points))
    seed = data.draw(st.integers(0, 2**31))
    x = np.random.default_rng(seed).integers(0, levels, (num_points, dim)) / levels
    x = x if is_double else x.astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "_MOST_BLOCK_ROWS", block)
        found = in_shards(x, k, num_shards)
    assert_same(found, knn(x, k, backend="torch"))


def test_distances_that_differ_by_rounding_go_as_in_the_whole_search(monkeypatch):
    monkeypatch.setattr(rows, "_MOST_BLOCK_ROWS", 1)
    x = np.random.default_rng(0).integers(0, 11, (34, 5)) / 11
    assert_same(streamed_knn(x, 1), knn(x, 1, backend="torch"))


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_points_of_any_magnitude_go_as_in_the_whole_search(small_blocks, scale):
    x = points(40, 3).astype(np.float64)
    x[::3] *= scale
    assert_same(streamed_knn(x, 5), knn(x, 5, backend="torch"))


@pytest.mark.parametrize("dim", [3, 64])
def test_blocks_of_the_usual_size_go_as_in_the_whole_search(monkeypatch, dim):
    monkeypatch.setattr(rows, "_MOST_BLOCK_ROWS", 3000)
    x = points(10_000, dim)
    x[5000:6000] = x[:1000]
    found = streamed_knn(x, 10, range(2500, 9500))
    expected = knn(x, 10, backend="torch")
    assert_same(found, [values[2500:9500] for values in expected])


def test_images_and_half_precision_are_taken(small_blocks):
    x = points(30, 8).reshape(30, 2, 4).astype(np.float16)
    assert_same(streamed_knn(x, 3), knn(x, 3, backend="torch"))


def test_no_more_than_a_block_is_read_at_a_time(small_blocks):
    x = Stored(points(100, 5))
    assert_same(streamed_knn(x, 6), knn(x.values, 6, backend="torch"))
    assert x.most == 7


def test_result_goes_to_the_given_arrays(small_blocks, tmp_path):
    x = points(50, 4)
    files = [
        np.lib.format.open_memmap(tmp_path / n, "w+", t, (20, 3))
        for n, t in (("d.npy", "f4"), ("i.npy", "i4"))
    ]
    streamed_knn(x, 3, range(10, 30), out=tuple(map(torch.from_numpy, files)))
    distance, index = knn(x, 3, backend="torch")
    assert np.array_equal(files[0], distance[10:30].numpy())
    assert np.array_equal(files[1], index[10:30].numpy())


def test_fault_names_the_block_and_the_row_in_it(small_blocks):
    x = points(30, 4)
    x[16, 2] = np.nan
    with pytest.raises(ValueError, match=r"x\[14:21\] has 1 row with NaN.*first: row 2"):
        streamed_knn(x, 3)


def test_file_that_becomes_shorter_is_an_error(small_blocks, tmp_path):
    np.save(tmp_path / "x.npy", points(5000, 4))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    with (tmp_path / "x.npy").open("rb+") as file:
        file.truncate(10_000)
    with pytest.raises(OSError, match=r"became shorter.*x\.npy"):
        streamed_knn(mapped, 3)


def test_backend_that_needs_all_points_says_which_do_not():
    with pytest.raises(ValueError, match="scipy needs all points in memory; use backend='torch'"):
        streamed_knn(points(30, 4), 3, backend="scipy")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 30}, "k must be between 1 and 29"),
        ({"rows": range(20, 31)}, "consecutive ones of 30 points"),
        ({"rows": range(0, 30, 2)}, "consecutive ones of 30 points"),
        ({"out": (torch.empty(3, 3), torch.empty(3, 3))}, r"must have the shape \[30, 3\]"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        streamed_knn(**{"x": points(30, 4), "k": 3, **options})


def test_what_has_no_rows_is_refused():
    with pytest.raises(TypeError, match="x is a list; pass an array"):
        streamed_knn([[1.0], [2.0]], 1)


def test_shards_are_all_rows_in_order_and_of_one_size():
    shards = [shard_rows(10, rank, 4) for rank in range(4)]
    assert [row for shard in shards for row in shard] == list(range(10))
    assert {len(shard) for shard in shards} == {2, 3}
    assert shard_rows(10) == range(10)
    with pytest.raises(ValueError, match="both rank and world_size"):
        shard_rows(10, rank=1)


def _search_in_group(rank, folder):
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/group", rank=rank, world_size=2
    )
    x = np.load(f"{folder}/x.npy", mmap_mode="r")
    found = streamed_knn(x, 4, shard_rows(len(x)))
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_processes_of_a_group_search_a_part_each(tmp_path):
    np.save(tmp_path / "x.npy", points(101, 5))
    mp.spawn(_search_in_group, (str(tmp_path),), nprocs=2)
    parts = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    assert [len(part[0]) for part in parts] == [50, 51]
    found = [torch.cat(values) for values in zip(*parts, strict=True)]
    assert_same(found, knn(points(101, 5), 4, backend="torch"))
