"""Perceptrons, and activations by name, class or function."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nrae_geometric.nn import ACTIVATIONS, mlp

CHANNELS = st.lists(st.integers(1, 9), min_size=2, max_size=6)


def formulas(x: torch.Tensor) -> dict[str, torch.Tensor]:
    """What each published name stands for."""
    return {
        "relu": x.clamp(min=0),
        "sigmoid": 1 / (1 + (-x).exp()),
        "softplus": (1 + x.exp()).log(),
        "linear": x,
        "tanh": (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
        "leakyrelu": torch.maximum(x, 0.2 * x),
        "softmax": x.exp() / x.exp().sum(-1, keepdim=True),
        "selu": 1.0507009873554805 * torch.where(x > 0, x, 1.6732632423543772 * (x.exp() - 1)),
        "elu": torch.where(x > 0, x, x.exp() - 1),
    }


@pytest.mark.parametrize("name", formulas(torch.zeros(1)))
def test_published_activation_has_its_formula(name):
    x = torch.linspace(-3, 3, 30, dtype=torch.float64).view(6, 5)
    torch.testing.assert_close(ACTIVATIONS[name]()(x), formulas(x)[name], rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=25)
@given(CHANNELS, st.sampled_from(sorted(ACTIVATIONS)), st.sampled_from(sorted(ACTIVATIONS)))
def test_perceptron_is_linear_layers_with_activations_between(channels, activation, out_activation):
    network = mlp(channels, activation, out_activation)
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    assert [linear[0].in_features, *(layer.out_features for layer in linear)] == channels

    x = torch.randn(4, channels[0])
    expected = x
    for i, layer in enumerate(linear):
        name = out_activation if i == len(linear) - 1 else activation
        expected = ACTIVATIONS[name]()(layer(expected))
    torch.testing.assert_close(network(x), expected)


def test_each_hidden_layer_may_have_its_own_activation():
    network = mlp([2, 3, 4, 1], ["relu", "tanh"], "sigmoid")
    kinds = [nn.Linear, nn.ReLU, nn.Linear, nn.Tanh, nn.Linear, nn.Sigmoid]
    assert [type(layer) for layer in network] == kinds


class Sine(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sin()


def test_activation_may_be_a_class_of_modules_or_build_one():
    network = mlp([2, 3, 4, 1], [Sine, lambda: nn.LeakyReLU(0.1)], Sine)
    assert [type(layer) for layer in network[1::2]] == [Sine, nn.LeakyReLU, Sine]
    same = mlp([2, 3, 4, 1], Sine)
    assert same[1] is not same[3]


def test_activation_can_be_given_a_name(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "sine", Sine)
    assert isinstance(mlp([2, 3, 1], "sine")[1], Sine)


@pytest.mark.parametrize("activation", [nn.ReLU(), [3]])
def test_activation_of_another_type_is_refused(activation):
    with pytest.raises(TypeError, match="a name or a class of modules, got"):
        mlp([2, 3, 1], activation)


def test_output_is_linear_by_default():
    assert isinstance(mlp([2, 3, 1], "relu")[-1], nn.Linear)


@pytest.mark.parametrize("channels", [[], [3], [2, 0, 1], [2, -1]])
def test_impossible_channels_are_refused(channels):
    with pytest.raises(ValueError, match=r"channels must be \[in, hidden..., out\]"):
        mlp(channels, "relu")


def test_activations_must_fit_the_hidden_layers():
    with pytest.raises(ValueError, match="2 hidden layers need as many activations"):
        mlp([2, 3, 4, 1], ["relu"])


@pytest.mark.parametrize("names", [("rely", None), ("relu", "sigmoyd")])
def test_unknown_activation_is_refused_with_the_known_ones(names):
    with pytest.raises(ValueError, match=r"unknown activation '(rely|sigmoyd)'.*softplus"):
        mlp([2, 3, 1], *names)
