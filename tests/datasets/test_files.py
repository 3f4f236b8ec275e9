import contextlib
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from nrae_geometric.datasets import PointsFile, read_points
from nrae_geometric.registry import DATASETS

POINTS = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
CSV = "x,y,name\n1,2.5,a\n-3e2,4,b\n"


class Unwelcome:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def write_csv(path: Path) -> None:
    np.savetxt(path, POINTS, delimiter=",", header="a,b,c", comments="", fmt="%.17g")


WRITERS = {
    ".npy": lambda path: np.save(path, POINTS),
    ".npz": lambda path: np.savez(path, points=POINTS),
    ".pt": lambda path: torch.save(torch.from_numpy(POINTS), path),
    ".csv": write_csv,
}


@pytest.fixture(params=WRITERS)
def points_file(request, tmp_path):
    path = tmp_path / f"points{request.param}"
    WRITERS[request.param](path)
    return path


@pytest.fixture
def csv_file(tmp_path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "points.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_every_format_gives_back_what_was_written(points_file):
    points, names = read_points(points_file)
    np.testing.assert_array_equal(points, POINTS)
    assert names == (["a", "b", "c"] if points_file.suffix == ".csv" else None)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("float16", "float32"),
        (">f4", "float32"),
        ("uint8", "float32"),
        ("bool", "float32"),
        ("int64", "float64"),
        ("float64", "float64"),
    ],
)
def test_numbers_get_the_precision_that_holds_them(tmp_path, written, read):
    array = np.arange(8).reshape(2, 1, 2, 2).astype(written)
    np.save(tmp_path / "points.npy", array)
    points, _ = read_points(tmp_path / "points.npy")
    assert points.dtype == read
    np.testing.assert_array_equal(points, array)


def test_a_mapped_array_stays_on_the_disk(tmp_path):
    np.save(tmp_path / "points.npy", POINTS)
    points, _ = read_points(tmp_path / "points.npy", mmap=True)
    assert isinstance(points, np.memmap)
    np.testing.assert_array_equal(points, POINTS)


def test_a_column_names_one_of_several_arrays(tmp_path):
    np.savez(tmp_path / "points.npz", labels=np.arange(12), points=POINTS)
    points, _ = read_points(tmp_path / "points.npz", columns=["points"])
    np.testing.assert_array_equal(points, POINTS)
    with pytest.raises(
        ValueError, match=r"there are 'labels', 'points' in it; name .* by columns=\[name\]"
    ):
        read_points(tmp_path / "points.npz")


def test_columns_are_picked_by_name_and_in_order(csv_file):
    points, names = read_points(csv_file(CSV), columns=["y", "x"])
    assert names == ["y", "x"]
    assert points.tolist() == [[2.5, 1], [4, -300]]


@pytest.mark.parametrize(
    "content",
    [
        'a, "b"\n1,2\n\n"3",4',
        "a,b\r\n1,2\r\n3,4\r\n",
        b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
    ],
    ids=["quotes and spaces", "Windows lines", "byte order mark"],
)
def test_dialects_of_csv_are_understood(csv_file, content):
    points, names = read_points(csv_file(content))
    assert [name.strip('"') for name in names] == ["a", "b"]
    assert points.tolist() == [[1, 2], [3, 4]]


def test_a_header_of_counted_columns_is_a_header(csv_file):
    points, names = read_points(csv_file("0,1\n5,6\n"))
    assert (points.tolist(), names) == ([[5, 6]], ["0", "1"])


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        (CSV, None, "line 2, column 'name': 'a' is no number"),
        (CSV, ["x", "z"], "no column 'z'; there are 'x', 'y', 'name'"),
        ("x,x\n1,2\n", ["x"], "more than one column 'x'"),
        ("x,y\n1,2\n\n3,\n", None, "line 4, column 'y' is empty"),
        ("x,y\n1,2\n3\n", None, "line 3 has 1 cells, not 2"),
        ("x,y\n1,2,3\n", None, "names 2 columns, but other lines have 3"),
        ("x,y\n1,2\nnan,3\n", None, "1 of 2 points .* row 1, counted from 0, in column 'x'"),
        ("1.5,2\n3,4\n", None, "the first line holds numbers"),
        (",x\n0,1.5\n", None, "column 1 has no name"),
        ("x,y\n", None, "there are no points"),
        ("", None, "there are no points"),
        (b"x,y\n\xff\xfe,1\n", None, "not encoded in UTF-8 .byte 0xff"),
    ],
)
def test_a_bad_table_is_refused_by_line_and_column(csv_file, content, columns, message):
    path = csv_file(content)
    with pytest.raises(ValueError, match=message) as error:
        read_points(path, columns=columns)
    assert str(path) in str(error.value)


