import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.datasets import load_digits, make_swiss_roll

from nrae_geometric.datasets import SinCurve, SwissRoll
from nrae_geometric.geodesics import suggest_neighbors
from nrae_geometric.geodesics.suggest import choose_neighbors
from nrae_geometric.metrics import smallest_connected_k
from nrae_geometric.neighbors import knn


def num_components(index):
    n, k = index.shape
    edges = (np.repeat(np.arange(n), k), index.numpy().ravel())
    graph = coo_array((np.ones(n * k), edges), shape=(n, n))
    return connected_components(graph, directed=False)[0]


@pytest.mark.parametrize("seed", range(5))
def test_arms_of_a_spiral_are_not_joined(seed):
    data = SwissRoll(num_nodes=30, noise=0.01, seed=seed)[0]
    suggested = suggest_neighbors(data.x)

    _, index = knn(data.x, suggested.k)
    along = (data.y.view(-1)[index] - data.y.view(-1)[:, None]).abs()
    assert along.max() < 2  # the next arm is a full turn away, about 6
    assert suggested.num_components == 1
    assert f"{suggested.k + 1} would make shortcuts" in suggested.reason


@pytest.mark.parametrize(
    "points",
    [
        SwissRoll(num_nodes=100, noise=0.01)[0].x,
        SinCurve(num_nodes=200, noise=0.05)[0].x,
        torch.tensor(make_swiss_roll(1500, random_state=0)[0]),
        torch.tensor(load_digits().data),
    ],
    ids=["spiral", "wave", "roll", "digits"],
)
def test_ten_neighbors_are_usual(points):
    suggested = suggest_neighbors(points)
    assert suggested.k == 10
    assert f"{smallest_connected_k(points)} already join all points" in suggested.reason


def test_clusters_that_lie_apart_stay_apart():
    generator = torch.Generator().manual_seed(0)
    points = torch.cat([torch.randn(100, 3, generator=generator) + 50 * i for i in range(3)])
    suggested = suggest_neighbors(points)
    assert suggested.num_components == 3
    assert "3 components" in suggested.reason


def test_a_few_points_beside_a_curve_are_joined_to_it():
    line = torch.linspace(0, 10, 200)
    beside = torch.stack([torch.linspace(4, 5, 12), torch.full((12,), 1.0)], dim=1)
    points = torch.cat([torch.stack([line, torch.zeros(200)], dim=1), beside])
    suggested = suggest_neighbors(points)
    assert (suggested.k, suggested.num_components) == (12, 1)
    assert "fewest" in suggested.reason


@given(st.integers(2, 60), st.integers(1, 5), st.integers(0, 2**16), st.booleans())
def test_neighbors_are_those_of_the_search_and_no_fewer_than_connect(n, dim, seed, repeat):
    points = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))
    if repeat:
        points = points[: max(1, n // 3)].repeat(4, 1)
        n = len(points)
    suggested, distance, index = choose_neighbors(points, "euclidean", "auto")

    assert index.shape == distance.shape == (n, suggested.k)
    expected = knn(points, suggested.k)
    torch.testing.assert_close(distance, expected[0])
    assert num_components(index) == suggested.num_components
    most = min(10, n - 1)
    assert suggested.num_components <= num_components(knn(points, most)[1])
    assert suggest_neighbors(points) == suggested


def test_one_point_has_no_neighbors():
    with pytest.raises(ValueError, match="at least two points"):
        suggest_neighbors(torch.zeros(1, 2))
