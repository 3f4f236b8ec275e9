"""Strips and what they leave undecided, for sets too large to be compared at once."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nrae_geometric.neighbors import knn

FRESH = settings(
    deadline=None,
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def cloud(kind: str, num_points: int, dim: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(num_points, dim, generator=generator)
    crowd = torch.randperm(num_points, generator=generator)[:100]
    if kind == "lattice":
        return x.round()
    if kind == "offset":
        return x + 1e4
    if kind == "heavy tails":
        return x * torch.exp(4 * torch.randn(num_points, 1, generator=generator))
    if kind == "one tight cluster":
        x[crowd] = 1 + 1e-4 * x[crowd]
    if kind == "tight clusters":
        label = torch.randint(0, 3, (num_points,), generator=generator)
        x = x[:3][label] + 1e-4 * x
    if kind == "one crowd of duplicates":
        x[crowd] = x[0].clone()
    if kind == "constant columns":
        x[:, ::2] = 1e3
    return x


KINDS = [
    "gaussian",
    "lattice",
    "offset",
    "heavy tails",
    "one tight cluster",
    "tight clusters",
    "one crowd of duplicates",
    "constant columns",
]


@pytest.mark.parametrize("kind", KINDS)
@FRESH
@given(
    num_points=st.integers(1100, 1500),
    dim=st.integers(9, 24),
    k=st.integers(1, 30),
    seed=st.integers(0, 2**31),
)
def test_neighbors_and_tie_order_equal_brute_force(brute_force, kind, num_points, dim, k, seed):
    x = cloud(kind, num_points, dim, seed)

    distance, index = knn(x, k, backend="torch")

    expected_distance, expected_index = brute_force(x, k)
    assert torch.equal(index, expected_index)
    assert torch.allclose(distance.double(), expected_distance, rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_finds_what_brute_force_finds(brute_force, kind):
    x, query = cloud(kind, 2300, 13, seed=1), cloud(kind, 400, 13, seed=2)

    _, index = knn(x, 8, query, backend="torch")

    assert torch.equal(index, brute_force(x, 8, query)[1])


@pytest.mark.parametrize("k", [200, 1099])
def test_more_neighbors_than_strips_are_made_for(brute_force, k):
    x = cloud("gaussian", 1100, 9, seed=3)

    _, index = knn(x, k, backend="torch")

    assert torch.equal(index, brute_force(x, k)[1])


def test_float64_points_that_differ_beyond_float32_are_told_apart(brute_force):
    x = 1 + cloud("gaussian", 1100, 9, seed=4).double() * 1e-9

    _, index = knn(x, 5, backend="torch")

    assert torch.equal(index, brute_force(x, 5)[1])
