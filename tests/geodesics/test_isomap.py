import logging
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.manifold import Isomap
from torch_geometric.data import Data

from nrae_geometric.datasets import RotatedMNIST, SwissRoll
from nrae_geometric.geodesics import geodesic_coordinates, landmark_mds
from nrae_geometric.metrics import geodesic_correlation, latent_order
from nrae_geometric.transforms import KNNGraph


def unrolled(y):
    """The flat coordinates of the roll: arc length of the spiral r = t, and height."""
    t = y[:, 0]
    arc = (t * (1 + t * t).sqrt() + torch.asinh(t)) / 2
    return torch.stack([arc, y[:, 1]], dim=1)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_agrees_with_isomap(seed, dim):
    x = torch.rand(60, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = geodesic_coordinates(x, KNNGraph(9)(Data(x=x)).edge_index, dim)

    isomap = Isomap(n_neighbors=9, n_components=dim).fit_transform(x)
    if found.num_shortcuts == 0 and found.num_components == 1:
        assert found.z.abs().numpy() == pytest.approx(abs(isomap), abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("k", [2, 3])
def test_every_published_roll_is_ordered(seed, k):
    data = KNNGraph(k)(SwissRoll(seed=seed)[0])
    found = geodesic_coordinates(data.x, data.edge_index, 1)

    assert latent_order(found.z, data.y).consecutive == 1
    assert found.loop is None


@pytest.mark.parametrize("num_landmarks", [50, 2000])
def test_the_roll_in_space_is_unrolled_from_few_landmarks_as_from_all(num_landmarks):
    data = KNNGraph(8)(SwissRoll(1500, noise=0.1, dim=3)[0])
    found = geodesic_coordinates(data.x, data.edge_index, 2, num_landmarks)

    assert geodesic_correlation(found.z, unrolled(data.y)).pearson > 0.998


def test_the_roll_in_space_is_unrolled_in_spite_of_wrong_edges(sheet_jumps):
    data = KNNGraph(8)(SwissRoll(1500, dim=3)[0])
    edge_index = torch.cat([data.edge_index, sheet_jumps(data, 8)], dim=1)
    found = geodesic_coordinates(data.x, edge_index, 2)

    assert found.num_shortcuts == 8
    assert geodesic_correlation(found.z, unrolled(data.y)).pearson > 0.998


def test_a_curve_in_pieces_is_ordered(circle, knn_edges):
    whole = circle(120, angle=5)
    rows = torch.cat([torch.arange(0, 30), torch.arange(40, 75), torch.arange(85, 120)])
    x = whole[rows]
    found = geodesic_coordinates(x, knn_edges(x, 4), 1)

    assert found.num_components == 3
    assert latent_order(found.z, rows).consecutive == 1


def test_coordinates_of_a_curve_are_its_length(circle, knn_edges):
    x = circle(400, angle=5)
    z = geodesic_coordinates(x, knn_edges(x, 2), 1).z[:, 0]

    assert float(z.max() - z.min()) == pytest.approx(5 * 399 / 400, rel=1e-3)
    assert z.dtype == x.dtype


def test_a_closed_curve_is_named_and_warned_about(circle, knn_edges, caplog):
    x = circle(100)
    found = geodesic_coordinates(x, knn_edges(x, 4), 1)

    assert found.loop.length == pytest.approx(2 * math.pi, rel=0.05)
    assert "closes on itself" in caplog.text


def test_a_closed_curve_in_the_plane_is_no_fault(circle, knn_edges, caplog):
    x = circle(100)
    found = geodesic_coordinates(x, knn_edges(x, 4), 2)

    assert found.loop is None
    assert not caplog.records


def test_a_branching_curve_is_warned_about(caplog):
    t = torch.linspace(0, 1, 50)
    arms = [torch.stack([t * math.cos(a), t * math.sin(a)], dim=1) for a in (0, 2, 4)]
    x = torch.cat(arms)
    found = geodesic_coordinates(x, KNNGraph(6)(Data(x=x)).edge_index, 1)

    assert found.loop is None
    assert found.residual_variance > 0.2
    assert "branches or has more than one dimension" in caplog.text


def test_a_straight_line_leaves_nothing_to_explain(knn_edges, caplog):
    caplog.set_level(logging.INFO)
    x = torch.arange(50.0)[:, None]
    found = geodesic_coordinates(x, knn_edges(x, 4), 1)

    assert found[1:4] == (None, 1, 0)
    assert found.residual_variance == pytest.approx(0, abs=1e-9)
    assert not caplog.records


def test_eight_turned_by_half_is_named_a_loop_and_three_is_not(mnist_root):
    found = {
        digit: geodesic_coordinates(data.x, data.edge_index, 1)
        for digit in (3, 8)
        for data in [KNNGraph(10)(RotatedMNIST(mnist_root, digit)[0])]
    }

    assert found[3].loop is None
    assert found[8].loop is not None


@pytest.mark.parametrize("num_landmarks", [20, 100])
def test_coordinates_follow_the_lengths_that_are_given(circle, path_edges, num_landmarks):
    x = circle(40, angle=5)
    length = torch.linspace(1, 3, 39)
    z = geodesic_coordinates(x, path_edges(*range(40)), 1, num_landmarks, length).z[:, 0]

    assert z.diff().abs().tolist() == pytest.approx(length.tolist(), rel=1e-4)


def test_given_euclidean_lengths_change_nothing(circle, knn_edges):
    x = torch.cat([circle(40, angle=3), circle(30, angle=2) + 3])
    edge_index = knn_edges(x, 3)
    length = (x[edge_index[0]] - x[edge_index[1]]).norm(dim=1)

    expected = geodesic_coordinates(x, edge_index, 1)
    found = geodesic_coordinates(x, edge_index, 1, edge_length=length)
    assert found.num_components == expected.num_components == 2
    assert torch.allclose(found.z, expected.z, atol=1e-5)


def test_lengths_in_another_unit_change_the_unit_alone(circle, knn_edges):
    x = torch.cat([circle(40, angle=3), circle(30, angle=2) + 3]).double()
    edge_index = knn_edges(x, 3)
    length = (x[edge_index[0]] - x[edge_index[1]]).norm(dim=1)

    expected = geodesic_coordinates(x, edge_index, 2)
    found = geodesic_coordinates(x, edge_index, 2, edge_length=length / 8)
    assert torch.allclose(8 * found.z, expected.z)


def test_points_of_any_distance_from_the_origin_are_ordered_by_their_angle():
    angle = torch.linspace(0, 5, 200, dtype=torch.float64)
    angle = angle[(angle < 1.5) | (angle > 2)]
    radius = 1 + 3 * torch.rand(len(angle), generator=torch.Generator().manual_seed(0)).double()
    x = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    data = KNNGraph(4, metric="cosine")(Data(x=x))
    found = geodesic_coordinates(data.x, data.edge_index, 1, edge_length=data.edge_length)

    assert found.num_components == 2
    assert latent_order(found.z, angle).consecutive == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.int64])
