"""Rules that users register, and which modules they are for."""

import pytest
import torch
from torch import Tensor, nn

from nrae_geometric.nn import TaylorSeries, register_taylor_rule, taylor_expand


class Sine(nn.Module):
    def __init__(self, frequency: float = 1.0) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.tensor(frequency))

    def forward(self, x: Tensor) -> Tensor:
        return (self.frequency * x).sin()


class CountedSine(Sine):
    """Inherits forward, and with it the rule."""


class Cosine(Sine):
    """Has a forward of its own, which the rule of its base class does not describe."""

    def forward(self, x: Tensor) -> Tensor:
        return (self.frequency * x).cos()


class ClippedReLU(nn.ReLU):
    """A sub-class of a layer that has a rule from the start."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).clamp(max=0.5).square()


class DoublingSequential(nn.Sequential):
    """A container that does more than call its layers."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


@pytest.fixture
def sine_calls() -> list[TaylorSeries]:
    """What the rule registered for `Sine` was given so far."""
    calls = []

    @register_taylor_rule(Sine)
    def sine_rule(module: Sine, series: TaylorSeries) -> TaylorSeries:
        calls.append(series)
        w = module.frequency
        sin, cos = (w * series.value).sin(), (w * series.value).cos()
        return series.map_pointwise(sin, w * cos, -(w**2) * sin)

    return calls


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("index", [None, torch.tensor([1, 0, 1, 1])])
def test_registered_rule_is_used_and_exact(assert_exact, sine_calls, order, index):
    torch.manual_seed(0)
    layers = [nn.Linear(2, 6), Sine(2.0), nn.Linear(6, 6), CountedSine(), nn.Linear(6, 3)]
    z = torch.randn(2, 2).double()
    dz = torch.randn(6 if index is None else len(index), 2).double()
    assert_exact(nn.Sequential(*layers).double(), z, dz, order, index)
    assert len(sine_calls) == 2


def test_rule_sees_points_once_and_directions_all(sine_calls):
    taylor_expand(nn.Sequential(nn.Linear(9, 6), Sine()), torch.randn(3, 9), torch.randn(12, 9), 2)

    (series,) = sine_calls
    assert series.value.shape == (3, 6)
    assert series.first.shape == (12, 6)
    assert series.second is None


@pytest.mark.parametrize("order", [1, 2])
def test_rule_sees_no_more_rows_than_the_input_has_axes(sine_calls, order):
    taylor_expand(Sine(), torch.randn(3, 2), torch.randn(300, 2), order)

    (series,) = sine_calls
    assert series.value.shape == (3, 2)
    assert series.first.shape == (6, 2)


def test_later_registration_replaces_the_earlier(sine_calls):
    @register_taylor_rule(Sine)
    def identity_rule(module: Sine, series: TaylorSeries) -> TaylorSeries:
        return series

    z, dz = torch.randn(2, 3, 2)
    torch.testing.assert_close(taylor_expand(Sine(), z, dz, order=2), z + dz)
    assert not sine_calls


def test_one_rule_can_serve_several_types():
    class Twice(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * x

    class Thrice(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 3 * x

    @register_taylor_rule(Twice, Thrice)
    def linear_rule(module: nn.Module, series: TaylorSeries) -> TaylorSeries:
        return series.map_linear(module.forward)

    assert linear_rule is not None
    z, dz = torch.randn(2, 3, 2)
    expansion = taylor_expand(nn.Sequential(Twice(), Thrice()), z, dz, order=2)
    torch.testing.assert_close(expansion, 6 * (z + dz))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    "module", [Cosine(), ClippedReLU(), DoublingSequential(nn.Tanh())], ids=str
)
def test_overridden_forward_does_not_inherit_the_rule(assert_exact, sine_calls, module, order):
    torch.manual_seed(0)
    z, dz = torch.randn(2, 8, 2).double()
    assert_exact(nn.Sequential(nn.Sigmoid(), module.double()), z, dz, order)
    assert not sine_calls
