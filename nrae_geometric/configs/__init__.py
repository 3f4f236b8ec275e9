"""Experiments as configuration files, in the published code's format."""

from nrae_geometric.configs.errors import ConfigError
from nrae_geometric.configs.reader import ExperimentConfig, experiment_names, load_experiment

__all__ = ["ConfigError", "ExperimentConfig", "experiment_names", "load_experiment"]
