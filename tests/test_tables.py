"""Points that are read when they are used, and when they stay on the disk."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nrae_geometric import tables
from nrae_geometric.datasets import open_points
from nrae_geometric.points import Points
from nrae_geometric.tables import available_memory, is_table, stays_on_disk

POINTS = np.random.default_rng(0).normal(size=(5000, 4)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.save(tmp_path / "points.npy", POINTS)
    return tmp_path / "points.npy"


def test_only_what_is_read_when_it_is_used_is_a_table(path: Path) -> None:
    assert is_table(open_points(path))
    for values in (POINTS, torch.from_numpy(POINTS), np.load(path, mmap_mode="r"), [[1.0]], None):
        assert not is_table(values)


def test_zarr_arrays_are_tables(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", reason="needs zarr: pip install zarr")
    assert is_table(zarr.create_array(tmp_path / "points.zarr", data=POINTS))


def test_blocks_of_points_are_read_from_the_table(path: Path) -> None:
    points = Points(open_points(path))
    assert points.shape == POINTS.shape
    assert points.dtype == np.float32
    blocks = list(points.blocks())
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in blocks]), POINTS)
    np.testing.assert_array_equal(points.rows(), POINTS)


def test_all_rows_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    rows = POINTS.copy()
    rows[[40, 4500], 1] = np.nan
    np.save(tmp_path / "points.npy", rows)
    with pytest.raises(ValueError, match=r"2 rows with NaN .*first: row 40"):
        list(Points(open_points(tmp_path / "points.npy")).blocks())


@pytest.mark.parametrize("kind", ["table", "map", "view of a map"])
def test_points_beyond_a_quarter_of_the_memory_stay_on_the_disk(
    path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped = np.load(path, mmap_mode="r")
    values: Any = {"table": open_points(path), "map": mapped, "view of a map": mapped[:]}[kind]
    assert stays_on_disk(values, "auto") is None
    assert "as on_disk=True asks" in stays_on_disk(values, True)
    monkeypatch.setattr(tables, "available_memory", lambda: 4 * POINTS.nbytes - 1)
    assert "more than a quarter" in stays_on_disk(values, "auto")
    assert stays_on_disk(values, False) is None


def test_points_in_memory_stay_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "available_memory", lambda: 1)
    assert stays_on_disk(POINTS, "auto") is None
    with pytest.raises(ValueError, match="needs points on the disk, but X is in memory"):
        stays_on_disk(POINTS, True)


def test_limits_of_the_process_count(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource", reason="this system has no limits of a process")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (2**20, resource.RLIM_INFINITY))
    assert available_memory() == 2**20


@pytest.mark.parametrize("is_removed", [False, True])
@pytest.mark.parametrize("view", [lambda x: x, lambda x: x[1000:], lambda x: np.asarray(x)[:, 1:]])
def test_a_map_of_a_file_that_became_shorter_is_not_read(
    path: Path, view: Any, is_removed: bool
) -> None:
    points = Points(view(np.load(path, mmap_mode="r")))
    if is_removed:  # the map has the file that it had
        path = path.rename(path.with_name("other.npy"))
    assert len(next(points.blocks())[1]) > 0
    os.truncate(path, path.stat().st_size - 16)
    with pytest.raises(OSError, match=r"became shorter while it was read: '.*points\.npy'"):
        list(points.blocks())
    with pytest.raises(OSError, match="became shorter"):
        points.at(np.array([0]))
