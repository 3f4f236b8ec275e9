"""Which modules draw random numbers."""

from torch import nn
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.lazy import LazyModuleMixin

from nrae_geometric._compat import has_forward_hooks

_DRAWING = (
    LazyModuleMixin,  # draws its parameters when it is first called
    _DropoutNd,
    nn.FractionalMaxPool2d,
    nn.FractionalMaxPool3d,
    nn.MultiheadAttention,
    nn.RNNBase,
    nn.RReLU,
    nn.Transformer,
    nn.TransformerDecoderLayer,
    nn.TransformerEncoderLayer,
)


def may_draw(module: nn.Module) -> bool:
    """Returns whether calling a module may draw from PyTorch's global generator, as dropout does.

    Of modules that are not PyTorch's own nothing is known, so they may.

    Args:
        module (torch.nn.Module): The module.
    """
    return any(
        not type(part).__module__.startswith("torch.nn.modules.")
        or isinstance(part, _DRAWING)
        or "forward" in vars(part)
        or has_forward_hooks(part)
        for part in module.modules()
    )
