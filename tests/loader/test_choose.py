from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from nrae_geometric.loader.choose import choose_with_replacement, choose_without_replacement


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("n", "k"), [(3, 1), (5, 2), (5, 3), (6, 5)])
def test_every_subset_is_equally_likely_without_replacement(n: int, k: int) -> None:
    chosen = choose_without_replacement(torch.full((20_000,), n), k, generator())
    code = (2**chosen).sum(dim=1)
    subsets = [sum(2**i for i in subset) for subset in combinations(range(n), k)]
    observed = [int((code == subset).sum()) for subset in subsets]
    assert sum(observed) == 20_000
    assert chisquare(observed).pvalue > 1e-3


def test_every_tuple_is_equally_likely_with_replacement() -> None:
    chosen = choose_with_replacement(torch.full((20_000,), 4), 2, generator())
    observed = torch.bincount(4 * chosen[:, 0] + chosen[:, 1], minlength=16)
    assert chisquare(observed.numpy()).pvalue > 1e-3


def test_rows_of_different_sizes_are_each_uniform() -> None:
    population = torch.tensor([2, 7]).repeat(20_000)
    chosen = choose_without_replacement(population, 1, generator()).view(-1)
    for n in (2, 7):
        observed = torch.bincount(chosen[population == n], minlength=n)
        assert chisquare(observed.numpy()).pvalue > 1e-3


@settings(deadline=None, max_examples=50)
@given(
    population=st.lists(st.integers(1, 2**40), min_size=1, max_size=8),
    k=st.integers(0, 6),
    seed=st.integers(0, 2**32),
)
def test_choices_stay_below_the_population(population: list[int], k: int, seed: int) -> None:
    high = torch.tensor(population)
    chosen = choose_with_replacement(high, k, generator(seed))
    assert chosen.shape == (len(population), k)
    assert bool(((chosen >= 0) & (chosen < high.view(-1, 1))).all())


@settings(deadline=None, max_examples=50)
@given(
    extra=st.lists(st.integers(0, 40), min_size=1, max_size=8),
    k=st.integers(0, 6),
    seed=st.integers(0, 2**32),
)
def test_choices_without_replacement_are_distinct(extra: list[int], k: int, seed: int) -> None:
    high = torch.tensor(extra) + max(k, 1)
    chosen = choose_without_replacement(high, k, generator(seed))
    assert chosen.shape == (len(extra), k)
    assert bool(((chosen >= 0) & (chosen < high.view(-1, 1))).all())
    assert all(len(set(row)) == k for row in chosen.tolist())
