"""Multi-layer perceptrons with the activations of the published experiments."""

from collections.abc import Callable, Sequence

from torch import nn

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
"""Activations by name: those of the published code, and the smooth ones of today."""


def mlp(
    channels: Sequence[int], activation: str | Sequence[str], out_activation: str | None = None
) -> nn.Sequential:
    r"""Builds a multi-layer perceptron.

    Args:
        channels: The widths ``[in, hidden..., out]``, at least two.
        activation: A name of :data:`ACTIVATIONS` for all hidden layers, or one for each.
        out_activation: The name of the output's activation; none by default.

    Returns:
        Linear layers with activations between them, ``[N, in] -> [N, out]``.

    Raises:
        ValueError: If a name is unknown, a width is below 1, or the numbers do not fit.
    """
    if len(channels) < 2 or min(channels) < 1:
        raise ValueError(
            f"channels must be [in, hidden..., out], all at least 1, got {list(channels)}"
        )
    num_hidden = len(channels) - 2
    names = [activation] * num_hidden if isinstance(activation, str) else list(activation)
    if len(names) != num_hidden:
        raise ValueError(f"{num_hidden} hidden layers need as many activations, got {names}")
    layers: list[nn.Module] = []
    for width_in, width_out, name in zip(
        channels[:-1], channels[1:], [*names, out_activation or "linear"], strict=True
    ):
        layers.append(nn.Linear(width_in, width_out))
        if name != "linear":
            layers.append(_activation(name))
    return nn.Sequential(*layers)


def _activation(name: str) -> nn.Module:
    if name not in ACTIVATIONS:
        raise ValueError(f"unknown activation {name!r}; choose one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()
