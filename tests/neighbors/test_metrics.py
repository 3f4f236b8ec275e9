import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_distances

from nrae_geometric.neighbors import Metric, knn, knn_graph
from nrae_geometric.registry import METRICS


@settings(deadline=None, max_examples=50)
@given(
    st.integers(5, 60),
    st.integers(2, 8),
    st.sampled_from([1e-200, 1, 1e140]),
    st.integers(0, 2**31),
)
def test_cosine_neighbors_are_those_of_scikit_learn(num_points, dim, size, seed):
    x = np.random.default_rng(seed).normal(size=(num_points, dim))

    distance, index = knn(x * size, 4, metric="cosine")

    expected = cosine_distances(x)
    np.fill_diagonal(expected, np.inf)
    np.testing.assert_allclose(distance, np.sort(expected, axis=1)[:, :4], atol=1e-14)
    np.testing.assert_allclose(distance, np.take_along_axis(expected, index.numpy(), 1), atol=1e-14)


def test_tiny_angles_keep_their_digits():
    angle = torch.tensor([0.0, 1e-9, 3e-9], dtype=torch.float64)
    x = torch.stack([angle.cos(), angle.sin()], dim=1)

    distance, _ = knn(x, 1, metric="cosine")

    assert distance[0].item() == pytest.approx(5e-19, rel=1e-6)


def test_every_backend_serves_the_cosine(backend, brute_force):
    x = torch.randn(300, 6, generator=torch.Generator().manual_seed(0))
    unit = x.double() / x.double().norm(dim=1, keepdim=True)

    distance, index = knn(x, 5, metric="cosine", backend=backend)

    assert distance.dtype == torch.float32
    assert torch.equal(index, brute_force(unit, 5)[1])


def test_rows_for_which_a_metric_has_no_value_are_refused():
    class Logarithmic(Metric):
        name = "logarithmic"

        def embed(self, x, name="x"):
            return x.log()

        def distance(self, euclidean):
            return euclidean

    with pytest.raises(ValueError, match=r"query has 1 row with NaN.*first: row 2"):
        knn(torch.rand(9, 2) + 1, 2, torch.tensor([[1, 1], [2, 1], [1, -1]]), metric=Logarithmic())


def test_length_does_not_matter_to_the_cosine_of_a_query():
    x, query = torch.randn(50, 3), torch.randn(7, 3)

    near = knn(x, 3, query, metric="cosine")
    far = knn(x, 3, 100 * query, metric="cosine")

    assert torch.equal(near[1], far[1])


def test_zero_rows_have_no_cosine():
    x = torch.randn(9, 2)
    x[[3, 5]] = 0
    with pytest.raises(ValueError, match=r"x has 2 rows of zeros.*first: row 3"):
        knn(x, 2, metric="cosine")


@pytest.mark.parametrize("search", [knn, knn_graph])
def test_unknown_metrics_are_named_with_the_choices(search):
    with pytest.raises(ValueError, match=r"unknown metric 'cosin'.*'euclidean', 'cosine'"):
        search(torch.randn(9, 2), 2, metric="cosin")


def test_a_metric_is_one_class():
    class Weighted(Metric):
        name = "weighted"

        def embed(self, x, name="x"):
            return x * torch.tensor([1.0, 10.0])

        def distance(self, euclidean):
            return euclidean

    x = torch.randn(30, 2)
    distance, index = knn(x, 3, metric=Weighted())
    expected = knn(x * torch.tensor([1.0, 10.0]), 3)
    torch.testing.assert_close(distance, expected[0])
    assert torch.equal(index, expected[1])
    assert "weighted" not in METRICS
