"""Loops in a small set of distances."""

from itertools import combinations
from typing import NamedTuple

import numpy as np


class Cycle(NamedTuple):
    """A loop of the Vietoris-Rips complex: the scales at which it closes and is filled."""

    birth: float
    death: float


def most_persistent_cycle(distance: np.ndarray) -> Cycle | None:
    r"""Finds the loop of a metric space that outlives the others.

    The Vietoris-Rips complex of scale :math:`s` has the edges no longer than :math:`s` and the
    triangles of three such edges. A loop is born with the edge that closes it, and dies with the
    triangle that fills it; points on a circle of length :math:`\ell` have one that dies at
    :math:`\ell / 3`, points on a line, a tree or a disc none that lives long.

    Cost is cubic in the number of points, and more; it is meant for some fifty.

    Source: Edelsbrunner and Harer, "Computational Topology", 2010, chapter VII; Adamaszek and
    Adams, "The Vietoris-Rips Complexes of a Circle", Pacific Journal of Mathematics 2017.

    Args:
        distance: Symmetric distances ``[M, M]``.

    Returns:
        The cycle with the largest ``death - birth``, or ``None`` if all are filled when they close.
    """
    pairs = list(combinations(range(len(distance)), 2))
    length = np.array([distance[i, j] for i, j in pairs])
    order = length.argsort(kind="stable")
    length = length[order]
    rank = np.zeros((len(distance), len(distance)), dtype=np.int64)
    for position, edge in enumerate(order):
        rank[pairs[edge]] = rank[pairs[edge][::-1]] = position
    # A triangle is the sum of its edges over the integers modulo 2: the set bits of one integer.
    sides = np.array(
        [
            sorted((rank[i, j], rank[i, k], rank[j, k]))
            for i, j, k in combinations(range(len(distance)), 3)
        ]
    ).reshape(-1, 3)
    reduced: dict[int, int] = {}
    longest: Cycle | None = None
    for a, b, c in sides[sides[:, 2].argsort(kind="stable")].tolist():
        chain = 1 << a | 1 << b | 1 << c
        while chain:
            youngest = chain.bit_length() - 1
            if youngest not in reduced:
                reduced[youngest] = chain
                cycle = Cycle(float(length[youngest]), float(length[c]))
                lived = cycle.death - cycle.birth
                if lived > (longest.death - longest.birth if longest else 0.0):
                    longest = cycle
                break
            chain ^= reduced[youngest]
    return longest
