r"""A choice of k, lambda and order for points whose manifold is not known.

:func:`tune` learns from a part of the points with many settings, scores each by the reconstruction
error of the points left out, and returns the best::

    result = tune(points)
    manifold = result.best_estimator.fit(points)
"""

from nrae_geometric.tuning.estimators import steady_estimator
from nrae_geometric.tuning.result import TuningResult
from nrae_geometric.tuning.search import tune

__all__ = ["TuningResult", "steady_estimator", "tune"]
