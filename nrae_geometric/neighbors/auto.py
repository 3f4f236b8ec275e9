r"""The choice that `backend="auto"` makes.

A k-d tree visits a share of the points that grows exponentially with the dimension; the tiles of
the blocked search cost the same for every pair. Processor time of one core in microseconds for
each of :math:`N` Gaussian points of :math:`D` coordinates, ten neighbours (AMD Zen 5;
`benchmarks/knn_speed.py` measures both again):

============ ======= ======= ======= ======== ========
N            3 000   200 000 20 000  20 000   20 000
D            3       3       8       12       20
============ ======= ======= ======= ======== ========
k-d tree     2.8     2.6     31      116      290
blocked      18               45      37       40
============ ======= ======= ======= ======== ========

The formulas below fit these. On an accelerator only the blocked search runs where the points live.
"""

import math

from torch import Tensor

from nrae_geometric.neighbors.engines import Engine, ScipyEngine, TorchEngine

# Microseconds for each point: exp(0.4 D) in the tree, a + (b + c D) N in tiles.
_TREE_GROWTH = 0.4
_PER_POINT, _PER_PAIR, _PER_PRODUCT = 15.0, 1.5e-3, 2.5e-6
# Below this many points either takes milliseconds, and only tiles break ties by index.
_MIN_TREE_POINTS = 1000


def fastest_engine(x: Tensor) -> Engine:
    r"""The exact engine that is expected to search the points :math:`[N, D]` fastest."""
    num_points, dim = x.shape
    tree = math.exp(min(_TREE_GROWTH * dim, 50))
    blocked = _PER_POINT + num_points * (_PER_PAIR + _PER_PRODUCT * dim)
    if (
        x.device.type == "cpu"
        and num_points >= _MIN_TREE_POINTS
        and tree < blocked
        and ScipyEngine.unavailable() is None
    ):
        return ScipyEngine()
    return TorchEngine()
