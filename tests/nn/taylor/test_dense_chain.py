"""Networks of linear layers at points with one direction each, differentiated in every way."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.autograd.functional import jvp  # by reverse mode, twice

from nrae_geometric.nn import ACTIVATIONS, mlp, register_taylor_rule, taylor_expand

NAMES = [name for name in ACTIVATIONS if name != "softmax"]
ORDERS = pytest.mark.parametrize("order", [1, 2])


def network(*names: str, dim: int = 1, bias: bool = True) -> nn.Sequential:
    """Linear layers of a few units with the named activations behind all but the last of them."""
    layers: list[nn.Module] = []
    for width, name in zip([dim, *[5] * len(names)], names, strict=False):
        layers += [nn.Linear(width, 5, bias), ACTIVATIONS[name]()]
    return nn.Sequential(*layers, nn.Linear(5, 3, bias)).double()


def points(num_points: int, dim: int = 1) -> tuple[Tensor, Tensor]:
    z, dz = torch.randn(2, num_points, dim, dtype=torch.float64)
    return z, dz


@ORDERS
@settings(deadline=None, max_examples=25)
@given(
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3),
    dim=st.integers(1, 3),
    num_points=st.integers(1, 4),
    bias=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_any_chain_of_layers_is_exact(assert_exact, order, names, dim, num_points, bias, seed):
    torch.manual_seed(seed)
    assert_exact(network(*names, dim=dim, bias=bias), *points(num_points, dim), order)


@ORDERS
@pytest.mark.parametrize("name", ["relu", "elu", "gelu"])
def test_derivative_can_be_differentiated_again(name, order):
    torch.manual_seed(0)
    decoder = network(name, name)
    inputs = [each.requires_grad_() for each in (*points(2), *decoder.parameters())]

    def expand(z: Tensor, dz: Tensor, *_: Tensor) -> Tensor:
        return taylor_expand(decoder, z, dz, order)

    assert gradcheck(expand, inputs)
    assert gradgradcheck(expand, inputs)


@ORDERS
def test_function_transforms_give_the_derivatives_of_autograd(order):
    torch.manual_seed(0)
    decoder = network("elu", "tanh")
    z, dz = points(3)

    def total(z: Tensor) -> Tensor:
        return taylor_expand(decoder, z, dz, order).sin().sum()

    hessian = torch.autograd.functional.hessian(total, z)
    torch.testing.assert_close(torch.func.hessian(total)(z), hessian)
    torch.testing.assert_close(torch.func.jacrev(torch.func.jacrev(total))(z), hessian)


@ORDERS
def test_batches_of_batches_can_be_mapped(order):
    torch.manual_seed(0)
    decoder = network("softplus", "elu")
    z, dz = torch.randn(2, 4, 3, 1, dtype=torch.float64)
    mapped = torch.func.vmap(lambda z, dz: taylor_expand(decoder, z, dz, order))(z, dz)
    expected = [taylor_expand(decoder, *each, order) for each in zip(z, dz, strict=True)]
    torch.testing.assert_close(mapped, torch.stack(expected))


@ORDERS
def test_forward_mode_gives_the_derivative_of_reverse_mode(order):
    torch.manual_seed(0)
    decoder = network("sigmoid", "relu", "elu")
    z, dz = points(3)
    with forward_ad.dual_level():
        dual = taylor_expand(decoder, forward_ad.make_dual(z, torch.ones_like(z)), dz, order)
        tangent = forward_ad.unpack_dual(dual).tangent
    expected = jvp(lambda z: taylor_expand(decoder, z, dz, order), z, torch.ones_like(z))[1]
    torch.testing.assert_close(tangent, expected, rtol=1e-9, atol=1e-9)


@ORDERS
def test_mixed_precision_is_near_full_precision(order):
    torch.manual_seed(0)
    decoder = mlp([1, 64, 64, 2], "elu")
    z, dz = torch.randn(2, 16, 1)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = taylor_expand(decoder, z, dz, order)
    torch.testing.assert_close(
        mixed.float(), taylor_expand(decoder, z, dz, order), rtol=0.1, atol=0.1
    )


@ORDERS
def test_frozen_weights_get_no_gradient_and_points_do(order):
    decoder = network("elu", "relu").requires_grad_(False)
    z, dz = points(3)
    z.requires_grad_()
    taylor_expand(decoder, z, dz, order).sum().backward()
    assert z.grad is not None
    assert all(parameter.grad is None for parameter in decoder.parameters())


@ORDERS
def test_activation_with_a_rule_of_its_own_in_the_middle(assert_exact, order):
    class Square(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.square()

    @register_taylor_rule(Square)
    def rule(module, series):
        value = series.value
        return series.map_pointwise(value.square(), 2 * value, torch.full_like(value, 2))

    torch.manual_seed(0)
    decoder = nn.Sequential(
        nn.Linear(1, 4), nn.ELU(), nn.Linear(4, 4), Square(), nn.Linear(4, 4), nn.Tanh()
    )
    assert_exact(decoder.double(), *points(3), order)


@ORDERS
def test_hook_inside_a_chain_takes_part(assert_exact, order):
    torch.manual_seed(0)
    decoder = network("elu", "elu")
    decoder[2].register_forward_hook(lambda module, args, output: output.sin())
    assert_exact(decoder, *points(3), order)


class ExplicitLayerNorm(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        centered = x - x.mean(-1, keepdim=True)
        return centered * torch.rsqrt(centered.square().mean(-1, keepdim=True) + 1e-5)


def dependent_chains() -> dict[str, tuple[nn.Module, nn.Module]]:
    """Decoders whose coefficients or weights depend on each other, and each in plain operations."""
    shared = nn.Linear(5, 5)
    first, last = nn.Linear(1, 5), nn.Linear(5, 2)
    norm = nn.LayerNorm(5, elementwise_affine=False)
    softmax = nn.Sequential(first, nn.Softmax(-1), last)
    twice = nn.Sequential(first, nn.ELU(), shared, nn.ELU(), shared, nn.Tanh(), last)
    return {
        "layer norm": (
            nn.Sequential(first, norm, nn.Tanh(), last),
            nn.Sequential(first, ExplicitLayerNorm(), nn.Tanh(), last),
        ),
        "softmax": (softmax, softmax),
        "one layer twice": (twice, twice),
    }


@ORDERS
@pytest.mark.parametrize("name", ["layer norm", "softmax", "one layer twice"])
def test_gradients_of_gradients_count_nothing_twice(nested_autograd, order, name):
    torch.manual_seed(0)
    decoder, plain = (module.double() for module in dependent_chains()[name])
    z, dz = points(3)
    inputs = [z.requires_grad_(), *decoder.parameters()]
    results = []
    for expansion in (taylor_expand(decoder, z, dz, order), nested_autograd(plain, z, dz, order)):
        gradients = torch.autograd.grad(expansion.sin().sum(), inputs, create_graph=True)
        total = sum(gradient.square().sum() for gradient in gradients)
        results.append([*gradients, *torch.autograd.grad(total, inputs)])
    torch.testing.assert_close(*results, rtol=1e-7, atol=1e-9)


@ORDERS
def test_directions_may_depend_on_the_points(nested_autograd, order):
    torch.manual_seed(0)
    decoder = network("elu", "tanh", dim=2)
    z = points(3, 2)[0].requires_grad_()
    results = []
    for expand in (taylor_expand, nested_autograd):
        expansion = expand(decoder, z, z.sin(), order)
        [gradient] = torch.autograd.grad(expansion.cos().sum(), z, create_graph=True)
        results.append([gradient, *torch.autograd.grad(gradient.square().sum(), z)])
    torch.testing.assert_close(*results, rtol=1e-7, atol=1e-9)


def test_biases_alone_can_be_differentiated_twice(nested_autograd):
    torch.manual_seed(0)
    decoder = network("relu", "relu").requires_grad_(False)
    biases = [layer.bias.requires_grad_() for layer in decoder if isinstance(layer, nn.Linear)]
    z, dz = points(3)
    results = []
    for expand in (taylor_expand, nested_autograd):
        value = expand(decoder, z, dz, 1).pow(3).sum()
        gradients = torch.autograd.grad(value, biases, create_graph=True)
        total = sum(gradient.square().sum() for gradient in gradients)
        results.append([*gradients, *torch.autograd.grad(total, biases)])
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-12)
