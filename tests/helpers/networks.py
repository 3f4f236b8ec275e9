"""Networks for tests of several files."""

from collections.abc import Callable

from torch import Tensor, nn
from torch_geometric.nn import SAGEConv


class Calls(nn.Module):
    """A forward of its own, that calls modules or functions in any way."""

    def __init__(self, function: Callable[..., Tensor], *modules: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(modules)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.layers)


def attention(**options: bool) -> nn.Module:
    return Calls(
        lambda x, layer: layer(x, x, x, **options)[0], nn.MultiheadAttention(8, 2, batch_first=True)
    )


def transformer(**options: object) -> nn.Module:
    settings = {"dropout": 0.0, "batch_first": True, "activation": "gelu", **options}
    return nn.TransformerEncoderLayer(8, 2, 16, **settings)


def recurrent(kind: type[nn.RNNBase], **options: object) -> nn.Module:
    return Calls(lambda x, layer: layer(x)[0], kind(8, 5, batch_first=True, **options))


class GraphEncoder(nn.Module):
    """An encoder that sees the neighbors of a point."""

    def __init__(self, num_features: int = 2, num_components: int = 1) -> None:
        super().__init__()
        self.conv = SAGEConv(num_features, num_components)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Returns the latents of the points."""
        return self.conv(x, edge_index)
