"""Named columns of files, and those of labels."""

import numpy as np
import pytest

from nrae_geometric.datasets import column_names, read_labels


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text('x,height, kind\n1,2.5,red\n2,3,"blue, dark"\n')
    return path


def test_names_are_those_of_the_first_line(table):
    assert column_names(table) == ["x", "height", "kind"]


def test_files_without_names_have_none(tmp_path):
    np.save(tmp_path / "points.npy", np.zeros((3, 2)))
    assert column_names(tmp_path / "points.npy") is None
    assert column_names(tmp_path) is None


def test_labels_are_numbers_where_all_of_them_are(table):
    np.testing.assert_array_equal(read_labels(table, "height"), [2.5, 3])
    assert read_labels(table, "kind").tolist() == ["red", "blue, dark"]


def test_labels_of_parquet_may_be_missing(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    from pyarrow import parquet

    path = tmp_path / "points.parquet"
    parquet.write_table(pyarrow.table({"x": [1.0, 2.0], "kind": ["red", None]}), path)
    assert column_names(path) == ["x", "kind"]
    assert read_labels(path, "kind").tolist() == ["red", ""]


def test_labels_of_npz_are_an_array_of_one_dimension(tmp_path):
    path = tmp_path / "points.npz"
    np.savez(path, x=np.zeros((2, 3)), kind=np.array(["a", "b"]))
    assert read_labels(path, "kind").tolist() == ["a", "b"]
    with pytest.raises(ValueError, match=r"'x' is an array of shape \[2, 3\]"):
        read_labels(path, "x")


def test_column_that_is_not_there_is_named(table, tmp_path):
    with pytest.raises(ValueError, match=r"there is no column 'color'; there are 'x', 'height'"):
        read_labels(table, "color")
    with pytest.raises(ValueError, match="no named columns"):
        read_labels(tmp_path, "color")


def test_line_of_another_length_is_named(table):
    table.write_text("x,kind\n1,a\n2\n")
    with pytest.raises(ValueError, match="line 3 has 1 cells, not 2"):
        read_labels(table, "kind")
