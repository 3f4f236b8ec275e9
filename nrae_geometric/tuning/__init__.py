r"""A choice of settings for points whose manifold is not known.

:func:`tune` learns from a part of the points with many settings, scores each by the reconstruction
error of the points left out, and returns the best::

    result = tune(points)
    manifold = result.best_estimator.fit(points)
"""

from nrae_geometric.tuning.result import TuningResult, plot_tuning
from nrae_geometric.tuning.search import tune

__all__ = ["TuningResult", "plot_tuning", "tune"]
