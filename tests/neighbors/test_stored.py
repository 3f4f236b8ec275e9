"""`stored_knn_graph` and `open_knn_graph`: neighbor graphs in files."""

import errno
import json
import os

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from torch import distributed

from nrae_geometric.datasets import open_points
from nrae_geometric.neighbors import (
    TorchBackend,
    knn,
    open_knn_graph,
    precomputed_graph,
    stored,
    stored_knn_graph,
)


class Counting(TorchBackend):
    """An engine that counts its searches."""

    searches = 0

    def search_rows(self, *arguments):
        type(self).searches += 1
        super().search_rows(*arguments)


@pytest.fixture
def x(tmp_path):
    """A hundred points of a file that has not changed for an hour."""
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).standard_normal((100, 4)).astype(np.float32))
    os.utime(path, (path.stat().st_mtime - 3600,) * 2)
    return np.load(path, mmap_mode="r")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "graph"


def assert_is_graph_of(graph, x, k):
    distance, index = knn(x, k, backend="torch")
    assert np.array_equal(graph.distances, distance.numpy())
    assert np.array_equal(graph.indices, index.numpy())


def test_graph_is_that_of_a_search_and_reads_as_edges(x, folder):
    graph = stored_knn_graph(x, 5, folder)
    assert_is_graph_of(graph, x, 5)
    assert (graph.indices.dtype, graph.distances.dtype) == (np.int32, np.float32)
    assert isinstance(graph.indices, np.memmap)
    assert graph.recall == 1
    edge_index, _ = precomputed_graph(graph.pair, num_nodes=100)
    assert edge_index.shape == (2, 500)
    assert sorted(path.name for path in folder.iterdir()) == [
        "distances.npy",
        "graph.json",
        "indices.npy",
    ]


@pytest.mark.parametrize("as_stored", [np.asarray, np.array, torch.from_numpy, lambda x: x])
def test_second_run_finds_the_graph_however_the_points_are_stored(x, folder, as_stored):
    Counting.searches = 0
    first = stored_knn_graph(x, 5, folder, backend=Counting())
    second = stored_knn_graph(as_stored(np.array(x)), 5, folder, backend=Counting())
    assert Counting.searches == 1
    assert np.array_equal(first.indices, second.indices)
    assert np.array_equal(open_knn_graph(folder, x).indices, first.indices)


def test_points_of_an_unchanged_file_are_not_read_again(x, folder, monkeypatch):
    stored_knn_graph(x, 5, folder)
    known = json.loads((folder / "graph.json").read_text())["points"]
    assert known["file"][0] == os.stat(x.filename).st_size
    forged = {**known, "digest": "0" * 32}
    assert stored.points_digest(x, forged) is forged
    assert stored.points_digest(x[:50], forged)["digest"] != forged["digest"]


def test_digest_is_of_the_layout_of_a_file_too(x, tmp_path):
    known = stored.points_digest(x)
    other = np.memmap(tmp_path / "x.npy", np.float32, "r", x.offset, (50, 8))
    assert known["file"]
    assert stored.points_digest(other, known)["digest"] != known["digest"]
    opened = open_points(tmp_path / "x.npy")
    assert stored.points_digest(opened)["digest"] == known["digest"]
    forged = {**stored.points_digest(opened), "digest": "0" * 32}
    assert stored.points_digest(opened, forged) is forged


def test_graph_of_points_that_have_changed_is_refused(x, folder, tmp_path):
    stored_knn_graph(x, 5, folder)
    changed = np.load(tmp_path / "x.npy", mmap_mode="r+")
    changed[99, 3] += 1
    changed.flush()
    os.utime(tmp_path / "x.npy")
    with pytest.raises(ValueError, match="of other points, or points that have changed"):
        stored_knn_graph(changed, 5, folder)
    with pytest.raises(ValueError, match="of other points, or points that have changed"):
        open_knn_graph(folder, changed)


def test_graph_of_other_settings_is_refused(x, folder):
    stored_knn_graph(x, 5, folder)
    with pytest.raises(ValueError, match=r"of k 5, not 6; metric Euclidean\(\), not Cosine"):
        stored_knn_graph(x, 6, folder, metric="cosine")


