"""Experiments from their configuration to their results."""

from nrae_geometric.experiments.evaluate import evaluate_experiment
from nrae_geometric.experiments.run import ExperimentResult, run_experiment

__all__ = ["ExperimentResult", "evaluate_experiment", "run_experiment"]
