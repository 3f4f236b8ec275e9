r"""Neighborhood reconstructing autoencoders on PyTorch Geometric.

The sub-packages follow the way the data takes::

    datasets -> neighbors, transforms -> embedding -> loader -> nn -> metrics, visualization
    -> training -> estimator, tuning

They are imported on first use, so ``import nrae_geometric`` alone costs next to nothing.
"""

from importlib import import_module
from types import ModuleType

from nrae_geometric.version import __version__

_SUBMODULES = (
    "callbacks",
    "configs",
    "datasets",
    "estimator",
    "experiments",
    "geodesics",
    "loader",
    "metrics",
    "neighbors",
    "nn",
    "training",
    "transforms",
    "tuning",
    "visualization",
)

__all__ = ["__version__", *_SUBMODULES]


def __getattr__(name: str) -> ModuleType:
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