def test_parquet_columns_are_read_or_refused_by_type(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "points.parquet"
    table = {"a": [1.5, 2.5], "b": [3, 4], "name": ["p", "q"]}
    parquet.write_table(pyarrow.table(table), path)
    points, names = read_points(path, columns=["b", "a"])
    assert (points.tolist(), names) == ([[3, 1.5], [4, 2.5]], ["b", "a"])
    with pytest.raises(ValueError, match="column 'name' is of type string"):
        read_points(path)


def test_parquet_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "points.parquet"
    path.touch()
    with pytest.raises(ImportError, match="pip install pyarrow"):
        read_points(path)


def test_a_folder_of_images_is_read_in_the_order_of_names(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (3, 4, 5), dtype=np.uint8)
    for name, image in zip(["b.png", "c.BMP", "a.png"], pixels, strict=True):
        Image.fromarray(image).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    points, names = read_points(tmp_path)
    assert points.dtype == np.float32
    assert names is None
    np.testing.assert_array_equal(points, (pixels[[2, 0, 1], None] / np.float32(255)))


def test_colors_come_first_and_deep_pixels_fill_the_same_range(tmp_path):
    colors = np.random.default_rng(2).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    (tmp_path / "rgb").mkdir()
    Image.fromarray(colors).save(tmp_path / "rgb" / "a.png")
    points, _ = read_points(tmp_path / "rgb")
    np.testing.assert_array_equal(points[0], np.moveaxis(colors, 2, 0) / np.float32(255))
    (tmp_path / "deep").mkdir()
    deep = np.array([[0, 65535], [13107, 26214]], dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep" / "a.tiff")
    np.testing.assert_allclose(read_points(tmp_path / "deep")[0][0, 0], [[0, 1], [0.2, 0.4]])


def test_images_of_different_sizes_or_no_images_are_refused(tmp_path):
    with pytest.raises(ValueError, match="there are no images in this folder"):
        read_points(tmp_path)
    Image.new("L", (5, 4)).save(tmp_path / "a.png")
    Image.new("L", (4, 5)).save(tmp_path / "b.png")
    with pytest.raises(ValueError, match=r"of b.png are \(1, 5, 4\), but those of a.png are"):
        read_points(tmp_path)
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"b.png cannot be read .*; replace or remove it"):
        read_points(tmp_path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.arange(5.0), r"not an array of shape \[5\]; reshape"),
        (np.float64(1), r"shape \[\]"),
        (np.zeros((0, 3)), "there are no points"),
        (np.zeros((2, 2), dtype=complex), "real numbers, not of type complex128"),
        (np.array([["a", "b"]]), "real numbers"),
        (np.array([[1, np.inf], [np.nan, 2], [3, 4]]), "2 of 3 points .* row 0"),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_that_hold_no_points_are_refused(tmp_path, array, message, suffix):
    path = tmp_path / f"points{suffix}"
    (np.save if suffix == ".npy" else np.savez)(path, array)
    with pytest.raises(ValueError, match=message) as error:
        read_points(path)
    assert str(path) in str(error.value)


def test_a_file_without_columns_refuses_their_names(tmp_path):
    np.save(tmp_path / "points.npy", POINTS)
    with pytest.raises(ValueError, match="no named columns to pick a, b from"):
        read_points(tmp_path / "points.npy", columns=["a", "b"])


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
def test_no_file_is_executed(tmp_path, suffix):
    path, mark = tmp_path / f"points{suffix}", tmp_path / "executed"
    unwelcome = np.array([[Unwelcome(mark)]], dtype=object)
    if suffix == ".pt":
        torch.save(Unwelcome(mark), path)
    else:
        (np.save if suffix == ".npy" else np.savez)(path, unwelcome)
    with pytest.raises(ValueError, match="points"):
        read_points(path)
    path.write_bytes(pickle.dumps(Unwelcome(mark), protocol=2))
    with pytest.raises(ValueError, match=f"damaged, or no {suffix} file"):
        read_points(path)
    assert not mark.exists()


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(length=st.floats(0, 0.9), noise=st.binary(max_size=20))
def test_a_damaged_file_is_refused_by_name(points_file, length, noise):
    content = points_file.read_bytes()
    points_file.write_bytes(content[: int(length * len(content))] + noise)
    if points_file.suffix == ".csv":  # the first lines of a table may be a table
        with contextlib.suppress(ValueError):
            assert len(read_points(points_file)[0]) <= len(POINTS)
    else:
        with pytest.raises(ValueError, match=re.escape(str(points_file))):
            read_points(points_file)
    points_file.write_bytes(content)


def test_missing_and_unknown_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file or folder .*nothing.npy"):
        read_points(tmp_path / "nothing.npy")
    (tmp_path / "points.mat").touch()
    with pytest.raises(ValueError, match=r"points.mat is neither .* .npy, .npz, .pt, .csv, .parq"):
        read_points(tmp_path / "points.mat")


def test_a_points_file_is_one_graph_in_single_precision(tmp_path, monkeypatch):
    np.save(tmp_path / "points.npy", POINTS.astype(np.float64))
    monkeypatch.chdir(tmp_path)
    dataset = PointsFile("points.npy")
    assert repr(dataset) == "PointsFile('points.npy', num_nodes=12)"
    assert torch.equal(dataset[0].x, torch.from_numpy(POINTS))
    assert dataset[0].y is None


def test_a_configuration_names_a_file(csv_file):
    settings = DATASETS["file"](dataset="file", path=str(csv_file(CSV)), columns=["x", "y"])
    dataset = settings.build(seed=0)
    assert dataset[0].x.tolist() == [[1, 2.5], [-300, 4]]
    assert settings.test_points(dataset) is None
