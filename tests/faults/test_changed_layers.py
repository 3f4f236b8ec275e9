"""Guarantee: whatever changes what a layer does, its expansion has it, or is refused by name."""

import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules import module as all_modules
from torch.nn.utils import parametrizations, parametrize

from nrae_geometric.nn import taylor_expand

IMAGE = (2, 3, 3)


class Bent(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).sin()


class BentCall(nn.Linear):
    def __call__(self, x: Tensor) -> Tensor:
        return super().__call__(x).sin()


class BentWeight(nn.Linear):
    def reset_parameters(self) -> None:
        nn.init.normal_(self._parameters["weight"])

    def __getattr__(self, name: str) -> Tensor:
        value = super().__getattr__(name)
        return value.tanh() if name == "weight" else value


class BentConvolution(nn.Conv2d):
    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return super()._conv_forward(x, weight, bias).sin()


class BentNorm(nn.GroupNorm):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * x


class Residual(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


class Twice(nn.Sequential):
    def __iter__(self) -> Iterator[nn.Module]:
        return iter([*self._modules.values(), *self._modules.values()])


class Cube(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight**3


def patched(layer: nn.Module, name: str, function: Callable[..., Tensor]) -> nn.Module:
    setattr(layer, name, types.MethodType(function, layer))
    return layer


def hooked(layer: nn.Module, register: str, hook: Callable[..., object], **options: bool):
    getattr(layer, register)(hook, **options)
    return layer


def parametrized(layer: nn.Module, name: str) -> nn.Module:
    parametrize.register_parametrization(layer, name, Cube())
    return layer


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "subclass with a forward": lambda: Bent(18, 18),
    "subclass with a call": lambda: BentCall(18, 18),
    "subclass with another weight": lambda: BentWeight(18, 18),
    "subclass of a convolution": lambda: nn.Sequential(
        nn.Unflatten(1, IMAGE), BentConvolution(2, 2, 3, padding=1), nn.Flatten()
    ),
    "subclass of a normalization": lambda: BentNorm(3, 18),
    "subclass of a container": lambda: Residual(nn.Linear(18, 18), nn.Tanh()),
    "container with another order": lambda: Twice(nn.Linear(18, 18), nn.Tanh()),
    "forward of an instance": lambda: patched(
        nn.Linear(18, 18), "forward", lambda self, x: F.linear(x, self.weight).sin()
    ),
    "call of an instance": lambda: patched(
        nn.Linear(18, 18), "_call_impl", lambda self, x: F.linear(x, self.weight).sin()
    ),
    "convolution of an instance": lambda: nn.Sequential(
        nn.Unflatten(1, IMAGE),
        patched(nn.Conv2d(2, 2, 1), "_conv_forward", lambda self, x, w, b: F.conv2d(x, w, b).sin()),
        nn.Flatten(),
    ),
    "forward of an activation": lambda: patched(nn.Tanh(), "forward", lambda self, x: x.sin()),
    "hook": lambda: hooked(nn.Linear(18, 18), "register_forward_hook", lambda m, i, o: o.sin()),
    "hook with keywords": lambda: hooked(
        nn.Linear(18, 18),
        "register_forward_hook",
        lambda m, i, k, o: o.sin(),
        with_kwargs=True,
    ),
    "hook before": lambda: hooked(
        nn.Tanh(), "register_forward_pre_hook", lambda m, i: (i[0].square(),)
    ),
    "weight normalization": lambda: parametrizations.weight_norm(nn.Linear(18, 18)),
    "weight normalization by a hook": lambda: nn.utils.weight_norm(nn.Linear(18, 18)),
    "weight normalization of a convolution": lambda: nn.Sequential(
        nn.Unflatten(1, IMAGE), parametrizations.weight_norm(nn.Conv2d(2, 2, 2)), nn.Flatten()
    ),
    "spectral normalization": lambda: parametrizations.spectral_norm(nn.Linear(18, 18)).eval(),
    "spectral normalization by a hook": lambda: nn.utils.spectral_norm(nn.Linear(18, 18)).eval(),
    "orthogonal weight": lambda: parametrizations.orthogonal(nn.Linear(18, 18)),
    "parametrized bias": lambda: nn.Sequential(
        nn.Unflatten(1, IMAGE), parametrized(nn.Conv2d(2, 2, 2), "bias"), nn.Flatten()
    ),
    "parametrized normalization": lambda: parametrized(nn.GroupNorm(3, 18), "weight"),
    "lazy": lambda: nn.Sequential(nn.LazyLinear(18), nn.Tanh(), nn.LazyLinear(4)),
}


def network(layer: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 18), nn.Tanh(), layer, nn.Flatten(), nn.LazyLinear(2))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("num_directions", [1, 2, 9])
@pytest.mark.parametrize("name", LAYERS)
def test_changed_layer_is_expanded_as_it_is(assert_exact, name, num_directions, order):
    torch.manual_seed(0)
    decoder = network(LAYERS[name]()).double()
    decoder(torch.randn(2, 2).double())
    z, dz = torch.randn(3, 2).double(), torch.randn(3 * num_directions, 2).double()
    assert_exact(decoder, z, dz, order)


