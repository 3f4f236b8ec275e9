"""Guarantees of `knn` and `knn_graph` with every backend."""

from functools import partial

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nrae_geometric.neighbors import (
    FaissBackend,
    ScipyBackend,
    TorchBackend,
    available_backends,
    knn,
    knn_graph,
)

FRESH = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def points(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@FRESH
@given(
    num_points=st.integers(2, 80),
    dim=st.integers(1, 20),
    seed=st.integers(0, 2**31),
    data=st.data(),
)
def test_knn_equals_brute_force_on_random_points(backend, brute_force, num_points, dim, seed, data):
    k = data.draw(st.integers(1, num_points - 1))
    x = points(num_points, dim, seed=seed)

    distance, index = knn(x, k, backend=backend)

    expected_distance, expected_index = brute_force(x, k)
    assert torch.equal(index, expected_index)
    assert torch.allclose(distance.double(), expected_distance, rtol=1e-6, atol=0)


@FRESH
@given(num_query=st.integers(1, 40), dim=st.integers(1, 20), seed=st.integers(0, 2**31))
def test_knn_of_a_query_equals_brute_force(backend, brute_force, num_query, dim, seed):
    x, query = points(50, dim, seed=seed), points(num_query, dim, seed=seed + 1)

    distance, index = knn(x, 7, query, backend=backend)

    expected_distance, expected_index = brute_force(x, 7, query)
    assert torch.equal(index, expected_index)
    assert torch.allclose(distance.double(), expected_distance, rtol=1e-6, atol=0)


@FRESH
@given(seed=st.integers(0, 2**31), k=st.integers(1, 59))
def test_duplicates_leave_exactly_k_neighbors_and_never_the_point_itself(
    backend, brute_force, seed, k
):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 3, (60, 2), generator=generator)

    distance, index = knn(x, k, backend=backend)

    assert index.shape == (60, k)
    assert (index != torch.arange(60).unsqueeze(1)).all()
    assert all(row.unique().numel() == k for row in index)
    # Square roots differ in the last digit between libraries: not all processors round them right.
    torch.testing.assert_close(distance, brute_force(x, k)[0], rtol=1e-15, atol=0)


@pytest.mark.parametrize("offset", [1e4, -3e5])
def test_a_large_common_offset_does_not_change_the_exact_neighbors(backend, brute_force, offset):
    x = points(400, 6) + offset

    distance, index = knn(x, 9, backend=backend)

    expected_distance, _ = brute_force(x, 9)
    found = (x.double().unsqueeze(1) - x.double()[index]).norm(dim=-1)
    assert torch.allclose(found, expected_distance, rtol=1e-13, atol=0)
    assert torch.allclose(distance.double(), expected_distance, rtol=1e-6, atol=0)


def test_tight_clusters_that_are_far_apart_keep_their_exact_neighbors(backend, brute_force):
    cluster = torch.arange(400).remainder(8)
    x = points(8, 12, seed=1)[cluster] * 1e3 + points(400, 12) * 1e-2

    _, index = knn(x, 10, backend=backend)

    assert torch.equal(index, brute_force(x, 10)[1])


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e7, 1e25])
def test_neighbors_do_not_depend_on_the_unit_of_length(backend, brute_force, scale):
    x = points(200, 5) * scale

    _, index = knn(x, 6, backend=backend)

    assert torch.equal(index, brute_force(x, 6)[1])


def test_constant_columns_do_not_matter(backend):
    x = points(150, 4)
    padded = torch.cat([torch.full((150, 3), 1e6), x, torch.zeros(150, 2)], dim=1)

    assert torch.equal(knn(padded, 5, backend=backend)[1], knn(x, 5, backend=backend)[1])


def test_points_on_a_line_find_the_points_beside_them(backend):
    distance, index = knn(torch.tensor([0.0, 1.0, 3.0, 7.0]), 2, backend=backend)

    assert index.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert distance.tolist() == [[1, 3], [1, 2], [2, 3], [4, 6]]


def test_every_other_point_is_a_neighbor_when_k_is_largest(backend):
    _, index = knn(points(90, 3), 89, backend=backend)

    expected = torch.arange(90).repeat(90, 1)[~torch.eye(90, dtype=torch.bool)].view(90, 89)
    assert torch.equal(index.sort(dim=1).values, expected)


def test_coinciding_points_are_at_distance_exactly_zero(backend):
    x = points(100, 40).repeat(2, 1) + 1e3

    distance, index = knn(x, 1, backend=backend)

    assert (distance == 0).all()
    assert torch.equal(index.view(-1), torch.arange(200).roll(100))


