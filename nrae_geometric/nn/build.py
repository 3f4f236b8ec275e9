"""Autoencoders by the names of their methods, for points of any shape."""

import copy
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch_geometric.data import Data

from nrae_geometric.arguments import choice
from nrae_geometric.nn.conv import conv_decoder, conv_encoder
from nrae_geometric.nn.evaluation import evaluating, to_model
from nrae_geometric.nn.mlp import mlp
from nrae_geometric.nn.models import AE
from nrae_geometric.registry import MODELS, ModelSettings


def method_settings(method: str, settings: Mapping[str, Any]) -> ModelSettings:
    """Returns the validated settings of a method.

    Args:
        method (str): A name in :data:`nrae_geometric.registry.MODELS`.
        settings (Mapping[str, Any]): Its settings; scalars may be NumPy's.

    Raises:
        ValueError: If there is no such method, or a setting is unknown, missing, of another type
            or out of its range.
    """
    plain = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in settings.items()
    }
    try:
        return MODELS[method].model_validate({**plain, "arch": method})
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            + ("" if fault["type"] == "missing" else f", got {fault['input']!r}")
            for fault in error.errors()
        )
        raise ValueError(f"settings of the method {method!r}: {faults}") from None


def build_autoencoder(
    settings: ModelSettings,
    point_shape: Sequence[int],
    latent_dim: int,
    *,
    hidden: Sequence[int] = (),
    activation: str = "elu",
    encoder: nn.Module | str | None = None,
    decoder: nn.Module | None = None,
    generator: torch.Generator | None = None,
) -> AE:
    """Returns the model of a method, with multi-layer perceptrons where no networks are given.

    Args:
        settings (ModelSettings): The method.
        point_shape (Sequence[int]): The shape of one point.
        latent_dim (int): The number of latent coordinates.
        hidden (Sequence[int], optional): The widths of the encoder's hidden layers, mirrored by
            the decoder. (default: :obj:`()`)
        activation (str, optional): A name of :data:`~nrae_geometric.nn.ACTIVATIONS`.
            (default: :obj:`"elu"`)
        encoder (torch.nn.Module or str, optional): Another encoder, which is copied, or
            :obj:`"conv"`, a convolutional one of images, mirrored by the decoder
            (:mod:`nrae_geometric.nn.conv`). (default: :obj:`None`)
        decoder (torch.nn.Module, optional): Another decoder, which is copied.
            (default: :obj:`None`)
        generator (torch.Generator, optional): What weights are drawn from; :obj:`None` is
            PyTorch's global generator. (default: :obj:`None`)

    Raises:
        ValueError: If a convolutional encoder is asked for and the points are no images.
    """
    shape, size = tuple(point_shape), math.prod(point_shape)
    widths = [operator.index(width) for width in hidden]
    is_convolutional = isinstance(encoder, str) and choice("encoder", encoder, ["conv"]) == "conv"
    options: Any = {"hidden": widths, "activation": activation, "generator": generator}
    if is_convolutional:
        encoder = conv_encoder(shape, settings.encoder_width(latent_dim), **options)
    elif encoder is None:
        encoder = mlp(
            [size, *widths, settings.encoder_width(latent_dim)], activation, generator=generator
        )
        if len(shape) > 1:
            encoder = nn.Sequential(nn.Flatten(), encoder)
    else:
        encoder = copy.deepcopy(encoder)
    if decoder is None and is_convolutional:
        decoder = conv_decoder(latent_dim, shape, **options)
    elif decoder is None:
        decoder = mlp([latent_dim, *reversed(widths), size], activation, generator=generator)
        if len(shape) > 1:
            decoder = nn.Sequential(decoder, nn.Unflatten(1, shape))
    else:
        decoder = copy.deepcopy(decoder)
    return settings.build(encoder, decoder)


def take_weights(model: AE, earlier: AE) -> None:
    """Gives a model the weights of an earlier one.

    Args:
        model (AE): The model, changed in place.
        earlier (AE): The earlier one, of the same architecture.

    Raises:
        ValueError: If their weights have other names or shapes; the message has the first.
    """
    state, needed = earlier.state_dict(), model.state_dict()
    for name in [*needed, *state]:
        has, needs = (_shape(each.get(name)) for each in (state, needed))
        if has != needs != "open":
            raise ValueError(
                f"training cannot go on from the fitted model: its {name} is {has}, and {needs} "
                "in the model of the present parameters and points; set the parameters back, or "
                "begin anew by fit with warm_start=False"
            )
    model.load_state_dict(state)


def _shape(weights: Any) -> Any:
    """The shape of weights in error messages, and of those that take any shape."""
    if weights is None:
        return "missing"
    return list(weights.shape) if isinstance(weights, Tensor) and not is_lazy(weights) else "open"


def check_autoencoder(model: AE, batch: Data, encoder_width: int, latent_dim: int) -> None:
    """Makes sure that encoder and decoder take and return values of the right shapes.

    Args:
        model (AE): The model, which is left as it is.
        batch (torch_geometric.data.Data): Some points and their graph.
        encoder_width (int): How many numbers the encoder should return for each point.
        latent_dim (int): How many numbers the decoder should take for each point.

    Raises:
        ValueError: If they do not; the message names the module and the shapes.
    """
    x = batch.x
    edges = (to_model(model, batch.edge_index),) if model.encoder_uses_graph else ()
    _check_module("encoder", model, x, edges, (len(x), encoder_width))
    _check_module("decoder", model, x.new_zeros(len(x), latent_dim), (), tuple(x.shape))


def _check_module(
    name: str, model: AE, x: Tensor, edges: tuple[Tensor, ...], expected: tuple[int, ...]
) -> None:
    module = getattr(model, name)
    try:
        with evaluating(model):
            out = module(to_model(model, x), *edges)
    except (RuntimeError, ValueError, IndexError) as error:
        raise ValueError(
            f"the {name} {type(module).__name__} does not take values of shape "
            f"{list(x.shape)}: {error}"
        ) from error
    if not isinstance(out, Tensor) or tuple(out.shape) != expected:
        got = list(out.shape) if isinstance(out, Tensor) else type(out).__name__
        raise ValueError(
            f"the {name} {type(module).__name__} should return values of shape {list(expected)} "
            f"for values of shape {list(x.shape)}, got {got}"
        )
