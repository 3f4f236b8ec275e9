import numpy as np
import pytest
import torch

from nrae_geometric.neighbors import (
    FaissBackend,
    TorchBackend,
    available_backends,
    knn,
    streamed_knn,
)

pytestmark = pytest.mark.skipif(
    available_backends()["faiss"] is not None, reason="faiss is not installed"
)


@pytest.mark.parametrize("index", ["hnsw", "ivf"])
def test_approximate_index_reaches_the_recall_it_reports(index):
    x = torch.randn(3000, 24, generator=torch.Generator().manual_seed(0))
    backend = FaissBackend(index, recall=0.9)

    _, found = knn(x, 10, backend=backend)

    _, expected = knn(x, 10, backend="torch")
    recall = (found.unsqueeze(2) == expected.unsqueeze(1)).any(dim=2).double().mean()
    assert backend.measured_recall >= 0.9
    assert recall > 0.87
    assert (found != torch.arange(3000).unsqueeze(1)).all()


def test_higher_recall_can_be_asked_for():
    x = torch.randn(3000, 24, generator=torch.Generator().manual_seed(0))
    backend = FaissBackend("ivf", recall=1.0)

    assert torch.equal(knn(x, 5, backend=backend)[1], knn(x, 5, backend=TorchBackend())[1])


def test_flat_index_is_exact_where_float32_products_are_not():
    generator = torch.Generator().manual_seed(1)
    center = 1e3 * torch.randn(20, 8, generator=generator)
    x = center.repeat(50, 1) + 1e-2 * torch.randn(1000, 8, generator=generator)

    assert torch.equal(knn(x, 7, backend="faiss")[1], knn(x, 7, backend="torch")[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"index": "pq"}, "'flat', 'hnsw' or 'ivf', got 'pq'"), ({"recall": 1.2}, "got 1.2")],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        FaissBackend(**settings)


@pytest.mark.parametrize("index", ["hnsw", "ivf"])
@pytest.mark.parametrize("shard_bytes", [1 << 30, 4 * 24 * 1100])
def test_index_in_shards_reaches_the_recall_it_reports(tmp_path, index, shard_bytes):
    x = torch.randn(3000, 24, generator=torch.Generator().manual_seed(0))
    np.save(tmp_path / "x.npy", x.numpy())
    backend = FaissBackend(index, recall=0.9, shard_bytes=shard_bytes)

    found = streamed_knn(
        np.load(tmp_path / "x.npy", mmap_mode="r"), 10, range(500, 2500), backend=backend
    )

    expected = knn(x, 10, backend="torch")[1][500:2500]
    is_right = (found[1].unsqueeze(2) == expected.unsqueeze(1)).any(dim=2)
    assert backend.measured_recall >= 0.88
    assert is_right.double().mean() > 0.87
    assert (found[1] != torch.arange(500, 2500).unsqueeze(1)).all()
    assert all(row.unique().numel() == 10 for row in found[1])
    assert (found[0].diff(dim=1) >= 0).all()
    length = (x[500:2500, None].double() - x[found[1]]).norm(dim=2)
    torch.testing.assert_close(found[0], length.float())


@pytest.mark.parametrize("num_points", [3, 40])
def test_few_points_in_shards_have_all_their_neighbors(num_points):
    x = torch.randn(num_points, 4, generator=torch.Generator().manual_seed(0))
    backend = FaissBackend("ivf", recall=1.0, shard_bytes=1)

    found = streamed_knn(x, 2, backend=backend)

    assert torch.equal(found[1], knn(x, 2, backend="torch")[1])
    assert backend.measured_recall == 1


def test_flat_index_of_points_in_blocks_is_refused():
    with pytest.raises(ValueError, match="use FaissBackend\\('ivf'\\)"):
        streamed_knn(torch.randn(10, 2), 2, backend="faiss")
