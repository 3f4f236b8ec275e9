"""The blocked search with tiles of every size, so that each of its filters decides."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nrae_geometric.neighbors import TorchBackend, knn

FRESH = settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def cloud(kind: str, num_points: int, dim: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(num_points, dim, generator=generator)
    label = torch.randint(0, 5, (num_points,), generator=generator)
    if kind == "clusters":
        return x * 1e-3 + 100 * torch.randn(5, dim, generator=generator)[label]
    if kind == "duplicates":
        return x[label % num_points]
    if kind == "lattice":
        return (x * 1.5).round()
    if kind == "offset":
        return x + 1e4
    if kind == "heavy tails":
        return x * torch.exp(4 * torch.randn(num_points, 1, generator=generator))
    return x


KINDS = ["gaussian", "clusters", "duplicates", "lattice", "offset", "heavy tails"]


@pytest.mark.parametrize("kind", KINDS)
@FRESH
@given(
    num_points=st.integers(2, 300),
    dim=st.integers(1, 40),
    block_size=st.sampled_from([1, 7, 32, 64, 500]),
    seed=st.integers(0, 2**31),
    data=st.data(),
)
def test_neighbors_and_tie_order_equal_brute_force_for_every_block_size(
    brute_force, kind, num_points, dim, block_size, seed, data
):
    num_points = min(num_points, 12 * block_size)
    k = data.draw(st.integers(1, min(num_points - 1, 40)))
    x = cloud(kind, num_points, dim, seed)

    distance, index = knn(x, k, backend=TorchBackend(block_size))

    expected_distance, expected_index = brute_force(x, k)
    assert torch.equal(index, expected_index)
    assert torch.allclose(distance.double(), expected_distance, rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("block_size", [64, 96])
def test_a_query_finds_what_brute_force_finds_for_every_block_size(brute_force, kind, block_size):
    x, query = cloud(kind, 333, 11, seed=1), cloud(kind, 150, 11, seed=2)

    _, index = knn(x, 8, query, backend=TorchBackend(block_size))

    assert torch.equal(index, brute_force(x, 8, query)[1])


@pytest.mark.parametrize("kind", KINDS)
def test_more_neighbors_than_a_block_holds(brute_force, kind):
    x = cloud(kind, 200, 5, seed=3)

    _, index = knn(x, 150, backend=TorchBackend(32))

    assert torch.equal(index, brute_force(x, 150)[1])


def test_float64_points_that_differ_beyond_float32_are_told_apart(brute_force):
    x = 1 + cloud("gaussian", 300, 6, seed=4).double() * 1e-9

    _, index = knn(x, 5, backend=TorchBackend(64))

    assert torch.equal(index, brute_force(x, 5)[1])


def test_low_precision_settings_of_the_caller_neither_matter_nor_change(brute_force):
    x = cloud("gaussian", 400, 30, seed=5)
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            _, index = knn(x, 5, backend=TorchBackend(128))
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert torch.equal(index, brute_force(x, 5)[1])


def test_search_leaves_the_random_number_generator_alone():
    state = torch.get_rng_state()

    knn(cloud("gaussian", 500, 10, seed=6), 3, backend=TorchBackend(64))

    assert torch.equal(torch.get_rng_state(), state)


def test_block_size_below_one_is_refused():
    with pytest.raises(ValueError, match="block_size must be at least 1, got 0"):
        TorchBackend(0)
