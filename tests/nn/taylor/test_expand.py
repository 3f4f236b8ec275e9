"""`taylor_expand` against nested autograd, Hessians, closed forms and finite differences."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd import functional, gradcheck, gradgradcheck

from nrae_geometric.nn import ACTIVATIONS, jacobian, mlp, taylor_expand

FRESH = settings(deadline=None, max_examples=20)
NAMES = st.sampled_from(sorted(ACTIVATIONS))
ORDERS = st.sampled_from([1, 2])
SMOOTH = ["tanh", "softplus", "gelu"]


@st.composite
def networks(draw: st.DrawFn) -> nn.Sequential:
    """Perceptrons of random depth, widths and activations, in float64."""
    torch.manual_seed(draw(st.integers(0, 2**31)))
    channels = draw(st.lists(st.integers(1, 9), min_size=2, max_size=5))
    hidden = [draw(NAMES) for _ in channels[1:-1]]
    return mlp(channels, hidden, draw(NAMES)).double()


class Expansion(nn.Module):
    """`taylor_expand` as a module, so that `functional_call` can exchange the parameters."""

    def __init__(self, network: nn.Module, order: int, index: Tensor | None) -> None:
        super().__init__()
        self.network, self.order, self.index = network, order, index

    def forward(self, z: Tensor, dz: Tensor) -> Tensor:
        return taylor_expand(self.network, z, dz, self.order, self.index)


def points(num_points: int, network: nn.Sequential) -> Tensor:
    return torch.randn(num_points, network[0].in_features, dtype=torch.float64)


@FRESH
@given(networks(), ORDERS, st.integers(1, 4), st.integers(1, 4))
def test_expansion_along_equally_many_directions_is_exact(
    assert_exact, network, order, num_points, num_directions
):
    z, dz = points(num_points, network), points(num_points * num_directions, network)
    assert_exact(network, z, dz, order)


@FRESH
@given(networks(), ORDERS, st.integers(1, 5), st.data())
def test_expansion_along_ragged_directions_is_exact(assert_exact, network, order, num_points, data):
    owners = st.lists(st.integers(0, num_points - 1), min_size=1, max_size=9)
    index = torch.tensor(data.draw(owners, "index"))
    z, dz = points(num_points, network), points(len(index), network)
    assert_exact(network, z, dz, order, index)


@FRESH
@given(networks(), ORDERS, st.integers(1, 4), st.integers(1, 4), st.randoms())
def test_directions_may_come_in_any_order(network, order, num_points, num_directions, random):
    z, dz = points(num_points, network), points(num_points * num_directions, network)
    owner = torch.arange(num_points).repeat_interleave(num_directions)
    shuffled = random.sample(range(len(dz)), len(dz))

    dense = taylor_expand(network, z, dz, order)

    torch.testing.assert_close(taylor_expand(network, z, dz, order, owner), dense)
    ragged = taylor_expand(network, z, dz[shuffled], order, owner[shuffled])
    torch.testing.assert_close(ragged, dense[shuffled])


@FRESH
@given(networks())
def test_terms_are_jacobian_and_hessian(network):
    z, dz = points(1, network), points(3, network)
    num_outputs = network(z).size(1)
    slope = functional.jacobian(network, z).reshape(num_outputs, -1)
    bend = torch.stack(
        [
            functional.hessian(lambda z, i=i: network(z)[0, i], z).reshape(z.size(1), -1)
            for i in range(num_outputs)
        ]
    )

    first = network(z) + dz @ slope.T
    second = first + 0.5 * torch.einsum("ei,oij,ej->eo", dz, bend, dz)
    torch.testing.assert_close(taylor_expand(network, z, dz, 1), first, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(taylor_expand(network, z, dz, 2), second, rtol=1e-9, atol=1e-9)


def jacobian_by_autograd(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """Row by row, by reverse mode."""
    rows = [
        functional.jacobian(lambda row: function(row[None])[0], row, create_graph=True) for row in z
    ]
    return torch.stack(rows)


@FRESH
@given(networks(), st.integers(1, 4))
def test_jacobian_and_its_gradients_are_those_of_autograd(network, num_points):
    z = points(num_points, network).requires_grad_()
    inputs = [z, *network.parameters()]
    results = []
    for function in (jacobian, jacobian_by_autograd):
        result = function(network, z)
        gradients = torch.autograd.grad(
            result.sin().sum(), inputs, allow_unused=True, materialize_grads=True
        )
        results.append([result, *gradients])
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-9)


@FRESH
@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(1, 3))
def test_jacobian_of_images_has_their_shape_last(seed, height, width):
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.Conv2d(2, 2, 1))
    images = torch.randn(3, 1, height, width, dtype=torch.float64)
    result = jacobian(network.double(), images)
    assert result.shape == (3, 2, height, width, 1, height, width)
    torch.testing.assert_close(result, jacobian_by_autograd(network, images))


def test_jacobian_of_any_callable():
    z = torch.randn(4, 3, dtype=torch.float64)
    torch.testing.assert_close(jacobian(torch.sin, z), torch.diag_embed(z.cos()))


def test_jacobian_at_no_points_is_empty():
    assert jacobian(mlp([2, 4, 3], "elu"), torch.empty(0, 2)).shape == (0, 3, 2)


def test_second_term_is_half_the_vector_hessian_product():
    torch.manual_seed(0)
    network = mlp([3, 8, 1], "gelu").double()
    z, dz = points(1, network), points(1, network)

    bend = functional.vhp(lambda z: network(z).sum(), z, dz)[1] @ dz.T

    terms = taylor_expand(network, z, dz, 2) - taylor_expand(network, z, dz, 1)
    torch.testing.assert_close(terms, 0.5 * bend, rtol=1e-9, atol=1e-9)


@FRESH
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(1, 5))
def test_second_order_reproduces_quadratic_functions(seed, dim, num_outputs):
    generator = torch.Generator().manual_seed(seed)
    bend = torch.randn(num_outputs, dim, dim, generator=generator, dtype=torch.float64)
    z, dz = torch.randn(2, 4, dim, generator=generator, dtype=torch.float64)

    def quadratic(z: Tensor) -> Tensor:
        return 1 + z.sum(1, keepdim=True) + torch.einsum("ni,oij,nj->no", z, bend, z)

    torch.testing.assert_close(taylor_expand(quadratic, z, dz, 2), quadratic(z + dz))


@pytest.mark.parametrize("order", [1, 2])
def test_remainder_vanishes_one_power_faster_than_the_order(order):
    torch.manual_seed(0)
    network = mlp([2, 16, 3], "tanh").double()
    z, dz = points(5, network), points(5, network)

    def remainder(scale: float) -> float:
        step = scale * dz
        return (network(z + step) - taylor_expand(network, z, step, order)).norm().item()

    assert remainder(1e-2) / remainder(1e-3) == pytest.approx(10 ** (order + 1), rel=0.1)


@pytest.mark.parametrize("order", [1, 2])
def test_zero_direction_gives_the_function_itself(order):
    network = mlp([2, 8, 3], "elu", "sigmoid")
    z = torch.randn(4, 2)
    torch.testing.assert_close(taylor_expand(network, z, torch.zeros(4, 2), order), network(z))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("index", [None, torch.empty(0, dtype=torch.long)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "softmax"])
def test_no_directions_give_an_empty_expansion(order, index, activation):
    network = mlp([2, 8, 3], activation)
    for num_points in (4, 0):
        z = torch.randn(num_points, 2)
        assert taylor_expand(network, z, torch.empty(0, 2), order, index).shape == (0, 3)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("index", [None, torch.tensor([1, 0, 1, 1])])
@pytest.mark.parametrize("activation", SMOOTH)
def test_gradients_pass_gradcheck_twice(order, index, activation):
    torch.manual_seed(0)
    network = mlp([2, 3, 2], activation).double()
    num_directions = 6 if index is None else len(index)
    inputs = [points(num, network).requires_grad_() for num in (2, num_directions)]

    names = [f"network.{name}" for name, _ in network.named_parameters()]

    def expand(z: Tensor, dz: Tensor, *parameters: Tensor) -> Tensor:
        values = dict(zip(names, parameters, strict=True))
        module = Expansion(network, order, index)
        return torch.func.functional_call(module, values, (z, dz))

    inputs += [parameter.detach().requires_grad_() for parameter in network.parameters()]
    assert gradcheck(expand, inputs)
    assert gradgradcheck(expand, inputs)


@pytest.mark.parametrize("order", [0, 3, "1", None])
def test_order_other_than_one_or_two_is_refused(order):
    with pytest.raises(ValueError, match="order must be 1 or 2, got"):
        taylor_expand(nn.Identity(), torch.zeros(2, 1), torch.zeros(2, 1), order)


def test_directions_of_another_dimension_are_refused():
    with pytest.raises(ValueError, match=r"point shape of z, \(2,\).*shape \(3,\)"):
        taylor_expand(nn.Identity(), torch.zeros(2, 2), torch.zeros(2, 3))


def test_directions_that_cannot_be_shared_evenly_need_an_index():
    with pytest.raises(ValueError, match=r"5 directions .* 2 points; pass index"):
        taylor_expand(nn.Identity(), torch.zeros(2, 2), torch.zeros(5, 2))


@pytest.mark.parametrize("shape", [(4,), (6,), (5, 1)])
def test_index_must_name_one_point_for_each_direction(shape):
    index = torch.zeros(shape, dtype=torch.long)
    with pytest.raises(ValueError, match=r"index must be \[5\] to match dz"):
        taylor_expand(nn.Identity(), torch.zeros(2, 2), torch.zeros(5, 2), 1, index)


@pytest.mark.parametrize("row", [-1, 2])
def test_index_of_no_point_is_refused(row):
    index = torch.tensor([0, row])
    with pytest.raises(IndexError):
        taylor_expand(nn.Identity(), torch.zeros(2, 2), torch.zeros(2, 2), 1, index)
