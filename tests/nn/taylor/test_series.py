r"""The two ways a layer acts on Taylor coefficients, on numbers worked out by hand."""

import pytest
import torch
from torch import Tensor, nn

from nrae_geometric.nn import TaylorSeries, register_taylor_rule, taylor_expand

# A curve a + t b + t^2 c / 2 through each of two points, two directions each.
VALUE = torch.tensor([[1.0], [2.0]])
FIRST = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
SECOND = torch.tensor([[10.0], [20.0], [30.0], [40.0]])
OWNERS = [None, torch.tensor([0, 0, 1, 1])]


@pytest.mark.parametrize("index", OWNERS)
def test_linear_map_acts_on_every_coefficient_and_bias_on_the_value(index):
    series = TaylorSeries(VALUE, FIRST, SECOND, 2, index)
    mapped = series.map_linear(lambda x: 3 * x, torch.tensor([7.0]))
    assert torch.equal(mapped.value, 3 * VALUE + 7)
    assert torch.equal(mapped.first, 3 * FIRST)
    assert torch.equal(mapped.second, 3 * SECOND)


@pytest.mark.parametrize("index", OWNERS)
def test_pointwise_map_follows_the_chain_rule(index):
    # s(a) = a^3, so s'(a) = 3, 12 and s''(a) = 6, 12.
    series = TaylorSeries(VALUE, FIRST, SECOND, 2, index)
    mapped = series.map_pointwise(VALUE**3, 3 * VALUE**2, 6 * VALUE)
    assert torch.equal(mapped.value, torch.tensor([[1.0], [8.0]]))
    assert torch.equal(mapped.first, torch.tensor([[3.0], [6.0], [36.0], [48.0]]))
    # s'' b^2 + s' c
    expected = [[6.0 + 30], [24.0 + 60], [108.0 + 360], [192.0 + 480]]
    assert torch.equal(mapped.second, torch.tensor(expected))


def test_ragged_directions_find_their_points():
    series = TaylorSeries(VALUE, FIRST[:3], None, 2, torch.tensor([1, 1, 0]))
    mapped = series.map_pointwise(VALUE**2, 2 * VALUE, torch.full_like(VALUE, 2))
    assert torch.equal(mapped.first, torch.tensor([[4.0], [8.0], [6.0]]))
    assert torch.equal(mapped.second, torch.tensor([[2.0], [8.0], [18.0]]))


def test_second_coefficient_stays_away_until_something_curves():
    series = TaylorSeries(VALUE, FIRST, None, 2, None)
    assert series.map_linear(lambda x: 2 * x).second is None
    assert series.map_pointwise(VALUE, VALUE).second is None
    assert series.map_pointwise(VALUE, VALUE, VALUE).second is not None


def test_first_order_never_carries_a_second_coefficient():
    series = TaylorSeries(VALUE, FIRST, None, 1, None)
    assert series.map_pointwise(VALUE, VALUE, VALUE).second is None


def test_expansion_sums_the_coefficients():
    class Curve(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise AssertionError("a module with a rule is not called")

    @register_taylor_rule(Curve)
    def curve_rule(module: Curve, series: TaylorSeries) -> TaylorSeries:
        return TaylorSeries(VALUE, FIRST, SECOND, series.order, series.index)

    expansion = taylor_expand(Curve(), torch.zeros(2, 9), torch.zeros(4, 9), order=2)
    assert torch.equal(expansion, torch.tensor([[7.0], [13.0], [20.0], [26.0]]))
