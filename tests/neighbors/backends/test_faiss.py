import pytest
import torch

from nrae_geometric.neighbors import FaissBackend, TorchBackend, available_backends, knn

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
