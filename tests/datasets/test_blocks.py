"""Points of files, so many at a time."""

import numpy as np
import pytest
import torch

from nrae_geometric.datasets import column_names, read_blocks, read_labels, read_points

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
    elif path.suffix == ".zarr":
        zarr = pytest.importorskip("zarr", reason="needs zarr: pip install zarr")
        zarr.create_array(path, data=points, chunks=(3, *points.shape[1:]))
    else:
        pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
        from pyarrow import parquet

        parquet.write_table(pyarrow.table(dict(zip("abc", points.T, strict=True))), path)
    return path


def write_folder(path, sizes=(4, 3, 3)):
    """Writes the points as a folder of several files, as programs on many machines do."""
    (path / "more").mkdir(parents=True)
    starts = np.cumsum((0, *sizes))
    names = ["part-0.parquet", "part-1.parquet", "more/part-2.parquet"]
    for name, start, size in zip(sorted(names), starts[:-1], sizes, strict=True):
        write(path / name, POINTS[start : start + size])
    (path / "_metadata.parquet").write_bytes(b"of no table")
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".csv", ".parquet", ".zarr"])
@pytest.mark.parametrize("num_rows", [1, 4, 5, 100])
def test_blocks_are_the_points_in_their_order(tmp_path, suffix, num_rows):
    path = write(tmp_path / f"points{suffix}")
    blocks = list(read_blocks(path, num_rows))
    assert [len(block) for block in blocks[:-1]] == [num_rows] * (len(blocks) - 1)
    np.testing.assert_array_equal(np.concatenate(blocks), read_points(path)[0])


@pytest.mark.parametrize("num_rows", [1, 2, 100])
def test_files_of_a_folder_are_one_table(tmp_path, num_rows):
    folder = write_folder(tmp_path / "points")
    blocks = list(read_blocks(folder, num_rows, columns=["c", "a"]))
    assert max(map(len, blocks)) <= num_rows
    np.testing.assert_array_equal(np.concatenate(blocks), POINTS[:, [2, 0]])
    points, names = read_points(folder)
    np.testing.assert_array_equal(points, POINTS)
    assert names == ["a", "b", "c"] == column_names(folder)
    np.testing.assert_array_equal(read_labels(folder, "b"), POINTS[:, 1])


def test_file_of_a_folder_that_differs_is_named(tmp_path):
    folder = write_folder(tmp_path / "points")
    pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"a": [1.0], "b": [1.0]}), folder / "part-1.parquet")
    with pytest.raises(ValueError, match=r"points: part-1.parquet: there is no column 'c'"):
        list(read_blocks(folder, 4))
    (folder / "part-1.parquet").write_bytes(b"no table")
    with pytest.raises(ValueError, match=r"points: part-1.parquet: .*magic bytes"):
        read_points(folder)


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