def test_coordinates_are_of_the_points_type_and_of_float32_for_integers(path_edges, dtype):
    x = torch.arange(10)[:, None].to(dtype)
    z = geodesic_coordinates(x, path_edges(*range(10)), 1).z

    assert z.dtype == (torch.float32 if dtype == torch.int64 else dtype)
    assert latent_order(z, x).spearman == pytest.approx(1)


@pytest.mark.parametrize(
    ("x", "edge_index", "dim", "message"),
    [
        (torch.rand(1, 2), [[0], [0]], 1, "two points"),
        (torch.tensor([[0.0], [torch.nan]]), [[0], [1]], 1, "first: row 1"),
        (torch.rand(3, 2), [0, 1], 1, r"must be \[2, E\]"),
        (torch.rand(3, 2), [[0], [3]], 1, "names node 3"),
        (torch.rand(3, 2), [[0], [1]], 3, "dim=3"),
        (torch.rand(3, 2), [[0], [1]], 0, "dim=0"),
    ],
)
def test_what_has_no_coordinates_is_an_error(x, edge_index, dim, message):
    with pytest.raises(ValueError, match=message):
        geodesic_coordinates(x, torch.tensor(edge_index), dim)


def cloud(seed, num_points, dim):
    return np.random.default_rng(seed).normal(size=(num_points, dim))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(6, 30))
def test_euclidean_distances_come_back_exactly_from_few_landmarks(seed, dim, num_points):
    x = cloud(seed, num_points, dim)
    landmarks = np.random.default_rng(seed).permutation(num_points)[:6]

    z = landmark_mds(landmarks, cdist(x[landmarks], x), dim)

    assert cdist(z, z) == pytest.approx(cdist(x, x), abs=1e-6)


def test_coordinates_of_all_points_are_the_principal_components():
    x = cloud(0, 20, 3)
    z = landmark_mds(np.arange(20), cdist(x, x), 2)

    u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    assert abs(z) == pytest.approx(abs(u[:, :2] * s[:2]))


def test_dimensions_that_the_distances_do_not_have_are_zero():
    x = cloud(0, 10, 1)
    z = landmark_mds(np.arange(10), cdist(x, x), 3)

    assert not z[:, 1:].any()


def test_equal_points_have_no_coordinates_but_zero():
    assert not landmark_mds(np.arange(4), np.zeros((4, 4)), 2).any()