@contextmanager
def class_with(kind: type, name: str, method: Callable[..., Tensor]) -> Iterator[None]:
    original = getattr(kind, name)
    setattr(kind, name, method)
    try:
        yield
    finally:
        setattr(kind, name, original)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("kind", "name", "method"),
    [
        (nn.Tanh, "forward", lambda self, x: x.sin()),
        (nn.Linear, "forward", lambda self, x: F.linear(x, self.weight, self.bias).sin()),
        (nn.Conv2d, "_conv_forward", lambda self, x, w, b: F.conv2d(x, w, b).sin()),
        (nn.Module, "__call__", lambda self, *x: self.forward(*x).sin()),
    ],
    ids=["activation", "linear layer", "convolution", "all modules"],
)
def test_changed_class_is_expanded_as_it_is(assert_exact, kind, name, method, order):
    torch.manual_seed(0)
    image = nn.Sequential(nn.Unflatten(1, IMAGE), nn.Conv2d(2, 2, 1), nn.Flatten(), nn.Tanh())
    decoder = nn.Sequential(nn.Linear(2, 18), image, nn.Linear(18, 2)).double()
    z, dz = torch.randn(3, 2).double(), torch.randn(3, 2).double()
    with class_with(kind, name, method):
        assert_exact(decoder, z, dz, order)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("register", "hook"),
    [
        (all_modules.register_module_forward_hook, lambda m, i, o: o.sin()),
        (all_modules.register_module_forward_pre_hook, lambda m, i: (i[0].sin(),)),
    ],
    ids=["behind", "before"],
)
def test_hook_of_all_modules_takes_part(assert_exact, register, hook, order):
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 2)).double()
    handle = register(hook)
    try:
        assert_exact(decoder, torch.randn(3, 2).double(), torch.randn(6, 2).double(), order)
    finally:
        handle.remove()


@pytest.mark.parametrize("wrap", [nn.Sequential, Residual])
@pytest.mark.parametrize(
    "register", ["register_full_backward_hook", "register_full_backward_pre_hook"]
)
def test_backward_hooks_are_refused_by_name(wrap, register):
    decoder = nn.Sequential(nn.Linear(2, 2), wrap(hooked(nn.Linear(2, 2), register, print)))
    with pytest.raises(ValueError, match="Linear has backward hooks"):
        taylor_expand(decoder, torch.randn(3, 2), torch.randn(3, 2))


def gate(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.7 * x) + 0.3 * torch.tanh(x * x)


scripted_gate = torch.jit.script(gate)


