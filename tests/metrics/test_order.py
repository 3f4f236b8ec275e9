import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from nrae_geometric.metrics import latent_order


@pytest.mark.parametrize("direction", [1, -1])
def test_any_monotone_latent_is_perfectly_ordered(direction):
    y = torch.rand(50, generator=torch.Generator().manual_seed(0))
    order = latent_order((direction * y.exp())[:, None], y)
    assert order == pytest.approx((1.0, 1.0, 1.0))


def test_swapped_halves_keep_all_but_one_consecutive_pair():
    z = torch.tensor([5.0, 6, 7, 8, 9, 0, 1, 2, 3, 4])
    order = latent_order(z, torch.arange(10.0))
    assert order.consecutive == pytest.approx(8 / 9)
    assert order.spearman == pytest.approx(abs(1 - 6 * 10 * 25 / (10 * 99)))
    assert order.kendall == pytest.approx(abs((20 - 25) / 45))


def test_two_interleaved_arms_have_no_consecutive_pair():
    z = torch.tensor([0.0, 2, 4, 6, 1, 3, 5, 7])
    assert latent_order(z, torch.arange(8.0)).consecutive == 0.0


@pytest.mark.parametrize("constant", ["z", "y"])
def test_a_constant_coordinate_scores_zero(constant):
    arguments = {"z": torch.arange(6.0), "y": torch.arange(6.0)} | {constant: torch.full((6,), 0.3)}
    assert latent_order(**arguments) == (0.0, 0.0, 0.0)


def test_equal_latents_are_not_consecutive():
    z = torch.tensor([0.0, 1, 1, 2])
    assert latent_order(z, torch.arange(4.0)).consecutive == 0.0


def test_equal_true_values_are_not_counted():
    y = torch.tensor([0.0, 1, 1, 2, 3])
    assert latent_order(torch.arange(5.0), y).consecutive == 1.0


def test_two_points_are_always_in_order():
    assert latent_order(torch.tensor([3.0, 1.0]), torch.tensor([0.0, 1.0])) == pytest.approx(
        (1.0, 1.0, 1.0)
    )


def test_latents_in_training_are_accepted():
    z = torch.arange(4.0, requires_grad=True)
    assert latent_order(z, torch.arange(4)).spearman == pytest.approx(1.0)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(-20, 20), st.integers(-20, 20)),
        min_size=3,
        max_size=40,
        unique_by=(lambda pair: pair[0], lambda pair: pair[1]),
    )
)
def test_rank_correlations_agree_with_scipy(pairs):
    z, y = torch.tensor(pairs, dtype=torch.float64).T
    order = latent_order(z, y)
    assert order.spearman == pytest.approx(abs(spearmanr(z, y).statistic))
    assert order.kendall == pytest.approx(abs(kendalltau(z, y).statistic))
    latent_pairs, true_pairs = (
        {frozenset(pair) for pair in itertools.pairwise(values.argsort().tolist())}
        for values in (z, y)
    )
    expected = len(latent_pairs & true_pairs) / len(true_pairs)
    assert order.consecutive == pytest.approx(expected)


@pytest.mark.parametrize(
    ("z", "y", "message"),
    [
        (torch.zeros(4, 2), torch.zeros(4), "one coordinate a point"),
        (torch.zeros(4), torch.zeros(3), "z has 4 rows, y has 3 rows"),
        (torch.zeros(1), torch.zeros(1), "at least two points"),
    ],
)
def test_what_has_no_order_is_refused(z, y, message):
    with pytest.raises(ValueError, match=message):
        latent_order(z, y)
