import pytest
import torch

from nrae_geometric.neighbors import PyNNDescentBackend, available_backends, knn

pytestmark = pytest.mark.skipif(
    available_backends()["pynndescent"] is not None, reason="pynndescent is not installed"
)


def points(num_points: int, dim: int = 24) -> torch.Tensor:
    return torch.randn(num_points, dim, generator=torch.Generator().manual_seed(0))


def recall(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.unsqueeze(2) == expected.unsqueeze(1)).any(dim=2).double().mean())


# The first descent of a process compiles for most of a minute.
@pytest.mark.slow
def test_recall_is_reached_measured_and_stored():
    x = points(8000)
    backend = PyNNDescentBackend(recall=0.97)

    distance, found = knn(x, 10, backend=backend)

    expected_distance, expected = knn(x, 10, backend="torch")
    assert backend.measured_recall >= 0.97
    assert recall(found, expected) > 0.95
    assert (found != torch.arange(len(x)).unsqueeze(1)).all()
    # What was found is ranked and measured as in an exact search.
    assert (distance.diff(dim=1) >= 0).all()
    torch.testing.assert_close(distance, (x.unsqueeze(1) - x[found]).norm(dim=2))
    assert (distance >= expected_distance).all()


@pytest.mark.slow
def test_recall_is_reached_for_a_query_of_other_points():
    x, query = points(8000), points(8300)[8000:] + 0.1
    backend = PyNNDescentBackend()

    _, found = knn(x, 5, query, backend=backend)

    assert backend.measured_recall >= 0.95
    assert recall(found, knn(x, 5, query, backend="torch")[1]) > 0.93


@pytest.mark.slow
def test_the_graph_grows_until_the_recall_is_reached():
    x = points(6000, 60)
    backend = PyNNDescentBackend(recall=0.999)

    knn(x, 3, backend=backend)

    assert backend.measured_recall >= 0.999


def test_few_points_are_searched_exactly():
    x = points(200)
    backend = PyNNDescentBackend()

    assert torch.equal(knn(x, 7, backend=backend)[1], knn(x, 7, backend="torch")[1])
    assert backend.measured_recall == 1.0


@pytest.mark.slow
def test_duplicates_are_neighbors_at_no_distance():
    x = points(3000).repeat(2, 1)
    distance, found = knn(x, 3, backend=PyNNDescentBackend())

    twin = (torch.arange(6000) + 3000) % 6000
    assert (found[:, 0] == twin).double().mean() > 0.95
    assert (distance[found[:, 0] == twin, 0] == 0).all()


def test_recall_out_of_range_is_refused():
    with pytest.raises(ValueError, match="got 0"):
        PyNNDescentBackend(recall=0)


@pytest.mark.slow
def test_of_equally_far_points_one_is_as_good_as_another(caplog):
    axis = torch.arange(18.0)
    x = torch.cartesian_prod(axis, axis, axis)
    backend = PyNNDescentBackend(recall=0.9)

    knn(x, 3, x[:500] + 0.5, backend=backend)

    assert backend.measured_recall >= 0.9
    assert "found only" not in caplog.text
