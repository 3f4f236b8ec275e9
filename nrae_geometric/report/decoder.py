"""A decoder for the browser: the matrices of a dense network, or a grid of decoded points.

The page computes a dense network itself, in single precision. A decoder of another kind is decoded
here at the nodes of a grid over the latents, between which the page interpolates.
"""

import math
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nrae_geometric.nn import AE
from nrae_geometric.nn.evaluation import evaluating, to_model
from nrae_geometric.report.blocks import Blocks

_MOST_WEIGHTS = 1_250_000
_MOST_GRID_VALUES = 1_200_000
_FEWEST_NODES, _MOST_NODES = 4, 256
_MARGIN = 0.05
_AGREES = 1e-4

_ACTIVATIONS: dict[type[nn.Module], Callable[[Any], dict[str, Any] | None]] = {
    nn.ReLU: lambda _: {"kind": "relu"},
    nn.LeakyReLU: lambda layer: {"kind": "leakyrelu", "slope": layer.negative_slope},
    nn.ELU: lambda layer: {"kind": "elu", "alpha": layer.alpha},
    nn.SELU: lambda _: {"kind": "selu"},
    nn.GELU: lambda layer: {"kind": "gelu_tanh" if layer.approximate == "tanh" else "gelu"},
    nn.SiLU: lambda _: {"kind": "silu"},
    nn.Sigmoid: lambda _: {"kind": "sigmoid"},
    nn.Tanh: lambda _: {"kind": "tanh"},
    nn.Softplus: lambda layer: (
        {"kind": "softplus"} if layer.beta == 1 and layer.threshold >= 20 else None
    ),
    nn.Softsign: lambda _: {"kind": "softsign"},
    nn.Hardtanh: lambda layer: {"kind": "hardtanh", "low": layer.min_val, "high": layer.max_val},
    nn.Softmax: lambda layer: {"kind": "softmax"} if layer.dim in (-1, 1) else None,
}
_NOTHING = (nn.Identity, nn.Dropout, nn.Flatten, nn.Unflatten)


def export_decoder(model: AE, z: np.ndarray, blocks: Blocks) -> dict[str, Any]:
    """Adds what a page needs to decode latents, and returns its description.

    Args:
        model (AE): The trained model.
        z (numpy.ndarray): The latents ``[N, d]`` of the points, whose range a grid covers.
        blocks (Blocks): Where matrices or the grid are added.

    Returns:
        dict: ``kind`` is ``"dense"``, ``"grid"`` or ``"none"``, where the latent space has too many
        dimensions for a grid.
    """
    with evaluating(model):
        layers = _dense_layers(model, z)
        if layers is not None:
            return {"kind": "dense", "layers": list(_described(layers, blocks))}
        return _grid(model, z, blocks)


def _dense_layers(model: AE, z: np.ndarray) -> list[nn.Module] | None:
    """The layers in turn, if the browser can compute them and they are all that the model does."""
    flat = _flattened(model.decoder)
    if flat is None or not isinstance(flat[0], nn.Linear):
        return None
    if sum(each.weight.numel() for each in flat if isinstance(each, nn.Linear)) > _MOST_WEIGHTS:
        return None
    some = to_model(model, torch.tensor(z[:64], dtype=torch.float32))
    expected, found = model.decode(some).flatten(1), some
    for layer in flat:
        found = layer(found)
    return flat if torch.allclose(found, expected, rtol=_AGREES, atol=_AGREES) else None


def _flattened(module: nn.Module) -> list[nn.Module] | None:
    if type(module) is nn.Sequential:
        parts = [_flattened(each) for each in module]
        return None if any(part is None for part in parts) else list(chain(*filter(None, parts)))
    if module._forward_hooks or module._forward_pre_hooks:
        return None
    if type(module) in _NOTHING:
        return []
    known = _ACTIVATIONS.get(type(module))
    is_known = type(module) is nn.Linear or (known is not None and known(module) is not None)
    return [module] if is_known else None


def _described(layers: list[nn.Module], blocks: Blocks) -> Iterator[dict[str, Any]]:
    for number, layer in enumerate(layers):
        if isinstance(layer, nn.Linear):
            names = {"weight": f"weight{number}", "bias": f"bias{number}"}
            blocks.add(names["weight"], _array(layer.weight))
            bias = (
                layer.bias if layer.bias is not None else layer.weight.new_zeros(len(layer.weight))
            )
            blocks.add(names["bias"], _array(bias))
            yield {"kind": "linear", **names}
        else:
            description = _ACTIVATIONS[type(layer)](layer)
            assert description is not None
            yield description


def _array(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().numpy()


def _grid(model: AE, z: np.ndarray, blocks: Blocks) -> dict[str, Any]:
    dim = z.shape[1]
    first = to_model(model, torch.tensor(z[:1], dtype=torch.float32))
    size = model.decode(first).numel()
    nodes = min(_MOST_NODES, math.floor((_MOST_GRID_VALUES / size) ** (1 / dim) + 1e-9))
    if nodes < _FEWEST_NODES:
        return {"kind": "none"}
    low, high = z.min(axis=0), z.max(axis=0)
    margin = np.maximum(_MARGIN * (high - low), 1e-6)
    axes = [np.linspace(a, b, nodes) for a, b in zip(low - margin, high + margin, strict=True)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dim)
    decoded = [
        model.decode(to_model(model, block)).flatten(1).float().cpu()
        for block in torch.tensor(places, dtype=torch.float32).split(1024)
    ]
    values = torch.cat(decoded).numpy()
    least, most = float(values.min()), float(values.max())
    unit = (most - least) / 65535 or 1.0
    blocks.add("grid", np.round((values - least) / unit).astype(np.uint16))
    return {
        "kind": "grid",
        "nodes": nodes,
        "low": [float(axis[0]) for axis in axes],
        "high": [float(axis[-1]) for axis in axes],
        "least": least,
        "unit": unit,
    }
