r"""The choice that `backend="auto"` makes.

A k-d tree visits a share of the points that grows exponentially with the dimension; the blocked
search costs about the same for every pair. Processor time of one core in microseconds for each of
:math:`N` Gaussian points of :math:`D` coordinates, ten neighbors (AMD Zen 5,
shared with other work; `benchmarks/knn_speed.py` measures both again):

============ ======= ======= ======= ======= ======= ======= ======= =======
N            3 000   10 000  20 000  50 000  10 000  20 000  100 000 20 000
D            3       4       6       3       8       8       8       12
============ ======= ======= ======= ======= ======= ======= ======= =======
k-d tree     3.3     3.7     12      2.8     20      27      55      116
blocked      11      15      23              12      16      45      18
============ ======= ======= ======= ======= ======= ======= ======= =======

The formulas below fit these. On an accelerator only the blocked search runs where the points live.
"""

import math

from torch import Tensor

from nrae_geometric.neighbors.backends import Backend, ScipyBackend, TorchBackend

# Microseconds for each point: exp(a D) (N / 20 000)^(b D) in the tree, c + (d + e D) N in blocks.
_TREE_GROWTH, _TREE_POWER, _TREE_POINTS = 0.4, 0.05, 20_000
_PER_POINT, _PER_PAIR, _PER_PRODUCT = 6.0, 4.5e-4, 4.5e-6
# Below this many points either takes milliseconds, and the tree does not break ties by index.
_MIN_TREE_POINTS = 1000


def fastest_engine(x: Tensor) -> Backend:
    r"""The exact engine that is expected to search the points :math:`[N, D]` fastest."""
    num_points, dim = x.shape
    growth = _TREE_GROWTH + _TREE_POWER * math.log(num_points / _TREE_POINTS)
    tree = math.exp(min(growth * dim, 50))
    blocked = _PER_POINT + num_points * (_PER_PAIR + _PER_PRODUCT * dim)
    if (
        x.device.type == "cpu"
        and num_points >= _MIN_TREE_POINTS
        and tree < blocked
        and ScipyBackend.unavailable() is None
    ):
        return ScipyBackend()
    return TorchBackend()
