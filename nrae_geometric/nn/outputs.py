"""What encoders and decoders take and return: tensors with a row for each point."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def module_name(module: Callable[..., Any]) -> str:
    """Returns the name of a module's class, or of a function."""
    if isinstance(module, nn.Module):
        return type(module).__name__
    return getattr(module, "__name__", type(module).__name__)


def as_rows(module: Callable[..., Any], output: Any, num_rows: int) -> Tensor:
    """Returns the tensor that a module has returned, with one row for each point.

    Args:
        module (callable): The module, which errors name.
        output (Any): A tensor, or a tuple or list in which it is the only one, such as that of
            :class:`torch.nn.MultiheadAttention` without weights.
        num_rows (int): The number of points that the module was given.

    Raises:
        ValueError: If it is another object, or has another number of rows.
    """
    if isinstance(output, tuple | list):
        tensors = [part for part in output if part is not None]
        output = tensors[0] if len(tensors) == 1 else output
    if not isinstance(output, Tensor):
        held = f" of {len(output)}" if isinstance(output, tuple | list | dict) else ""
        raise ValueError(
            f"{module_name(module)} returns a {type(output).__name__}{held}, and it is not clear "
            "which part is meant; wrap it in a module whose forward returns one tensor with a row "
            "for each point"
        )
    if output.dim() == 0 or output.size(0) != num_rows:
        raise ValueError(
            f"{module_name(module)} returns values of shape {list(output.shape)} for {num_rows} "
            f"rows; it must return one row for each, [{num_rows}, ...]"
        )
    return output


def call(module: Callable[..., Any], x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Returns what a module makes of points, :obj:`[N, *out]`.

    Args:
        module (callable): The module.
        x (torch.Tensor): The points, :obj:`[N, *in]`.
        *args: Further arguments of the module.
        **kwargs: The same.

    Raises:
        ValueError: If it returns no tensor with a row for each point, or the points have another
            type than its parameters, or are on another device, and that is why it fails.
    """
    try:
        output = module(x, *args, **kwargs)
    except RuntimeError as error:
        parameters = module.parameters() if isinstance(module, nn.Module) else iter(())
        parameter = next((each for each in parameters if each.is_floating_point()), None)
        if parameter is None:
            raise
        mine, theirs = (x.device, x.dtype), (parameter.device, parameter.dtype)
        if mine == theirs or (mine[0] == theirs[0] and torch.is_autocast_enabled(x.device.type)):
            raise
        raise ValueError(
            f"{module_name(module)} has parameters of {theirs[1]} on {theirs[0]}, but was given "
            f"values of {mine[1]} on {mine[0]}; bring them to the model with x.to(parameter), or "
            f"the model to them ({error})"
        ) from error
    # Not len(x), which a tracer takes for a constant.
    return as_rows(module, output, x.size(0))


def as_floats(x: Any, module: nn.Module, name: str = "x") -> Tensor:
    """Returns points as floating-point numbers, integers and booleans in a module's type.

    Args:
        x (torch.Tensor): The points, of any real type.
        module (torch.nn.Module): The module that they are for.
        name (str, optional): What errors call them. (default: :obj:`"x"`)

    Raises:
        TypeError: If they are no tensor, or complex.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(x).__name__}; use torch.as_tensor")
    if x.is_complex():
        raise TypeError(f"{name} must be real, got {x.dtype}; use torch.view_as_real")
    if x.is_floating_point():
        return x
    floats = (each.dtype for each in module.parameters() if each.is_floating_point())
    return x.to(next(floats, torch.get_default_dtype()))
