"""Private names of PyTorch and PyTorch Geometric, each with its plain path where it is missing.

Nothing here decides whether a result is right: where a version of these packages no longer has a
name, the answer is the one that leads to the slower way, which needs no such knowledge.
"""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.autograd import forward_ad
from torch.nn.modules import module as global_hooks
from torch_geometric.nn import Sequential

_UNKNOWN = ("unknown",)
"""Stands for hooks that cannot be looked up, and counts as some."""


def is_transformed() -> bool:
    """Returns whether forward mode or a transform of :mod:`torch.func` may be at work."""
    transforms = getattr(torch._C, "_are_functorch_transforms_active", None)
    level = getattr(forward_ad, "_current_level", None)
    return transforms is None or level is None or transforms() or level >= 0


def has_forward_hooks(module: nn.Module) -> bool:
    """Returns whether a hook, the module's own or one of all modules, may take part in a call."""
    return bool(
        getattr(module, "_forward_hooks", _UNKNOWN)
        or getattr(module, "_forward_pre_hooks", _UNKNOWN)
        or getattr(global_hooks, "_global_forward_hooks", _UNKNOWN)
        or getattr(global_hooks, "_global_forward_pre_hooks", _UNKNOWN)
    )


def has_backward_hooks(module: nn.Module) -> bool:
    """Returns whether a hook, the module's own or one of all modules, may change a gradient."""
    return bool(
        getattr(module, "_backward_hooks", None)
        or getattr(module, "_backward_pre_hooks", None)
        or getattr(global_hooks, "_global_backward_hooks", None)
        or getattr(global_hooks, "_global_backward_pre_hooks", None)
    )


def is_script_function(value: Any) -> bool:
    """Returns whether a value is a function of TorchScript."""
    return isinstance(value, torch.jit.ScriptFunction)


def inexact_script_functions(function: Any) -> list[str]:
    """Returns the functions in TorchScript whose higher derivatives are inexact.

    Args:
        function (Any): A scripted or traced module, method or function; others have none.
    """
    kinds = (
        torch.jit.ScriptModule,
        torch.jit.ScriptFunction,
        getattr(torch._C, "ScriptMethod", ()),
    )
    if not isinstance(function, kinds):
        return []
    graph = getattr(function, "graph", None)
    if graph is None:  # a part that has no forward of its own
        return []
    graph = graph.copy()
    torch._C._jit_pass_inline(graph)
    return [name for name in _INEXACT if graph.findAllNodes(f"aten::{name}", True)]


_INEXACT = ("layer_norm", "native_layer_norm", "instance_norm", "polar", "_weight_norm")


def original_module(module: nn.Module) -> nn.Module:
    """Returns what a module does without compilation, which differentiates only so often."""
    while type(module).__name__ == "OptimizedModule" and not has_forward_hooks(module):
        original = getattr(module, "_orig_mod", None)
        if not isinstance(original, nn.Module):
            break
        module = original
    return module


def has_saved_tensors_hooks() -> bool:
    """Returns whether something, such as a checkpoint, keeps what the backward pass needs."""
    if torch.compiler.is_compiling():
        return False
    top = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None)
    return top is not None and top(False) is not None


def recurrent_decomposition(name: str, packed: bool) -> Callable[..., Any] | None:
    """Returns a recurrent network of elementary operations; :obj:`None` where there is none."""
    try:
        from torch._decomp import decomposition_table
    except ImportError:
        return None
    overloads = getattr(torch.ops.aten, name)
    return decomposition_table.get(overloads.data if packed else overloads.input)


def parameter_names(function: Callable[..., Any]) -> dict[str, bool]:
    """Returns the names of the arguments of a module or function, and whether each is required.

    Wrappers that only hand on their arguments, such as compiled and parallel modules, have those
    of the module inside.
    """
    if isinstance(function, Sequential):  # PyG's hides its arguments behind *args
        names = getattr(getattr(function, "signature", None), "param_dict", ["edge_index"])
        return dict.fromkeys(names, True)
    forward = getattr(function, "forward", function)
    schema = getattr(forward, "schema", None)
    if schema is not None:  # of TorchScript
        return {each.name: not each.has_default_value() for each in schema.arguments}
    parameters = inspect.signature(forward).parameters.values()
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        for name in ("_orig_mod", "module"):
            inner = getattr(function, name, None)
            if isinstance(inner, nn.Module):
                return parameter_names(inner)
    return {each.name: each.default is each.empty for each in parameters}
