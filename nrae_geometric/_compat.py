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


def takes_edge_index(encoder: Callable[..., Any]) -> bool:
    """Returns whether a module or function has an argument :obj:`edge_index`."""
    if isinstance(encoder, Sequential):  # PyG's hides its arguments behind *args
        signature = getattr(encoder, "signature", None)
        return "edge_index" in getattr(signature, "param_dict", ["edge_index"])
    forward = getattr(encoder, "forward", encoder)
    return "edge_index" in inspect.signature(forward).parameters
