"""Experiments as configuration files, in the published code's format."""

from nrae_geometric.configs.errors import ConfigError
from nrae_geometric.configs.files import experiment_names, load_config
from nrae_geometric.configs.schema import ExperimentConfig

__all__ = ["ConfigError", "ExperimentConfig", "experiment_names", "load_config"]