class UsesScript(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return scripted_gate(x)


def exported(decoder: nn.Module) -> nn.Module:
    rows = torch.export.Dim("rows", min=2)
    points = torch.randn(5, 2, dtype=torch.float64)
    return torch.export.export(decoder, (points,), dynamic_shapes=({0: rows},)).module()


CONVERSIONS: dict[str, Callable[[nn.Module], Callable[[Tensor], Tensor]]] = {
    "scripted": torch.jit.script,
    "traced": lambda decoder: torch.jit.trace(decoder, torch.randn(3, 2).double()),
    "frozen": lambda decoder: torch.jit.freeze(torch.jit.script(decoder.eval())),
    "scripted part": lambda decoder: nn.Sequential(torch.jit.script(decoder), nn.Tanh()),
    "scripted in a function": lambda decoder: (lambda s: lambda z: s(z))(torch.jit.script(decoder)),
    "scripted function inside": lambda decoder: nn.Sequential(decoder, UsesScript()),
    "symbolically traced": torch.fx.symbolic_trace,
    "exported": exported,
    "compiled": lambda decoder: torch.compile(decoder, backend="aot_eager"),
    "compiled part": lambda decoder: Residual(torch.compile(decoder, backend="aot_eager")),
    "parallel": nn.DataParallel,
    "bound method": lambda decoder: decoder.forward,
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", CONVERSIONS)
def test_converted_decoder_is_exact(nested_autograd, name, order):
    torch.manual_seed(0)
    torch.compiler.reset()
    decoder = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.GroupNorm(2, 8), nn.Linear(8, 2))
    decoder = decoder.double()
    parameters = list(decoder.parameters())
    plain = {
        "scripted part": lambda z: decoder(z).tanh(),
        "scripted function inside": lambda z: gate(decoder(z)),
        "compiled part": lambda z: z + decoder(z),
    }
    converted = CONVERSIONS[name](decoder)
    z = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    dz = torch.randn(6, 2).double()

    wanted = [z] if name == "frozen" else [z, *parameters]
    for _ in range(3):  # TorchScript compiles what it has seen twice
        actual = taylor_expand(converted, z, dz, order)
        gradients = torch.autograd.grad(actual.square().sum(), wanted)
    expected = nested_autograd(plain.get(name, decoder), z, dz, order)

    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(gradients, torch.autograd.grad(expected.square().sum(), wanted))


@pytest.mark.parametrize("convert", ["scripted", "traced", "scripted part", "bound method"])
@pytest.mark.parametrize("norm", [nn.LayerNorm(8), nn.InstanceNorm1d(4)], ids=["layer", "instance"])
def test_normalization_in_torchscript_is_refused_by_name(norm, convert):
    shape = nn.Unflatten(1, (4, 2)) if isinstance(norm, nn.InstanceNorm1d) else nn.Identity()
    decoder = nn.Sequential(nn.Linear(2, 8), shape, norm, nn.Flatten(), nn.Linear(8, 2)).double()
    if convert == "bound method":
        converted = torch.jit.script(decoder).forward
    else:
        converted = CONVERSIONS[convert](decoder)
    with pytest.raises(ValueError, match=r"scripted .* inexact in TorchScript"):
        taylor_expand(converted, torch.randn(3, 2).double(), torch.randn(3, 2).double())


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.detach(),
        torch.no_grad()(lambda x: x.sin()),
        lambda x: torch.from_numpy(x.detach().numpy()),
        lambda x: x.argmax(-1, keepdim=True).to(x),
        lambda x: torch.ones(len(x), 2) * 3,
    ],
    ids=["detached", "no_grad", "NumPy", "argmax", "constant"],
)
@pytest.mark.parametrize("order", [1, 2])
def test_what_cannot_be_differentiated_is_refused_by_name(function, order):
    with pytest.raises(ValueError, match="cannot differentiate by its input"):
        taylor_expand(function, torch.randn(3, 2), torch.randn(3, 2), order)


@pytest.mark.filterwarnings("ignore")
def test_quantized_layer_is_refused_by_name():
    quantize = torch.ao.quantization.quantize_dynamic
    decoder = quantize(nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2)), {nn.Linear})
    with pytest.raises(ValueError, match=r"Linear returns values .* quantized"):
        taylor_expand(decoder, torch.randn(3, 2), torch.randn(3, 2))
