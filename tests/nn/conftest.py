r"""A slow Taylor expansion by nested reverse-mode autograd, to compare with."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.functional import jvp

Expansion = Callable[..., Tensor]


def _expand(
    function: Callable[[Tensor], Tensor],
    z: Tensor,
    dz: Tensor,
    order: int = 1,
    index: Tensor | None = None,
) -> Tensor:
    if index is None:
        index = torch.arange(z.size(0)).repeat_interleave(dz.size(0) // z.size(0))
    point = z[index]

    def slope(point: Tensor) -> Tensor:
        return jvp(function, point, dz, create_graph=True)[1]

    expansion = function(point) + slope(point)
    if order == 2:
        expansion = expansion + 0.5 * jvp(slope, point, dz, create_graph=True)[1]
    return expansion


@pytest.fixture(scope="session")
def nested_autograd() -> Expansion:
    """Takes what `taylor_expand` takes, and repeats the function for every direction."""
    return _expand


@pytest.fixture(scope="session")
def assert_exact() -> Callable[..., None]:
    """Compares `taylor_expand` with nested autograd: values, and the gradients of all inputs."""
    from nrae_geometric.nn import taylor_expand

    def check(
        module: Callable[[Tensor], Tensor],
        z: Tensor,
        dz: Tensor,
        order: int,
        index: Tensor | None = None,
        reference: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        parameters = list(module.parameters()) if isinstance(module, nn.Module) else []
        inputs = [z.detach().requires_grad_(), dz.detach().requires_grad_(), *parameters]
        actual = taylor_expand(module, *inputs[:2], order, index)
        expected = _expand(reference or module, *inputs[:2], order, index)
        cotangent = torch.randn_like(expected)

        assert_close = torch.testing.assert_close
        assert_close(actual, expected, rtol=1e-9, atol=1e-9)
        for gradients in zip(
            _gradients(actual, inputs, cotangent),
            _gradients(expected, inputs, cotangent),
            strict=True,
        ):
            assert_close(*gradients, rtol=1e-9, atol=1e-9)

    return check


def _gradients(output: Tensor, inputs: list[Tensor], cotangent: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(output, inputs, cotangent, allow_unused=True, materialize_grads=True)
