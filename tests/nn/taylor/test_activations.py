"""The derivatives of each activation against autograd, at random points and at kinks."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nrae_geometric.nn import ACTIVATIONS, register_taylor_rule, taylor_expand

POINTWISE: dict[str, Callable[[], nn.Module]] = {
    **{name: build for name, build in ACTIVATIONS.items() if name != "softmax"},
    "relu in place": lambda: nn.ReLU(inplace=True),
    "relu6": nn.ReLU6,
    "leakyrelu of slope 0.01": lambda: nn.LeakyReLU(0.01),
    "leakyrelu of negative slope": lambda: nn.LeakyReLU(-0.3),
    "elu of alpha 0.7": lambda: nn.ELU(0.7),
    "hardtanh from -0.5 to 2": lambda: nn.Hardtanh(-0.5, 2.0),
    "softplus of beta 3": lambda: nn.Softplus(3.0, threshold=4.0),
    "gelu by tanh": lambda: nn.GELU("tanh"),
}
PIECEWISE_LINEAR = [
    nn.ReLU(),
    nn.ReLU6(),
    nn.LeakyReLU(0.2),
    nn.Hardtanh(),
    nn.Identity(),
]


@settings(deadline=None, max_examples=8)
@given(
    seed=st.integers(0, 2**31),
    scale=st.sampled_from([0.1, 1.0, 10.0]),
    num_directions=st.sampled_from([1, 8]),
)
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", POINTWISE)
def test_pointwise_activation_is_exact(assert_exact, name, order, seed, scale, num_directions):
    torch.manual_seed(seed)
    # The layer in front gives the activation a second coefficient to carry on.
    network = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 5), POINTWISE[name]())
    z, dz = torch.randn(2, 3), scale * torch.randn(2 * num_directions, 3)
    assert_exact(network.double(), z.double(), dz.double(), order)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", POINTWISE)
def test_activation_of_the_input_itself_is_exact(assert_exact, name, order):
    torch.manual_seed(0)
    z, dz = torch.randn(2, 64, 3, dtype=torch.float64)
    activation = POINTWISE[name]()
    assert_exact(activation, z, dz, order, reference=lambda z: activation(z.clone()))


@pytest.mark.parametrize(
    ("name", "kink"),
    [
        ("relu", 0.0),
        ("leakyrelu", 0.0),
        ("elu", 0.0),
        ("selu", 0.0),
        ("softsign", 0.0),
        ("hardtanh", -1.0),
        ("hardtanh", 1.0),
        ("relu6", 6.0),
    ],
)
def test_slope_at_a_kink_is_the_one_that_autograd_takes(name, kink):
    z = torch.full((1, 1), kink, dtype=torch.float64, requires_grad=True)
    activation = POINTWISE[name]()
    (slope,) = torch.autograd.grad(activation(z).sum(), z)

    expansion = taylor_expand(activation, z, torch.ones_like(z), order=1)

    torch.testing.assert_close(expansion, activation(z) + slope)


@pytest.mark.parametrize("activation", PIECEWISE_LINEAR, ids=str)
def test_piecewise_linear_network_has_no_second_term(activation):
    torch.manual_seed(0)
    layers = [nn.Linear(2, 8), activation, nn.Linear(8, 8), activation, nn.Linear(8, 3)]
    network = nn.Sequential(*layers)
    z, dz = torch.randn(2, 6, 2)
    assert torch.equal(taylor_expand(network, z, dz, 2), taylor_expand(network, z, dz, 1))


def test_second_coefficient_arises_at_the_first_curved_layer():
    class Probe(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    carried = {}

    @register_taylor_rule(Probe)
    def record(module, series):
        carried[module] = series.second is not None
        return series

    probes = [Probe() for _ in range(5)]
    layers = [nn.Linear(2, 4), *(activation for activation in PIECEWISE_LINEAR[:2])]
    network = nn.Sequential(
        probes[0], *layers, probes[1], nn.ELU(), probes[2], nn.ReLU(), probes[3], nn.Flatten()
    )
    network.append(probes[4])
    z, dz = torch.randn(2, 6, 2)

    taylor_expand(network, z, dz, order=2)
    assert [carried[probe] for probe in probes] == [False, False, True, True, True]
    taylor_expand(network, z, dz, order=1)
    assert not any(carried.values())


@pytest.mark.parametrize("name", POINTWISE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_large_inputs_keep_expansion_and_gradients_finite(name, dtype):
    z = torch.tensor([[-1e4], [-90.0], [0.0], [90.0], [1e4]], dtype=dtype, requires_grad=True)
    expansion = taylor_expand(POINTWISE[name](), z, torch.ones_like(z), order=2)
    (gradient,) = torch.autograd.grad(expansion.sum(), z)
    assert expansion.isfinite().all()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", [*POINTWISE, "softmax"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_expansion_keeps_the_precision_of_its_input(name, dtype):
    activation = {**POINTWISE, **ACTIVATIONS}[name]()
    z, dz = torch.randn(2, 4, 3, dtype=dtype)
    assert taylor_expand(activation, z, dz, order=2).dtype == dtype


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("dim", [1, 2, -1, -2])
@pytest.mark.parametrize("num_directions", [1, 4])
def test_softmax_is_exact_over_any_dimension_but_the_first(
    assert_exact, num_directions, order, dim
):
    torch.manual_seed(0)
    softmax = nn.Softmax(dim)
    linear = nn.Sequential(nn.Linear(2, 12), nn.Unflatten(1, (3, 4))).double()
    z, dz = torch.randn(2, 2).double(), torch.randn(2 * num_directions, 2).double()
    assert_exact(nn.Sequential(linear, softmax), z, dz, order)
    assert_exact(nn.Sequential(linear, nn.Tanh(), softmax), z, dz, order)


def test_softmax_without_a_dimension_is_refused():
    with pytest.raises(ValueError, match="dim=-1"):
        taylor_expand(nn.Softmax(), torch.zeros(2, 2), torch.zeros(2, 2))
