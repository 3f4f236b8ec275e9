import pytest
import torch

from nrae_geometric.neighbors import rank


@pytest.mark.parametrize("has_query", [False, True])
def test_the_nearest_candidates_are_those_of_brute_force(brute_force, has_query):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 4, generator=generator)
    query = torch.randn(20, 4, generator=generator) if has_query else None
    candidates = torch.stack(
        [torch.randperm(50, generator=generator) for _ in range(20 if has_query else 50)]
    )

    distance, index = rank(x, query, candidates, 6)

    expected_distance, expected_index = brute_force(x, 6, query)
    assert torch.equal(index, expected_index)
    torch.testing.assert_close(distance, expected_distance.float())


def test_of_equally_far_candidates_the_lower_index_comes_first():
    x = torch.tensor([[1.0], [-1.0], [1.0], [0.5]])

    _, index = rank(x, torch.zeros(1, 1), torch.tensor([[2, 1, 3, 0]]), 3)

    assert index.tolist() == [[3, 0, 1]]


def test_distances_do_not_cancel_far_from_the_origin():
    x = torch.tensor([[2.0**24], [2.0**24 + 2], [2.0**24 + 8]])

    distance, index = rank(x, None, torch.tensor([[0, 2, 1]]).repeat(3, 1), 2)

    assert distance.tolist() == [[2, 8], [2, 6], [6, 8]]
    assert index.tolist() == [[1, 2], [0, 2], [1, 0]]
