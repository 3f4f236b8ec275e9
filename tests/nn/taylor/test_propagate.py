"""Rules that users register, and the modules that they are trusted for."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.nn.utils import parametrizations, parametrize

from nrae_geometric.nn import (
    Derivatives,
    TaylorSeries,
    jacobian,
    mlp,
    register_pointwise,
    register_taylor_rule,
    taylor_expand,
)

ORDERS = pytest.mark.parametrize("order", [1, 2])


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


@ORDERS
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


@ORDERS
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


@ORDERS
@pytest.mark.parametrize(
    "module", [Cosine(), ClippedReLU(), DoublingSequential(nn.Tanh())], ids=str
)
def test_overridden_forward_does_not_inherit_the_rule(assert_exact, sine_calls, module, order):
    torch.manual_seed(0)
    z, dz = torch.randn(2, 8, 2).double()
    assert_exact(nn.Sequential(nn.Sigmoid(), module.double()), z, dz, order)
    assert not sine_calls


class Wave(nn.Module):
    """A pointwise function, with a frequency that is learned or not."""

    def __init__(self, frequency: float = 1.0, *, learned: bool = False) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.tensor(frequency)) if learned else frequency

    def forward(self, x: Tensor) -> Tensor:
        return (self.frequency * x).sin()


@register_pointwise(Wave)
def wave(module: Wave, a: Tensor) -> Derivatives:
    w = module.frequency
    sin, cos = (w * a).sin(), (w * a).cos()
    return Derivatives(sin, w * cos, -(w**2) * sin, lambda: -(w**3) * cos)


@ORDERS
@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize("num_directions", [1, 3])
def test_registered_pointwise_function_is_exact(assert_exact, order, learned, num_directions):
    torch.manual_seed(0)
    layers = [nn.Linear(2, 6), Wave(2.0, learned=learned), nn.Linear(6, 6), Wave(learned=learned)]
    network = nn.Sequential(*layers, nn.Linear(6, 3)).double()
    z, dz = torch.randn(2, 2).double(), torch.randn(2 * num_directions, 2).double()
    assert_exact(network, z, dz, order)
    assert_exact(network[1], z, dz, order)


def autograd_steps(output: Tensor) -> int:
    """The number of operations that a backward pass takes."""
    steps, waiting = set(), [output.grad_fn]
    while waiting:
        step = waiting.pop()
        if step is not None and step not in steps:
            steps.add(step)
            waiting += [function for function, _ in step.next_functions]
    return len(steps)


@ORDERS
def test_registered_pointwise_function_is_as_fast_as_a_built_in_one(order):
    z, dz = torch.randn(2, 5, 1)
    steps = {
        activation: autograd_steps(taylor_expand(mlp([1, 8, 8, 2], activation), z, dz, order))
        for activation in (nn.Tanh, Wave)
    }
    assert steps[Wave] == steps[nn.Tanh]


@pytest.mark.parametrize(("given", "missing"), [("curvature", "third"), ("third", "curvature")])
def test_curvature_and_third_derivative_come_together(given, missing):
    a = torch.zeros(3)
    with pytest.raises(ValueError, match=f"with a {given}.* needs its {missing}"):
        Derivatives(a, a, **{given: a})


def test_piecewise_linear_function_needs_no_curvature():
    class Halving(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x / 2

    register_pointwise(Halving)(lambda module, a: Derivatives(a / 2, torch.full_like(a, 0.5)))
    z, dz = torch.randn(2, 3, 2)
    network = nn.Sequential(nn.Linear(2, 2), Halving())
    torch.testing.assert_close(taylor_expand(network, z, dz, order=2), network(z + dz))


@pytest.fixture(params=["relu", "tanh"])
def network(request: pytest.FixtureRequest) -> nn.Sequential:
    torch.manual_seed(0)
    return mlp([2, 4, 4, 3], request.param).double()


@pytest.fixture(params=[1, 3])
def directions(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    """Two points with one or three directions each."""
    return torch.randn(2, 2).double(), torch.randn(2 * request.param, 2).double()


@ORDERS
def test_forward_of_an_instance_counts(assert_exact, network, directions, order):
    layer = network[2]
    layer.forward = lambda x: (
        nn.functional.linear(x, layer.weight) + layer.bias * x.sum(1, keepdim=True)
    )
    network[1].forward = torch.sin
    assert_exact(network, *directions, order)


@ORDERS
def test_forward_that_a_class_is_given_later_counts(
    assert_exact, network, directions, order, monkeypatch
):
    monkeypatch.setattr(nn.Linear, "forward", lambda self, x: (x @ self.weight.T) ** 2 + self.bias)
    assert_exact(network, *directions, order)


@ORDERS
@pytest.mark.parametrize(
    ("register", "hook"),
    [
        (register_module_forward_hook, lambda module, inputs, output: output.sin()),
        (register_module_forward_pre_hook, lambda module, inputs: (inputs[0].sin(),)),
    ],
)
def test_hooks_of_all_modules_count(assert_exact, network, directions, order, register, hook):
    before = taylor_expand(network, *directions, order)
    handle = register(hook)
    try:
        assert_exact(network, *directions, order)
    finally:
        handle.remove()
    assert torch.equal(taylor_expand(network, *directions, order), before)


@ORDERS
def test_call_of_a_subclass_counts(assert_exact, directions, order):
    class Doubled(nn.Linear):
        def __call__(self, x: Tensor) -> Tensor:
            return 2 * super().__call__(x)

    torch.manual_seed(0)
    assert_exact(nn.Sequential(nn.Tanh(), Doubled(2, 3)).double(), *directions, order)


@ORDERS
@pytest.mark.parametrize(
    "compile", [torch.jit.script, lambda m: torch.jit.trace(m, torch.ones(1, 4).double())]
)
def test_scripted_part_is_exact_however_often_it_ran(assert_exact, directions, order, compile):
    torch.manual_seed(0)
    part = compile(mlp([4, 4, 4], "tanh").double())
    network = nn.Sequential(nn.Linear(2, 4), nn.ELU(), part, nn.Linear(4, 2)).double()
    for _ in range(3):  # TorchScript optimizes after a while
        assert_exact(network, *directions, order)
    scripted = torch.jit.script(network)
    torch.testing.assert_close(
        taylor_expand(scripted, *directions, order), taylor_expand(network, *directions, order)
    )
    torch.testing.assert_close(jacobian(scripted, directions[0]), jacobian(network, directions[0]))


class Positive(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.exp()


def normalized(network: nn.Sequential) -> None:
    parametrizations.weight_norm(network[0])


def normalized_by_a_hook(network: nn.Sequential) -> None:
    with pytest.warns(FutureWarning, match="weight_norm"):
        nn.utils.weight_norm(network[0])


def with_positive_biases(network: nn.Sequential) -> None:
    for layer in network[::2]:
        parametrize.register_parametrization(layer, "bias", Positive())


@ORDERS
@pytest.mark.parametrize("change", [normalized, normalized_by_a_hook, with_positive_biases])
def test_parametrized_layer_is_exact(assert_exact, network, directions, order, change):
    change(network)
    assert_exact(network, *directions, order)


@ORDERS
def test_parametrized_convolution_is_exact(assert_exact, directions, order):
    torch.manual_seed(0)
    convolution = nn.Conv1d(2, 3, 2)
    parametrize.register_parametrization(convolution, "weight", Positive())
    parametrize.register_parametrization(convolution, "bias", Positive())
    project = nn.Sequential(nn.Linear(2, 6), nn.Unflatten(1, (2, 3)), nn.Tanh())
    assert_exact(nn.Sequential(project, convolution, nn.Tanh()).double(), *directions, order)
