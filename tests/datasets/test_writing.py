"""Points to files, a block of rows at a time."""

import io

import numpy as np
import pytest

from nrae_geometric.datasets import read_points, write_points
from nrae_geometric.datasets.writing import write_csv_rows

SUFFIXES = [".npy", ".npz", ".csv", ".parquet", ".pt"]
POINTS = np.random.default_rng(0).normal(size=(7, 3))


def blocks(points):
    return iter([points[:3], points[3:6], points[6:]])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_points_are_read_as_they_were_written(tmp_path, suffix, dtype):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    points, path = POINTS.astype(dtype), tmp_path / f"points{suffix}"
    assert write_points(path, blocks(points)) == 7
    found, names = read_points(path)
    np.testing.assert_array_equal(found.astype(dtype), points)
    assert names == (["x1", "x2", "x3"] if suffix in (".csv", ".parquet") else None)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_images_keep_their_shape_outside_of_tables(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    images = np.random.default_rng(0).random((7, 1, 2, 2))
    write_points(tmp_path / f"points{suffix}", blocks(images))
    found, _ = read_points(tmp_path / f"points{suffix}")
    shape = (7, 4) if suffix in (".csv", ".parquet") else images.shape
    np.testing.assert_array_equal(found, images.reshape(shape))


def test_header_of_an_array_has_room_for_any_number_of_rows(tmp_path):
    many = (np.zeros((1, 1), np.float32) for _ in range(12_345))
    assert write_points(tmp_path / "points.npy", many) == 12_345
    assert np.load(tmp_path / "points.npy").shape == (12_345, 1)


def test_names_are_quoted_where_they_need_it(tmp_path):
    file = io.StringIO()
    write_csv_rows(file, [np.array([[0.1, 2]], np.float32)], ["a,b", 'c "d"'])
    assert file.getvalue() == '"a,b","c ""d"""\n0.1,2.0\n'
    (tmp_path / "points.csv").write_text(file.getvalue())
    assert read_points(tmp_path / "points.csv")[1] == ["a,b", 'c "d"']


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_file_is_as_it_was_where_a_block_cannot_be_had(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")

    def failing():
        yield POINTS
        raise ValueError("no more")

    path = tmp_path / f"points{suffix}"
    path.write_text("before")
    with pytest.raises(ValueError, match="no more"):
        write_points(path, failing())
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_unknown_kinds_names_and_no_points_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"does not end in \.npy, \.npz"):
        write_points(tmp_path / "points.txt", [POINTS])
    with pytest.raises(ValueError, match="2 names for 3 columns"):
        write_points(tmp_path / "points.csv", [POINTS], names=["a", "b"])
    with pytest.raises(ValueError, match="no points"):
        write_points(tmp_path / "points.npy", [])
