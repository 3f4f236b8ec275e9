"""Points that stay in their file until they are asked for."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from nrae_geometric.datasets import open_points, read_blocks, read_points

POINTS = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


@pytest.fixture(params=[".npy", ".zarr"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"points{request.param}"
    if request.param == ".npy":
        np.save(path, POINTS)
    else:
        zarr = pytest.importorskip("zarr", reason="needs zarr: pip install zarr")
        zarr.create_array(path, data=POINTS, chunks=(7, 3))
    return path


@pytest.mark.parametrize(
    "place",
    [
        slice(3, 9),
        slice(35, 60),
        slice(5, 5),
        slice(2, 30, 7),
        np.array([5, 39, 5, 0, 1, 2, 17]),
        np.array([], dtype=int),
        np.array([-1, -40]),
    ],
    ids=["slice", "past the end", "empty", "step", "rows", "no rows", "from the end"],
)
def test_rows_are_those_of_the_array(path: Path, place: slice | np.ndarray) -> None:
    table = open_points(path)
    assert tuple(table.shape) == POINTS.shape
    assert table.dtype == POINTS.dtype
    found = table[place]
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, POINTS[place])


def test_a_single_row_is_a_point(path: Path) -> None:
    np.testing.assert_array_equal(open_points(path)[4], POINTS[4])


def test_an_array_of_a_zarr_group_is_named(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", reason="needs zarr: pip install zarr")
    group = zarr.open_group(tmp_path / "all.zarr", mode="w")
    group.create_array("x", data=POINTS)
    group.create_array("y", data=POINTS[:, 0])
    with pytest.raises(
        ValueError, match=r"all.zarr: there are 'x', 'y' in it; name one of its arrays"
    ):
        open_points(tmp_path / "all.zarr")
    for found in (
        open_points(tmp_path / "all.zarr", columns=["x"])[:],
        read_points(tmp_path / "all.zarr", columns=["x"])[0],
    ):
        np.testing.assert_array_equal(found, POINTS)
    with pytest.raises(ValueError, match="reshape single numbers"):
        open_points(tmp_path / "all.zarr", columns=["y"])


@pytest.mark.parametrize("rows", [np.array([40]), np.array([0, -41])])
def test_rows_that_are_not_there_are_an_error(tmp_path: Path, rows: np.ndarray) -> None:
    np.save(tmp_path / "points.npy", POINTS)
    with pytest.raises(IndexError, match="has the rows 0 to 39"):
        open_points(tmp_path / "points.npy")[rows]


@pytest.mark.parametrize("is_advised", [True, False])
def test_rows_of_many_places_are_asked_for_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_advised: bool
) -> None:
    asked: list[tuple[int, int]] = []
    if is_advised:
        monkeypatch.setattr(
            os, "posix_fadvise", lambda file, *place: asked.append(place[:2]), raising=False
        )
        monkeypatch.setattr(os, "POSIX_FADV_WILLNEED", 3, raising=False)
    else:
        monkeypatch.delattr(os, "posix_fadvise", raising=False)
    np.save(tmp_path / "points.npy", POINTS)

    rows = np.array([30, 2, 3, 30, 17])
    found = open_points(tmp_path / "points.npy")[rows]

    np.testing.assert_array_equal(found, POINTS[rows])
    size, start = POINTS[0].nbytes, (tmp_path / "points.npy").stat().st_size - POINTS.nbytes
    places = [(start + first * size, count * size) for first, count in [(2, 2), (17, 1), (30, 1)]]
    assert asked == (places if is_advised else [])


def test_a_copy_of_another_process_reads_the_same_file(tmp_path: Path) -> None:
    np.save(tmp_path / "points.npy", POINTS)
    table = open_points(tmp_path / "points.npy")
    table[:2]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(table))[7:9], POINTS[7:9])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_processes_do_not_disturb_each_other(tmp_path: Path) -> None:
    np.save(tmp_path / "points.npy", POINTS)
    table = open_points(tmp_path / "points.npy")
    table[:1]
    child = os.fork()
    if child == 0:
        os._exit(not all(np.array_equal(table[i : i + 5], POINTS[i : i + 5]) for i in range(30)))
    assert all(np.array_equal(table[i : i + 5], POINTS[i : i + 5]) for i in range(30))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_file_that_becomes_shorter_is_named_with_the_missing_row(tmp_path: Path) -> None:
    path = tmp_path / "points.npy"
    np.save(path, POINTS)
    table, blocks = open_points(path), read_blocks(path, 10)
    next(blocks)
    os.truncate(path, path.stat().st_size - 25 * 12)
    np.testing.assert_array_equal(table[:15], POINTS[:15])
    message = r"became shorter while it was read: row 15 of 40 is missing.*points\.npy"
    with pytest.raises(OSError, match=message):
        table[np.array([3, 20, 15, 16])]
    with pytest.raises(OSError, match=message):
        list(blocks)


def test_the_file_is_closed_with_the_table(tmp_path: Path) -> None:
    np.save(tmp_path / "points.npy", POINTS)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(3):
        open_points(tmp_path / "points.npy")[:2]
    assert (len(os.listdir("/proc/self/fd")) if before else 0) == before


def test_arrays_with_columns_one_behind_another_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "points.npy", np.asfortranarray(POINTS))
    with pytest.raises(ValueError, match=r"points.npy: .*np.ascontiguousarray"):
        open_points(tmp_path / "points.npy")


def test_tables_have_to_be_converted_once(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"write_points\('points.npy', read_blocks\('points.csv'"):
        open_points(tmp_path / "points.csv")
