"""Experiments as configuration files, in the published code's format."""

from nrae_geometric.configs.errors import ConfigError
from nrae_geometric.configs.experiment import ExperimentConfig
from nrae_geometric.configs.files import experiment_names, load_config

__all__ = ["ConfigError", "ExperimentConfig", "experiment_names", "load_config"]
