r"""Training: the loop, its checkpoints, and experiments from configuration files.

:class:`Trainer` fits any module with a ``loss(batch)`` to any loader. :func:`run_experiment`
goes from a configuration file to a trained, measured and pictured model.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nrae_geometric.training.config import (
        ExperimentConfig,
        experiment_names,
        load_experiment,
    )
    from nrae_geometric.training.evaluate import evaluate_experiment
    from nrae_geometric.training.experiment import ExperimentResult, run_experiment
    from nrae_geometric.training.faults import ConfigError
    from nrae_geometric.training.geodesic_start import warm_start
    from nrae_geometric.training.metric_recorder import MetricRecorder
    from nrae_geometric.training.trainer import Callback, Trainer

# Imported on first use: reading a configuration needs no torch.
_HOMES = {
    "Callback": "trainer",
    "ConfigError": "faults",
    "ExperimentConfig": "config",
    "ExperimentResult": "experiment",
    "MetricRecorder": "metric_recorder",
    "Trainer": "trainer",
    "evaluate_experiment": "evaluate",
    "experiment_names": "config",
    "load_experiment": "config",
    "run_experiment": "experiment",
    "warm_start": "geodesic_start",
}

__all__ = [
    "Callback",
    "ConfigError",
    "ExperimentConfig",
    "ExperimentResult",
    "MetricRecorder",
    "Trainer",
    "evaluate_experiment",
    "experiment_names",
    "load_experiment",
    "run_experiment",
    "warm_start",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
