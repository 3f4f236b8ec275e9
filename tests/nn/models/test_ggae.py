"""The graph geometry-preserving autoencoder against the paper's formulas, in loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import floyd_warshall
from torch_geometric.data import Data

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import GGAE, mlp
from nrae_geometric.nn.models.ggae import geometry_distortion, graph_laplacian
from nrae_geometric.transforms import KNNGraph


def model(**settings):
    torch.manual_seed(0)
    return GGAE(mlp([3, 16, 2], "tanh"), mlp([2, 16, 3], "tanh"), **settings).double()


def cloud(num=30, dim=3, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(num, dim)))


def slow_laplacian(distance, h):
    num = len(distance)
    kernel = [[math.exp(-(float(r) ** 2) / h) for r in row] for row in distance]
    degree = [sum(row) for row in kernel]
    tilde = [[kernel[i][j] / (degree[i] * degree[j]) for j in range(num)] for i in range(num)]
    table = np.zeros((num, num))
    for i in range(num):
        for j in range(num):
            table[i, j] = (tilde[i][j] / sum(tilde[i]) - (i == j)) / (h / 4)
    return table


def slow_distortion(distance, z, h):
    """The paper's sum with the Laplacian of products of coordinates, and the constant d."""
    laplacian, (num, dim), total = slow_laplacian(distance, h), z.shape, 0.0
    for i in range(num):
        tensor = np.zeros((dim, dim))
        for a in range(dim):
            for b in range(dim):
                for j in range(num):
                    products = z[j, a] * z[j, b] - z[i, a] * z[j, b] - z[i, b] * z[j, a]
                    tensor[a, b] += 0.5 * laplacian[i, j] * products
        total += np.trace(tensor @ tensor) - 2 * np.trace(tensor) + dim
    return total / num


@given(st.integers(2, 7), st.integers(0, 1000), st.floats(0.3, 5.0))
def test_distortion_is_that_of_the_paper(num, seed, h):
    x, z = cloud(num, 3, seed), cloud(num, 2, seed + 1)
    distance = torch.cdist(x, x)
    table = graph_laplacian(distance, h)
    np.testing.assert_allclose(table, slow_laplacian(distance, h), atol=1e-9)
    expected = slow_distortion(distance, z.numpy(), h)
    assert geometry_distortion(distance, z, h).item() == pytest.approx(expected)


def test_bandwidth_is_the_squared_distance_to_the_fifth_nearest():
    distance = torch.cdist(*[cloud(20)] * 2)
    h = float(np.median([sorted(row)[5] ** 2 for row in distance.tolist()]))
    below = sorted(sorted(row)[5] ** 2 for row in distance.tolist())[9]
    found = graph_laplacian(distance)
    assert any(torch.allclose(found, graph_laplacian(distance, each)) for each in (h, below))


def test_map_that_leaves_lengths_has_little_distortion():
    steps = torch.linspace(0, 10, 200, dtype=torch.float64)[:, None]
    distance = torch.cdist(steps, steps)
    bent = torch.cat([steps.cos(), steps.sin()], 1)  # the circle of which this is the arc length
    arc = torch.cdist(steps, steps)
    assert geometry_distortion(distance, steps, 0.05) < 0.02
    assert geometry_distortion(distance, 2 * steps, 0.05) == pytest.approx(9, rel=0.1)
    # Two coordinates of a line: the tensor has rank one.
    assert geometry_distortion(arc, bent, 0.05) == pytest.approx(1, rel=0.1)


def test_distances_are_those_along_the_graph():
    x = cloud()
    data = KNNGraph(4)(Data(x=x))
    weights = np.full((30, 30), np.inf)
    for (j, i), r in zip(data.edge_index.T.tolist(), data.edge_length.tolist(), strict=True):
        weights[i, j] = weights[j, i] = r
    expected = floyd_warshall(weights, directed=False)
    ggae = model(geometry_weight=0.5, bandwidth=0.7)
    graph = ggae.prepared(data)
    np.testing.assert_allclose(graph.graph_distance, expected, rtol=1e-6)
    assert "graph_distance" not in data
    for batch in NeighborhoodLoader(graph, 1, batch_size=8, shuffle=True):
        rows = batch.n_id[: batch.batch_size].numpy()
        z = ggae.encode(x[rows]).detach().numpy()
        error = (x[rows] - ggae(x[rows])).square().mean().item()
        distortion = slow_distortion(expected[np.ix_(rows, rows)], z, 0.7)
        assert ggae.loss(batch).item() == pytest.approx(error + 0.5 * distortion, rel=1e-5)


def test_points_of_any_type_have_distances():
    data = KNNGraph(4)(Data(x=(100 * cloud()).round().int()))
    paths = model().prepared(data).graph_distance
    expected = model().prepared(KNNGraph(4)(Data(x=data.x.double()))).graph_distance
    assert paths.dtype == torch.float32
    torch.testing.assert_close(paths, expected.float())


def test_euclidean_distances_need_no_graph():
    ggae, x = model(distance="euclidean", bandwidth=0.7), cloud(6)
    z = ggae.encode(x).detach().numpy()
    expected = (x - ggae(x)).square().mean().item() + slow_distortion(torch.cdist(x, x), z, 0.7)
    assert ggae.loss(Data(x=x)).item() == pytest.approx(expected)


def test_points_that_no_path_joins_do_not_see_each_other():
    near = torch.cdist(cloud(6, 2), cloud(6, 2))
    far = torch.full((6, 6), torch.inf, dtype=torch.float64)
    both = torch.cat([torch.cat([near, far], 1), torch.cat([far, near], 1)])
    z = cloud(6, 2, 3)
    twice = geometry_distortion(both, torch.cat([z, z + 100]), 1.0)
    torch.testing.assert_close(twice, geometry_distortion(near, z, 1.0))


def test_graph_without_its_distances_or_too_large_is_an_error(monkeypatch):
    data = KNNGraph(4)(Data(x=cloud()))
    with pytest.raises(ValueError, match=r"model\.prepared\(graph\)"):
        model().loss(data)
    with pytest.raises(ValueError, match="needs a graph"):
        model().prepared(Data(x=cloud()))
    monkeypatch.setattr("nrae_geometric.nn.models.ggae.LARGEST_GRAPH", 29)
    with pytest.raises(ValueError, match="distance='euclidean'"):
        model().prepared(data)
    assert model(distance="euclidean").prepared(data) is data


@pytest.mark.parametrize(
    "argument", [{"geometry_weight": -1}, {"bandwidth": 0}, {"distance": "l1"}]
)
def test_arguments_out_of_range_are_refused(argument):
    with pytest.raises(ValueError, match=next(iter(argument))):
        model(**argument)


def test_estimator_learns_the_unit_of_the_graph_and_validates_points_left_out():
    t = np.linspace(0, 9, 150)
    points = np.stack([np.cos(t), np.sin(t), t / 3], axis=1)
    fitted = ManifoldAutoencoder(
        1,
        method="ggae",
        n_neighbors=4,
        hidden_layer_sizes=(32, 32),
        early_stopping=True,
        max_epochs=60,
        random_state=0,
        device="cpu",
    ).fit(points)
    length = np.sqrt(1 + 1 / 9) / fitted.scale_ * 9
    assert np.ptp(fitted.embedding_) == pytest.approx(length, rel=0.15)
    assert np.isfinite([record["validation_loss"] for record in fitted.history_]).all()
    fitted.set_params(early_stopping=False).partial_fit(points[:70])
    straight = fitted.set_params(method_params={"distance": "euclidean"}).fit(points[:70])
    assert straight.embedding_.shape == (70, 1)
