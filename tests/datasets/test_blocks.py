"""Points of files, so many at a time."""

import numpy as np
import pytest
import torch

from nrae_geometric.datasets import read_blocks, read_points

POINTS = np.random.default_rng(0).normal(size=(10, 3))


def write(path, points=POINTS):
    if path.suffix == ".npy":
        np.save(path, points)
    elif path.suffix == ".npz":
        np.savez(path, points=points)
    elif path.suffix == ".pt":
        torch.save(torch.from_numpy(points), path)
    elif path.suffix == ".csv":
        np.savetxt(path, points, fmt="%.17g", delimiter=",", header="a,b,c", comments="")
    else:
        pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
        from pyarrow import parquet

        parquet.write_table(pyarrow.table(dict(zip("abc", points.T, strict=True))), path)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".csv", ".parquet"])
@pytest.mark.parametrize("num_rows", [1, 4, 5, 100])
def test_blocks_are_the_points_in_their_order(tmp_path, suffix, num_rows):
    path = write(tmp_path / f"points{suffix}")
    blocks = list(read_blocks(path, num_rows))
    assert [len(block) for block in blocks[:-1]] == [num_rows] * (len(blocks) - 1)
    np.testing.assert_array_equal(np.concatenate(blocks), read_points(path)[0])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_columns_are_picked_in_their_order(tmp_path, suffix):
    [block] = read_blocks(write(tmp_path / f"points{suffix}"), 10, columns=["c", "a"])
    np.testing.assert_array_equal(block, POINTS[:, [2, 0]])


@pytest.mark.parametrize(
    "points",
    [
        np.arange(24).reshape(4, 3, 2),
        np.asfortranarray(POINTS),
        POINTS.astype(">f4"),
        POINTS.astype(np.float16),
    ],
    ids=["integers", "columns first", "big endian", "half"],
)
def test_arrays_of_every_kind_are_read_in_blocks(tmp_path, points):
    path = write(tmp_path / "points.npy", points)
    expected = read_points(path)[0]
    found = np.concatenate(list(read_blocks(path, 3)))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".parquet"])
def test_row_that_is_not_finite_is_named_when_it_is_reached(tmp_path, suffix):
    points = POINTS.copy()
    points[7, 1] = np.nan
    blocks = read_blocks(write(tmp_path / f"points{suffix}", points), 4)
    np.testing.assert_array_equal(next(blocks), POINTS[:4])
    with pytest.raises(ValueError, match=r"points\.\w+: row 7, counted from 0, has NaN"):
        next(blocks)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n", "no points"),
        ("a,b\n1,2\n3,4\n5,x\n", "line 4, column 'b': 'x' is no number"),
        ("a,b\n1,2\n3,4\n5\n", "names 2 columns, but other lines have 1"),
        ("a,b\n1,2\n3,4,5\n3,4,5\n", "names 2 columns, but other lines have 3"),
        ('a,b\n1,2\n3,4\n5,"6\n', "opens a quote"),
    ],
)
def test_fault_of_a_table_is_named(tmp_path, content, message):
    path = tmp_path / "points.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        list(read_blocks(path, 1))
