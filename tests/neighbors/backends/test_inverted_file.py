"""Search among points on the disk, cell by cell."""

import os
import shutil
import tempfile
from collections import namedtuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nrae_geometric.neighbors import (
    FaissBackend,
    available_backends,
    knn,
    stored_knn_graph,
    streamed_knn,
)

pytestmark = pytest.mark.skipif(
    available_backends()["faiss"] is not None, reason="faiss is not installed"
)


def _recall(distance, x, k):
    return (distance <= knn(x, k, backend="torch")[0][:, -1:]).double().mean()


@settings(deadline=None, max_examples=30)
@given(
    st.integers(2, 700),
    st.integers(1, 5),
    st.integers(1, 400),
    st.sampled_from([1 << 13, 1 << 20]),
    st.sampled_from(["euclidean", "cosine"]),
    st.sampled_from([torch.float32, torch.float64]),
    st.integers(0, 2**31),
)
def test_where_all_must_be_found_the_result_is_exact(
    num_points, dim, most, shard_bytes, metric, dtype, seed
):
    generator = torch.Generator().manual_seed(seed)
    # With duplicates, far from the origin, and of very different scales.
    x = torch.randn(num_points, dim, generator=generator, dtype=dtype)
    x *= 10.0 ** torch.randint(-3, 3, (num_points, 1), generator=generator)
    x = (x + 10)[torch.randint(num_points, (num_points,), generator=generator)]
    k = min(most, num_points - 1)

    found, index = streamed_knn(
        x, k, metric=metric, backend=FaissBackend("ivf", 1.0, shard_bytes=shard_bytes)
    )

    assert torch.equal(found, knn(x, k, metric=metric, backend="torch")[0])
    assert all(row.unique().numel() == k for row in index)
    assert (index != torch.arange(num_points).unsqueeze(1)).all()


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_many_points_on_sheets_in_many_regions_are_found(offset):
    random = np.random.default_rng(0)
    plane = random.uniform(size=(20_000, 2))
    x = np.concatenate([np.sin(4 * plane @ random.normal(size=(2, 12))), plane], axis=1)
    x = torch.from_numpy(x + offset * np.arange(14)).float()
    backend = FaissBackend("ivf", 0.9, shard_bytes=1 << 17)

    distance, index = streamed_knn(x, 10, backend=backend)

    assert backend.measured_recall >= 0.9
    assert abs(_recall(distance, x, 10) - backend.measured_recall) < 0.02
    length = (x[:, None].double() - x[index]).norm(dim=2)
    torch.testing.assert_close(distance, length.float())


def test_duplicates_of_one_point_are_cut_into_cells():
    x = torch.cat([torch.ones(5000, 3), torch.randn(100, 3)])

    distance, index = streamed_knn(x, 4, backend=FaissBackend("ivf", 0.99))

    assert (distance[:5000] == 0).all()
    assert (index[:5000] < 5000).all()


def test_points_of_very_different_density_reach_the_recall():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6000, 4, generator=generator)
    x[3000:] *= 1e-4
    backend = FaissBackend("ivf", 0.95)

    distance, _ = streamed_knn(x, 10, backend=backend)

    assert backend.measured_recall >= 0.95
    assert _recall(distance, x, 10) > 0.93


def test_processes_have_the_whole_result_in_parts(tmp_path):
    x = np.random.default_rng(0).normal(size=(3000, 6)).astype(np.float32)
    backend = FaissBackend("ivf", 1.0)
    for rank in range(3):
        graph = stored_knn_graph(x, 5, tmp_path / "graph", backend=backend, rank=rank, world_size=3)

    assert np.array_equal(graph.distances, knn(torch.from_numpy(x), 5)[0])
    assert sorted(os.listdir(tmp_path / "graph")) == ["distances.npy", "graph.json", "indices.npy"]


def test_files_are_where_they_are_asked_for_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))

    streamed_knn(torch.randn(600, 3), 4, backend=FaissBackend("ivf"), folder=tmp_path)

    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        streamed_knn(torch.randn(600, 3), 4, backend=FaissBackend("ivf"))


def test_no_more_files_are_open_than_half_of_those_allowed(monkeypatch):
    resource, make, made = pytest.importorskip("resource"), tempfile.TemporaryFile, []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (60, 60))
    monkeypatch.setattr(
        tempfile, "TemporaryFile", lambda **options: made.append(make(**options)) or made[-1]
    )
    x = torch.randn(1500, 3, generator=torch.Generator().manual_seed(0))

    distance, _ = streamed_knn(x, 4, backend=FaissBackend("ivf", shard_bytes=1 << 10))

    assert 2 < len(made) <= 33  # where there would be more than a hundred
    assert _recall(distance, x, 4) > 0.9


def test_too_small_a_disk_is_told_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", ["total", "used", "free"])
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(1, 1, 10_000))

    with pytest.raises(OSError, match=r"need 9.6e-05 GB for a while, and .* has 1e-05 GB"):
        streamed_knn(torch.randn(600, 30), 4, backend=FaissBackend("ivf"), folder=tmp_path)


def test_progress_is_shown_where_it_is_asked_for(capsys):
    streamed_knn(torch.randn(600, 3), 4, backend=FaissBackend("ivf"), progress=True)

    shown = capsys.readouterr().err
    assert all(
        title in shown for title in ("measuring", "dividing", "sorting", "searching", "600/600")
    )
    streamed_knn(torch.randn(600, 3), 4, backend=FaissBackend("ivf"))
    assert capsys.readouterr().err == ""
