"""Using a model without leaving a trace in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

EDGE_ARGUMENTS = ("edge_weight", "edge_attr")
"""What an encoder may be given of a graph's edges, beside the edges themselves."""


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Puts a model into evaluation mode without gradients, and every part back into its own mode.

    Args:
        model (torch.nn.Module): The model; parts that are frozen in evaluation mode stay so.
    """
    with preserved_modes(model), torch.no_grad():
        _switch(model, False)
        yield


@contextmanager
def preserved_modes(model: nn.Module) -> Iterator[None]:
    """Leaves every part of a model in training or evaluation mode as it was found.

    Args:
        model (torch.nn.Module): The model, whatever happens to it inside.
    """
    modes = _modes(model)
    try:
        yield
    finally:
        set_modes(modes)


def training_modes(model: nn.Module) -> dict[nn.Module, bool]:
    """Puts a model into training mode and returns the mode of each part.

    Args:
        model (torch.nn.Module): The model. Where it is in training mode already, parts that are in
            evaluation mode are meant to be, and stay so.
    """
    if not model.training:
        _switch(model, True)
    return _modes(model)


def set_modes(modes: Mapping[nn.Module, bool]) -> None:
    """Puts parts of a model into their modes.

    Args:
        modes (Mapping[torch.nn.Module, bool]): For each part whether it is in training mode, the
            outer ones first.
    """
    for module, mode in modes.items():
        if module.training != mode:  # by a method that the module may have for it
            _switch(module, mode)
    for module, mode in modes.items():
        if module.training != mode:  # of two modules that share it
            module.training = mode


def _modes(model: nn.Module) -> dict[nn.Module, bool]:
    return {module: module.training for module in model.modules()}


def _switch(module: nn.Module, mode: bool) -> None:
    try:
        module.train(mode)
    except NotImplementedError:  # an exported program has only one mode
        for part in module.modules():
            part.training = mode


def to_model(model: nn.Module, x: Tensor) -> Tensor:
    """Returns points or an :obj:`edge_index` on the device of a model.

    Args:
        model (torch.nn.Module): The model. Without parameters it takes what it is given.
        x (torch.Tensor): Floating-point values are brought to the model's type as well.
    """
    parameter = next(model.parameters(), None)
    if parameter is None:
        return x
    return x.to(parameter) if x.is_floating_point() else x.to(parameter.device)


def encode_data(model: Any, data: Data) -> Tensor:
    """Returns the latents of the points of a graph, :obj:`[N, d]`, where the model lives.

    Args:
        model (torch.nn.Module): A model with ``encode(x, edge_index)``. It is given what its
            encoder takes of the edges (:obj:`AE.encoder_edge_arguments`).
        data (torch_geometric.data.Data): The points :obj:`x`, and their graph.
    """
    edge_index = data.get("edge_index")
    if edge_index is not None:
        edge_index = to_model(model, edge_index)
    x = data.x if data.x.is_floating_point() else data.x.float()
    return model.encode(to_model(model, x), edge_index, **edge_arguments(model, data))


def edge_arguments(model: Any, data: Data) -> dict[str, Tensor]:
    """Returns what a model's encoder takes of the edges of a graph, where the model lives.

    Args:
        model (torch.nn.Module): The model. One that does not say is given nothing.
        data (torch_geometric.data.Data): The graph.
    """
    names = getattr(model, "encoder_edge_arguments", ())
    return {name: to_model(model, data[name]) for name in names if data.get(name) is not None}
