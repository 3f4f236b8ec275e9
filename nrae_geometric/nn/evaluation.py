"""Using a model without leaving a trace in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


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
