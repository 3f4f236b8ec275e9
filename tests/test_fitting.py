"""A neighbor graph of one's own in place of that of the estimator."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.neighbors import NearestNeighbors
from torch_geometric.data import Data
from torch_geometric.nn import SAGEConv

from nrae_geometric.datasets import SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.neighbors import knn_graph

POINTS = SwissRoll(30, seed=0)[0].x.double().numpy()


@pytest.fixture(scope="module")
def expected(new_estimator):
    return new_estimator().fit(POINTS)


@pytest.fixture(scope="module")
def search():
    return NearestNeighbors(n_neighbors=3).fit(POINTS)


def check(estimator, expected):
    assert torch.equal(estimator.graph_.edge_index, expected.graph_.edge_index)
    torch.testing.assert_close(estimator.graph_.edge_length, expected.graph_.edge_length)
    assert estimator.n_neighbors_ == 3
    np.testing.assert_allclose(estimator.embedding_, expected.embedding_, atol=1e-4)


def test_matrix_of_distances_is_a_graph(expected, search, new_estimator):
    check(new_estimator().fit(POINTS, graph=search.kneighbors_graph(mode="distance")), expected)


def test_indices_and_distances_are_a_graph(expected, search, new_estimator):
    distances, indices = search.kneighbors()
    check(new_estimator().fit(POINTS, graph=(indices, distances)), expected)


@pytest.mark.parametrize("form", ["pair", "Data", "edge_index", "array", "points with edges"])
def test_edges_are_a_graph(expected, form, new_estimator):
    edge_index = knn_graph(POINTS, 3)
    source, target = edge_index.numpy()
    length = np.linalg.norm(POINTS[source] - POINTS[target], axis=1)
    graph = {
        "pair": (edge_index, length),
        "Data": Data(edge_index=edge_index, edge_length=torch.from_numpy(length)),
        "edge_index": edge_index,
        "array": edge_index.numpy(),
        "points with edges": None,
    }[form]
    points = torch.from_numpy(POINTS)
    if form == "points with edges":
        estimator = new_estimator().fit(Data(x=points, edge_index=edge_index))
    else:
        estimator = new_estimator().fit(POINTS, graph=graph)
    check(estimator, expected)


def test_number_of_neighbors_plays_no_part(search, new_estimator):
    graph = search.kneighbors_graph(mode="distance")
    assert new_estimator(n_neighbors=1000).fit(POINTS, graph=graph).n_neighbors_ == 3


def test_neighbors_of_a_given_graph_are_saved(search, tmp_path, new_estimator):
    graph = search.kneighbors_graph(mode="distance")
    new_estimator(n_neighbors=29).fit(POINTS, graph=graph).save(tmp_path / "model")
    assert ManifoldAutoencoder.load(tmp_path / "model").n_neighbors_ == 3


def test_graph_leads_the_coordinates(new_estimator):
    # Points along a line in another order than that in which they lie.
    order = np.random.default_rng(0).permutation(30)
    edges = np.stack([order[:-1], order[1:]])
    lengths = np.ones(29)
    estimator = new_estimator(hidden_layer_sizes=(64,), n_sampled_neighbors=1)
    matrix = sparse.coo_array((lengths, edges), shape=(30, 30))
    estimator.fit(np.eye(30), graph=matrix + matrix.T)
    z = estimator.embedding_[order, 0]
    assert abs(np.corrcoef(z.argsort().argsort(), np.arange(30))[0, 1]) > 0.99


def test_points_left_out_have_the_edges_of_the_graph(new_estimator):
    edge_index = knn_graph(POINTS, 8)
    estimator = new_estimator(early_stopping=True, validation_fraction=0.2, max_epochs=3)
    estimator.fit(POINTS, graph=edge_index)
    assert estimator.graph_.num_nodes == 24
    assert estimator.embedding_.shape == (30, 1)
    edges = {tuple(map(tuple, POINTS[list(edge)])) for edge in edge_index.t().tolist()}
    x = estimator.graph_.x.double() * estimator.scale_ + torch.from_numpy(estimator.center_)
    nearest = torch.cdist(x, torch.from_numpy(POINTS)).argmin(dim=1).numpy()
    for edge in estimator.graph_.edge_index.t().tolist():
        assert tuple(map(tuple, POINTS[nearest[edge]])) in edges


def test_encoder_of_graphs_sees_the_graph(new_estimator):
    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = SAGEConv(2, 1)

        def forward(self, x, edge_index):
            return self.conv(x, edge_index)

    estimator = new_estimator(encoder=Encoder(), init="random").fit(
        POINTS, graph=knn_graph(POINTS, 4)
    )
    graph = estimator.graph_
    z = estimator.model_.encode(graph.x, graph.edge_index).detach()
    np.testing.assert_allclose(estimator.embedding_, z, atol=1e-6)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (sparse.eye_array(29).tocsr(), r"matrix of shape \[29, 29\]; for 30 points"),
        (torch.zeros(2, 0).long(), "no two different points"),
        (np.array([[0, 1], [1, 30]]), "names node 30, but the 30 points"),
        (np.array([[0.0, 1.0], [1.0, 2.0]]), "integers"),
        (np.array([[True, False], [False, True]]), "integers"),
        (np.ones((30, 30)), "pass an edge_index|is a ndarray"),
        ({"edge_index": 1}, "is a dict"),
        ("geodesic", "is a str"),
        ((np.array([[0], [1]]), np.array([-1.0])), "negative or not finite"),
        (np.array([[1, 2, 3, 0], [0, 0, 3, 1]]), "n_sampled_neighbors=2 is more than point 1 has"),
    ],
)
def test_what_is_no_graph_of_the_points_is_refused_by_name(graph, message, new_estimator):
    with pytest.raises((TypeError, ValueError), match=message):
        new_estimator(init="random", n_sampled_neighbors=2).fit(POINTS, graph=graph)
