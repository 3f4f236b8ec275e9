"""Multi-layer perceptrons, and activations by name."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn

from nrae_geometric.arguments import choice, integer

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "linear": nn.Identity,
    "tanh": nn.Tanh,
    "leakyrelu": lambda: nn.LeakyReLU(0.2),
    "softmax": lambda: nn.Softmax(dim=-1),
    "selu": nn.SELU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softsign": nn.Softsign,
    "hardtanh": nn.Hardtanh,
}
"""Activations by name: those of the published code, and others in use today.

Whatever is added here can be named in a configuration. A class of one's own is as fast as these
once :func:`~nrae_geometric.nn.register_pointwise` knows its derivatives.
"""

Activation = str | Callable[[], nn.Module]


def mlp(
    channels: Sequence[int],
    activation: Activation | Sequence[Activation],
    out_activation: Activation | None = None,
    *,
    generator: torch.Generator | None = None,
) -> nn.Sequential:
    r"""Builds a multi-layer perceptron.

    Args:
        channels (list[int]): The widths :obj:`[in, hidden..., out]`, at least two.
        activation (str or callable): The activation of all hidden layers, or a list of one for
            each: a name of :data:`~nrae_geometric.nn.ACTIVATIONS`, or a class of modules (or any
            other function without arguments that builds one).
        out_activation (str or callable, optional): The activation of the output. :obj:`None` is
            none. (default: :obj:`None`)
        generator (torch.Generator, optional): What the weights are drawn from, as PyTorch draws
            them; :obj:`None` is its global generator. (default: :obj:`None`)

    Returns:
        torch.nn.Sequential: Linear layers with activations between them,
        :obj:`[N, in] -> [N, out]`.

    Raises:
        TypeError: If an activation is neither a name nor builds a module.
        ValueError: If a name is unknown, a width is below 1, or the numbers do not fit.
    """
    if len(channels) < 2 or min(channels) < 1:
        raise ValueError(
            f"channels must be [in, hidden..., out], all at least 1, got {list(channels)}"
        )
    widths = [integer("each of the channels", width, 1) for width in channels]
    num_hidden = len(widths) - 2
    if isinstance(activation, str) or not isinstance(activation, Iterable):
        activation = [activation] * num_hidden
    hidden = list(activation)
    for each in (*hidden, *(() if out_activation is None else (out_activation,))):
        _check(each)
    if len(hidden) != num_hidden:
        raise ValueError(f"{num_hidden} hidden layers need as many activations, got {hidden}")
    layers: list[nn.Module] = []
    last: Activation = "linear" if out_activation is None else out_activation
    for width_in, width_out, each in zip(widths[:-1], widths[1:], [*hidden, last], strict=True):
        layers.append(new_layer(nn.Linear, width_in, width_out, generator=generator))
        if each != "linear":
            layers.append(new_activation(each))
    return nn.Sequential(*layers)


def new_layer(
    kind: Callable[..., nn.Module], *args: Any, generator: torch.Generator | None
) -> nn.Module:
    """Builds a linear layer or a convolution, with weights drawn as PyTorch draws them.

    Args:
        kind (type): The class of the layer.
        *args: Its arguments.
        generator (torch.Generator, optional): What the weights are drawn from; :obj:`None` is
            PyTorch's global generator.
    """
    if generator is None:
        return kind(*args)
    layer: Any = nn.utils.skip_init(kind, *args)
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    bound = 1 / math.sqrt(layer.weight[0].numel())
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer


def new_activation(activation: Activation) -> nn.Module:
    """Builds an activation.

    Args:
        activation (str or callable): A name of :data:`~nrae_geometric.nn.ACTIVATIONS`, or a
            class of modules.

    Raises:
        TypeError: If it is neither a name nor builds a module.
        ValueError: If the name is unknown.
    """
    _check(activation)
    module = (ACTIVATIONS[activation] if isinstance(activation, str) else activation)()
    if not isinstance(module, nn.Module):
        raise TypeError(f"the activation {activation!r} builds no module, but {module!r}")
    return module


def _check(activation: Any) -> None:
    if isinstance(activation, str):
        choice("activation", activation, ACTIVATIONS)
    elif isinstance(activation, nn.Module) or not callable(activation):
        raise TypeError(
            f"an activation is a name or a class of modules, got {activation!r}; the names are "
            f"{', '.join(ACTIVATIONS)}"
        )
