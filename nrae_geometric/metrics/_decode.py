"""Decoding many latents in bounded memory."""

from collections.abc import Callable

import torch
from torch import Tensor

from nrae_geometric.metrics._checks import as_points

ROWS_PER_BLOCK = 4096


def decode(decoder: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """Points ``[M, D]`` of latents ``[M, d]``, with the feature shape flattened."""
    blocks = [decoder(block).flatten(1) for block in z.split(ROWS_PER_BLOCK)]
    return as_points(torch.cat(blocks), "decoder(z)")
