"""`CuvsBackend`, with an index in place of cuVS's that is exact and has the same interface."""

import sys
import types

import pytest
import torch

from nrae_geometric.neighbors import CuvsBackend, available_backends, knn, streamed_knn


@pytest.fixture
def cagra(monkeypatch):
    """A module `cuvs.neighbors.cagra` on the CPU, which finds too little at a breadth of 64."""

    class Settings:
        def __init__(self, **values):
            vars(self).update(values)

    def build(settings, points):
        assert (settings.metric, points.dtype) == ("sqeuclidean", torch.float32)
        return points

    def search(settings, index, queries, k, neighbors, distances):
        near, place = torch.cdist(queries, index).sort(dim=1, stable=True)
        if settings.itopk_size < 128:
            place[:, k // 2 :] = 2**32 - 1
        neighbors.copy_(place[:, :k])
        distances.copy_(near[:, :k].square())

    cuvs, neighbors = types.ModuleType("cuvs"), types.ModuleType("cuvs.neighbors")
    neighbors.cagra = types.SimpleNamespace(
        IndexParams=Settings, SearchParams=Settings, build=build, search=search
    )
    monkeypatch.setitem(sys.modules, "cuvs", cuvs)
    monkeypatch.setitem(sys.modules, "cuvs.neighbors", neighbors)


def points(num_points):
    return torch.randn(num_points, 6, generator=torch.Generator().manual_seed(0))


def test_breadth_grows_until_neighbors_are_found(cagra):
    backend = CuvsBackend(device="cpu")
    assert torch.equal(knn(points(300), 5, backend=backend)[1], knn(points(300), 5)[1])
    assert backend.measured_recall == 1


@pytest.mark.parametrize("shard_bytes", [1 << 30, 4 * 6 * 100])
def test_shards_of_points_in_blocks_are_merged(cagra, shard_bytes):
    backend = CuvsBackend(device="cpu", shard_bytes=shard_bytes)
    found = streamed_knn(points(300), 5, range(50, 250), backend=backend)
    assert torch.equal(found[1], knn(points(300), 5)[1][50:250])
    assert backend.measured_recall == 1


def test_query_is_searched(cagra):
    x, query = points(300), points(320)[300:]
    found = knn(x, 5, query, backend=CuvsBackend(device="cpu"))
    assert torch.equal(found[1], knn(x, 5, query)[1])


def test_more_neighbors_than_it_finds_are_refused(cagra):
    with pytest.raises(ValueError, match="cuvs finds at most 511 neighbors, got k = 512"):
        knn(points(600), 512, backend=CuvsBackend(device="cpu"))


@pytest.mark.skipif(available_backends()["cuvs"] is None, reason="cuVS is available")
def test_missing_cuvs_says_what_is_needed():
    with pytest.raises(ModuleNotFoundError, match=r"needs an NVIDIA GPU|no NVIDIA GPU"):
        knn(points(10), 2, backend="cuvs")
