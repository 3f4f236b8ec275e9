r"""Layer and instance normalization whose higher derivatives are right.

PyTorch's fused kernels treat the saved mean and deviation as constants from the second nested
differentiation on, so that second derivatives in forward mode, and what is differentiated further
from there, come out wrong without any error. Those of group normalization, which can express both,
are right.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class ExactNormalization(TorchFunctionMode):
    """A context in which layer and instance normalization are computed by group normalization."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return _BY_GROUP_NORM.get(func, func)(*args, **(kwargs or {}))


def _layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_: Any,
) -> Tensor:
    rows = input.reshape(-1, 1, math.prod(normalized_shape))
    output = F.group_norm(rows, 1, eps=eps).reshape(input.shape)
    output = output if weight is None else output * weight
    return output if bias is None else output + bias


def _instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    if not use_input_stats:
        return F.instance_norm(
            input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
        )
    return F.group_norm(input, input.size(1), weight, bias, eps)


_BY_GROUP_NORM: dict[Callable[..., Any], Callable[..., Any]] = {
    F.layer_norm: _layer_norm,
    torch.layer_norm: _layer_norm,
    F.instance_norm: _instance_norm,
}
