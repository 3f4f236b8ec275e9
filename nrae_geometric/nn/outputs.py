"""What encoders and decoders return: one tensor with a row for each point."""

from collections.abc import Callable
from typing import Any

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
