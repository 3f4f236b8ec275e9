r"""The search among points of any magnitude, in a unit that suits float64.

Squares of float64 numbers overflow from 1e154 on and vanish below 1e-162. Points beyond are
searched in another unit, a power of two, which rounds nothing but what is smaller than all
distances that a backend can tell from zero; and where neighbors are as near as that, the query
point is compared with all points again.
"""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nrae_geometric.neighbors.ranking import LEAST_DISTANCE, correct_near_rows

if TYPE_CHECKING:
    from nrae_geometric.neighbors.backends import Backend

_SMALLEST, _LARGEST = 2.0**-400, 2.0**480


def search_any_magnitude(
    backend: "Backend", x: Tensor, k: int, query: Tensor | None
) -> tuple[Tensor, Tensor]:
    r"""Returns what :meth:`Backend.search` does, for finite points of any magnitude.

    A distance beyond the largest number of the type is infinite, as the neighbor is still the
    right one.
    """
    # Squares of float32 numbers are in the range of float64.
    if x.dtype == torch.float32:
        return backend.search(x, k, query)
    sets = [x] if query is None else [x, query]
    largest = max(abs(float(extreme)) for points in sets for extreme in points.aminmax())
    if largest == 0 or _SMALLEST <= largest <= _LARGEST:
        return backend.search(x, k, query)
    exponent = math.frexp(largest)[1]
    scaled = None if query is None else _times_power_of_two(query, -exponent)
    distance, index = backend.search(_times_power_of_two(x, -exponent), k, scaled)
    distance = _times_power_of_two(distance, exponent)
    if exponent > 0:
        correct_near_rows(x, query, distance, index, math.ldexp(LEAST_DISTANCE, exponent))
    return distance, index


def _times_power_of_two(values: Tensor, exponent: int) -> Tensor:
    r"""Multiplies in two steps, as the power of the whole exponent may be out of range."""
    half = exponent // 2
    return values * math.ldexp(1.0, half) * math.ldexp(1.0, exponent - half)
