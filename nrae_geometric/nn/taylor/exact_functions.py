r"""Functions of PyTorch in forms that can be differentiated three times.

Some fused kernels have no second derivative. Others have one that is wrong without any error: from
the second nested differentiation on, those of layer and instance normalization treat the saved
mean and deviation as constants, and those of weight normalization and polar coordinates drop terms
as well. Within :class:`ExactFunctions` each of them is computed by functions that have all
derivatives. Nothing is switched off for the process: other threads go on with the fused kernels.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from nrae_geometric._compat import has_saved_tensors_hooks, recurrent_decomposition


class ExactFunctions(TorchFunctionMode):
    """A context in which functions without exact higher derivatives are replaced by others."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        # The same operation is a function, a method, and an overload in exported programs.
        name = getattr(func, "__name__", "").partition(".")[0]
        if "batch_norm" in name and _uses_batch_statistics(name, args, kwargs):
            raise batch_statistics_error(name)
        substitute = _OF_NN.get(func) or _BY_NAME.get(name, func)
        if not has_saved_tensors_hooks():
            return substitute(*args, **kwargs)
        # A checkpoint would recompute without the substitutes, in the last of many derivatives.
        with saved_tensors_hooks(Tensor.detach, _identity):
            return substitute(*args, **kwargs)


def _identity(saved: Tensor) -> Tensor:
    return saved


def _uses_batch_statistics(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Whether a batch normalization is called in training, whichever of its many names it has."""
    flags = (value for value in args if isinstance(value, bool))
    return bool(kwargs.get("training", next(flags, "update" in name and "no_update" not in name)))


def batch_statistics_error(name: str) -> ValueError:
    """Returns the error of a normalization that has no expansion at a single point."""
    return ValueError(
        f"{name} with the statistics of a batch makes each row depend on all others and has no "
        "Taylor expansion of its own; call .eval() on it (with running statistics) before "
        "training: Trainer.fit keeps parts of a model in evaluation mode where the model itself "
        "is in training mode. Or use LayerNorm or GroupNorm"
    )


def _layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_: Any,
    **__: Any,
) -> Tensor:
    rows = input.reshape(-1, 1, math.prod(normalized_shape))
    output = F.group_norm(rows, 1, eps=eps).reshape(input.shape)
    output = output if weight is None else output * weight
    return output if bias is None else output + bias


def _native_layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    dims = tuple(range(-len(normalized_shape), 0))
    mean = input.mean(dims, keepdim=True)
    deviation = torch.rsqrt(input.var(dims, correction=0, keepdim=True) + eps)
    return _layer_norm(input, normalized_shape, weight, bias, eps), mean, deviation


def _rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
    *_: Any,
    **__: Any,
) -> Tensor:
    x = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    dims = tuple(range(-len(normalized_shape), 0))
    output = x * torch.rsqrt(x.square().mean(dims, keepdim=True) + eps)
    output = output if weight is None else output * weight
    return output.to(input.dtype)


def _fused_rms_norm(*args: Any, **kwargs: Any) -> tuple[Tensor, None]:
    return _rms_norm(*args, **kwargs), None


def _nn_instance_norm(
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
        return F.instance_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if running_mean is not None:  # keeps counting
        with torch.no_grad():
            F.instance_norm(input.detach(), running_mean, running_var, momentum=momentum)
    return F.group_norm(input, input.size(1), weight, bias, eps)


def _instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    *_: Any,
    **__: Any,
) -> Tensor:
    return _nn_instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    return torch.ops.aten._scaled_dot_product_attention_math(
        query, key, value, attn_mask, dropout_p, is_causal, None, scale=scale, enable_gqa=enable_gqa
    )[0]


def _multi_head_attention(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
    """The variant that returns the weights computes them by plain products."""
    returns_weights = kwargs.get("need_weights", True)
    attended, weights = F.multi_head_attention_forward(*args, **{**kwargs, "need_weights": True})
    return attended, weights if returns_weights else None


def _recurrent(operation: Callable[..., Any]) -> Callable[..., Any]:
    """A recurrent network step by step, without cuDNN and oneDNN."""

    def unrolled(*args: Any) -> Any:
        packed = isinstance(args[3], list | tuple)  # the parameters, behind the sizes of batches
        stepwise = recurrent_decomposition(operation.__name__, packed)
        return (stepwise or operation)(*args)

    return unrolled


def _hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    return F.relu6(input + 3) / 6


def _cdist(x1: Tensor, x2: Tensor, p: float = 2.0, *_: Any, **__: Any) -> Tensor:
    return torch.linalg.vector_norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, dim=-1)


def _polar(abs: Tensor, angle: Tensor) -> Tensor:
    return torch.complex(abs * angle.cos(), abs * angle.sin())


def _weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    return v * (g / torch.norm_except_dim(v, 2, dim))


def _weight_norm_interface(v: Tensor, g: Tensor, dim: int = 0) -> tuple[Tensor, Tensor]:
    return _weight_norm(v, g, dim), torch.norm_except_dim(v, 2, dim)


_OF_NN: dict[Callable[..., Any], Callable[..., Any]] = {
    F.instance_norm: _nn_instance_norm,
}
"""Functions of torch.nn whose arguments are in another order than those of the operation."""

_BY_NAME: dict[str, Callable[..., Any]] = {
    "layer_norm": _layer_norm,
    "native_layer_norm": _native_layer_norm,
    "rms_norm": _rms_norm,
    "_fused_rms_norm": _fused_rms_norm,
    "instance_norm": _instance_norm,
    "scaled_dot_product_attention": _attention,
    "multi_head_attention_forward": _multi_head_attention,
    "hardsigmoid": _hardsigmoid,
    "cdist": _cdist,
    "polar": _polar,
    "_weight_norm": _weight_norm,
    "_weight_norm_interface": _weight_norm_interface,
    **{
        operation.__name__: _recurrent(operation)
        for operation in (torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu)
    },
}
"""Operations by the name that they have everywhere else."""