@pytest.mark.parametrize("num_processes", [2, 3])
def test_last_of_several_processes_joins_their_parts(x, folder, num_processes):
    for rank in range(num_processes - 1):
        assert stored_knn_graph(x, 5, folder, rank=rank, world_size=num_processes) is None
    graph = stored_knn_graph(x, 5, folder, rank=num_processes - 1, world_size=num_processes)
    assert_is_graph_of(graph, x, 5)
    assert len(list(folder.iterdir())) == 3


def test_part_that_is_complete_is_taken_over_and_a_damaged_one_is_not(x, folder):
    Counting.searches = 0
    backend = Counting()
    for _ in range(2):
        assert stored_knn_graph(x, 5, folder, backend=backend, rank=0, world_size=2) is None
    assert Counting.searches == 1
    with (folder / "indices-1-of-2.npy").open("rb+") as file:
        file.truncate(300)
    assert stored_knn_graph(x, 5, folder, backend=backend, rank=1, world_size=2) is None
    graph = stored_knn_graph(x, 5, folder, backend=backend, rank=0, world_size=2)
    assert Counting.searches == 3
    assert_is_graph_of(graph, x, 5)


def test_points_whose_file_became_shorter_are_not_read(x, folder):
    stored_knn_graph(x, 5, folder)
    os.truncate(x.filename, 500)
    with pytest.raises(OSError, match=r"became shorter.*x\.npy"):
        open_knn_graph(folder, x)
    with pytest.raises(OSError, match=r"became shorter.*x\.npy"):
        stored_knn_graph(x, 5, folder)


def test_search_that_fails_leaves_no_files(x, folder):
    class Failing(TorchBackend):
        def search_rows(self, *arguments):
            raise RuntimeError("no power")

    with pytest.raises(RuntimeError, match="no power"):
        stored_knn_graph(x, 5, folder, backend=Failing())
    assert not folder.exists()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no such call on this system")
def test_full_disk_is_an_error_that_names_the_file(x, folder, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"No space left.*indices\.npy"):
        stored_knn_graph(x, 5, folder)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["indices.npy", "distances.npy"])
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "missing"])
def test_damaged_array_is_refused(x, folder, name, damage):
    stored_knn_graph(x, 5, folder)
    path = folder / name
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    else:
        data[-3] ^= 64
        path.write_bytes({"cut": data[:-9], "flip": data, "empty": b""}[damage])
    with pytest.raises(ValueError, match=f"{name}.*remove"):
        open_knn_graph(folder)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "other"}', "\0\xff"])
def test_card_of_something_else_is_refused(x, folder, text):
    stored_knn_graph(x, 5, folder)
    (folder / "graph.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"graph\.json is damaged, or not of a neighbor graph"):
        stored_knn_graph(x, 5, folder)


def test_format_of_a_later_version_is_refused(x, folder):
    stored_knn_graph(x, 5, folder)
    card = json.loads((folder / "graph.json").read_text())
    (folder / "graph.json").write_text(json.dumps({**card, "version": 2}))
    with pytest.raises(ValueError, match="is of version 2 of the format"):
        open_knn_graph(folder)


def test_folder_without_a_graph_is_an_error(folder):
    with pytest.raises(FileNotFoundError, match=r"no neighbor graph in .*graph"):
        open_knn_graph(folder)


def _store_in_group(rank, place, folder):
    distributed.init_process_group("gloo", init_method=f"file://{place}/g", rank=rank, world_size=2)
    x = np.load(f"{place}/x.npy", mmap_mode="r")
    assert_is_graph_of(stored_knn_graph(x, 5, folder), x, 5)
    distributed.destroy_process_group()


@pytest.mark.slow
def test_processes_of_a_group_all_get_the_graph(x, folder, tmp_path):
    mp.spawn(_store_in_group, (str(tmp_path), str(folder)), nprocs=2)
    assert_is_graph_of(open_knn_graph(folder, x), x, 5)
