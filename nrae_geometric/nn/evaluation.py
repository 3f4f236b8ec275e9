"""Using a model without leaving a trace in it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Puts a model into evaluation mode without gradients, and every part back into its own mode.

    Args:
        model (torch.nn.Module): The model; parts that are frozen in evaluation mode stay so.
    """
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in training.items():
            module.training = mode


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
