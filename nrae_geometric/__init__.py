r"""Neighborhood reconstructing autoencoders on PyTorch Geometric.

The parts follow the way that data takes, and each is used without those after it::

    points -> Data(x) -> KNNGraph -> NeighborhoodLoader -> batch -> model.loss(batch) -> Trainer
    datasets  neighbors, transforms  loader                         nn                   training

    datasets, neighbors, transforms, geodesics, loader, nn, metrics
        -> training, callbacks -> configs, visualization, experiments
        -> estimator -> tuning -> cli

:class:`~nrae_geometric.ManifoldAutoencoder` puts them together for arrays of points, and
:func:`~nrae_geometric.run_experiment` for a configuration file. All names are imported on first
use, so ``import nrae_geometric`` alone costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nrae_geometric.version import __version__

if TYPE_CHECKING:
    from nrae_geometric.configs import load_config
    from nrae_geometric.datasets import SinCurve, SwissRoll, read_points
    from nrae_geometric.estimator import ManifoldAutoencoder
    from nrae_geometric.experiments import run_experiment
    from nrae_geometric.loader import NeighborhoodLoader
    from nrae_geometric.neighbors import knn, knn_graph
    from nrae_geometric.nn import AE, NRAE, mlp, taylor_expand
    from nrae_geometric.training import Trainer
    from nrae_geometric.transforms import KNNGraph
    from nrae_geometric.tuning import tune

_HOMES = {
    "AE": "nn",
    "KNNGraph": "transforms",
    "ManifoldAutoencoder": "estimator",
    "NRAE": "nn",
    "NeighborhoodLoader": "loader",
    "SinCurve": "datasets",
    "SwissRoll": "datasets",
    "Trainer": "training",
    "knn": "neighbors",
    "knn_graph": "neighbors",
    "load_config": "configs",
    "mlp": "nn",
    "read_points": "datasets",
    "run_experiment": "experiments",
    "taylor_expand": "nn",
    "tune": "tuning",
}
_PACKAGES = (*_HOMES.values(), "callbacks", "geodesics", "metrics", "registry", "visualization")

__all__ = [
    "AE",
    "NRAE",
    "KNNGraph",
    "ManifoldAutoencoder",
    "NeighborhoodLoader",
    "SinCurve",
    "SwissRoll",
    "Trainer",
    "__version__",
    "knn",
    "knn_graph",
    "load_config",
    "mlp",
    "read_points",
    "run_experiment",
    "taylor_expand",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({"__version__", *_HOMES, *_PACKAGES})
