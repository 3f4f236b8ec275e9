"""``nrae evaluate``: all metrics of a finished experiment."""

import argparse
from typing import Any

from nrae_geometric.cli.metrics_table import print_metrics
from nrae_geometric.cli.options import add_device
from nrae_geometric.cli.process import uncollected
from nrae_geometric.cli.settings import refuse_settings


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a finished experiment in every way",
        description="Measure a finished experiment in every way: against the known manifold, and "
        "without it. Prints the metrics and adds them to metrics.json.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "directory",
        metavar="RESULTS_DIR",
        help="the experiment's folder, such as results/NRAEL_toy_denoising",
    )
    add_device(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    refuse_settings("evaluate", settings)
    # Imported here to show help without waiting for torch.
    with uncollected():
        from nrae_geometric.experiments.evaluate import evaluate_experiment

    print_metrics(evaluate_experiment(arguments.directory, device=arguments.device))
    print(f"added to {arguments.directory}/metrics.json")