@pytest.mark.parametrize(
    "dtype",
    [torch.float16, torch.bfloat16, torch.uint8, torch.int16, torch.int32, torch.int64],
)
def test_half_precision_and_integers_are_compared_exactly(backend, brute_force, dtype):
    x = (points(120, 3, 4) * 40).abs().to(dtype)

    distance, _ = knn(x, 5, backend=backend)

    expected = brute_force(x, 5)[0]
    assert torch.allclose(distance.double(), expected, rtol=1e-6, atol=0)


def test_float64_stays_float64(backend, brute_force):
    x = 1 + points(100, 3).double() * 1e-9

    distance, index = knn(x, 4, backend=backend)

    assert distance.dtype == torch.float64
    assert torch.equal(index, brute_force(x, 4)[1])


def test_non_contiguous_images_are_flattened(backend):
    images = points(70, 1, 5, 6).transpose(2, 3)

    _, index = knn(images, 3, backend=backend)

    assert torch.equal(index, knn(images.reshape(70, 30).contiguous(), 3, backend=backend)[1])


def test_result_carries_no_gradient(backend):
    distance, _ = knn(points(20, 3).requires_grad_(), 2, backend=backend)

    assert not distance.requires_grad


def test_graph_is_grouped_by_center_and_nearest_first(backend):
    x = points(40, 3)

    edge_index = knn_graph(x, 6, backend=backend)

    assert torch.equal(edge_index[0].view(40, 6), knn(x, 6, backend=backend)[1])
    assert torch.equal(edge_index[1], torch.arange(40).repeat_interleave(6))


def test_graph_with_loops_has_the_center_as_its_first_neighbor(backend):
    x = points(40, 3).repeat(2, 1)

    edge_index = knn_graph(x, 4, backend=backend, loop=True)

    assert torch.equal(edge_index[0].view(80, 4)[:, 0], torch.arange(80))
    assert torch.equal(edge_index[0].view(80, 4)[:, 1:], knn(x, 3, backend=backend)[1])


def test_graph_of_loops_alone_needs_no_second_point(backend):
    assert knn_graph(torch.zeros(1, 2), 1, backend=backend, loop=True).tolist() == [[0], [0]]


@pytest.mark.parametrize("search", [knn, partial(knn_graph, loop=True)])
def test_unknown_backend_error_lists_the_known_ones(search):
    with pytest.raises(ValueError, match=r"unknown backend 'annoy'.*'auto', 'torch'"):
        search(points(5, 2), 1, backend="annoy")


def test_missing_package_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(FaissBackend, "unavailable", lambda: "run `pip install faiss-cpu`")

    with pytest.raises(ModuleNotFoundError, match="'faiss' is not available: run `pip install"):
        knn(points(5, 2), 1, backend="faiss")


def test_blocked_search_is_always_available():
    assert available_backends()["torch"] is None


@pytest.mark.parametrize(
    ("num_points", "dim", "expected"),
    [
        (1_000_000, 3, ScipyBackend),
        (100_000, 8, ScipyBackend),
        (20_000, 6, ScipyBackend),
        (2_000, 3, ScipyBackend),
        (20_000, 8, TorchBackend),
        (60_000, 784, TorchBackend),
        (50, 2, TorchBackend),
    ],
)
def test_trees_search_few_dimensions_and_blocks_many(monkeypatch, num_points, dim, expected):
    used = []

    def search(self, x, k, query):
        used.append(type(self))
        return x.new_zeros(len(query), k), torch.zeros(len(query), k, dtype=torch.long)

    for backend in (ScipyBackend, TorchBackend):
        monkeypatch.setattr(backend, "search", search)

    knn(torch.zeros(1, dim).expand(num_points, dim), 1, torch.zeros(1, dim))

    assert used == [expected]


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), k=st.integers(1, 3))
def test_points_of_different_graphs_are_never_joined(seed, k):
    generator = torch.Generator().manual_seed(seed)
    batch = torch.randint(3, (24,), generator=generator)
    batch[:12] = torch.arange(3).repeat(4)  # four points of each at least
    x = torch.randn(24, 2, generator=generator)

    neighbor, center = knn_graph(x, k, batch=batch)

    assert torch.equal(batch[neighbor], batch[center])
    for graph in range(3):
        rows = (batch == graph).nonzero().view(-1)
        mine = batch[center] == graph
        assert torch.equal(neighbor[mine], rows[knn_graph(x[rows], k)[0]])


def test_a_graph_with_too_few_points_is_named():
    with pytest.raises(ValueError, match=r"between 1 and 2 for 3 points of graph 7.*got 3"):
        knn_graph(points(7, 2), 3, batch=torch.tensor([0, 0, 0, 0, 7, 7, 7]))


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (torch.zeros(6), TypeError, "batch must hold integers, got torch.float32"),
        (torch.zeros(5, dtype=torch.long), ValueError, "one entry for each of 6 points"),
    ],
)
def test_batch_that_does_not_fit_is_refused(batch, error, message):
    with pytest.raises(error, match=message):
        knn_graph(points(6, 2), 1, batch=batch)
