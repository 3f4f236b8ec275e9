r"""The choice that `backend="auto"` makes.

A k-d tree visits a share of the points that grows exponentially with the dimension; the tiles of
the blocked search cost the same for every pair. Both were timed on one core with Gaussian points
and ten neighbours (`benchmarks/knn_speed.py` repeats it), in microseconds for each point:

============== ====== ====== ====== ======
dimension      3      8      12     20
============== ====== ====== ====== ======
tree           2.5    31     115    290
blocked        0.002 for each other point, and 2.5e-6 for each of its coordinates
============== ====== ====== ====== ======

On an accelerator only the blocked search runs where the points live.
"""

import math

from torch import Tensor

from nrae_geometric.neighbors.engines import Engine, ScipyEngine, TorchEngine

# exp(0.4 D) microseconds fits the table's first three columns; beyond, the tree never wins.
_TREE_GROWTH = 0.4
_PER_POINT, _PER_COORDINATE = 2e-3, 2.5e-6


def fastest_engine(x: Tensor) -> Engine:
    r"""The exact engine that is expected to search the points :math:`[N, D]` fastest."""
    num_points, dim = x.shape
    tree = math.exp(min(_TREE_GROWTH * dim, 50))
    blocked = num_points * (_PER_POINT + _PER_COORDINATE * dim)
    if x.device.type == "cpu" and tree < blocked and ScipyEngine.unavailable() is None:
        return ScipyEngine()
    return TorchEngine()
