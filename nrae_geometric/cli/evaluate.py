"""``nrae evaluate``: a finished experiment, measured in every way."""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from nrae_geometric.cli.parsing import CommandParser, Commands, Results, add_device, set_command
from nrae_geometric.cli.process import no_gc_imports
from nrae_geometric.cli.settings import refuse_settings


def add_evaluate(commands: Commands) -> CommandParser:
    """Adds ``nrae evaluate`` to the commands."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a finished experiment in every way",
        description="Measure a finished experiment in every way: against the known manifold, and "
        "without it. Prints the measures and adds them to metrics.json.",
        example="nrae evaluate results/NRAEL_toy_denoising",
        takes_settings=True,
    )
    parser.add_argument(
        "directory",
        metavar="RESULTS_DIR",
        help="the experiment's folder, such as results/NRAEL_toy_denoising",
    )
    add_device(parser)
    return set_command(parser, _evaluate, _show)


def _evaluate(arguments: argparse.Namespace) -> Results:
    refuse_settings("evaluate", arguments.settings)
    # Imported here to show help without waiting for torch.
    with no_gc_imports():
        from nrae_geometric.experiments import evaluate_experiment

    measures = evaluate_experiment(arguments.directory, device=arguments.device)
    return {"measures": measures, "metrics": f"{arguments.directory}/metrics.json"}


def _show(results: Results) -> None:
    print_measures(results["measures"])
    print(f"added to {results['metrics']}")


def print_measures(measures: Mapping[str, Any]) -> None:
    """Prints nested numbers in two columns, a group's members below its name.

    Args:
        measures (Mapping[str, Any]): Numbers, ``None`` for one that is not finite, and mappings
            of them.
    """
    rows = list(_rows(measures))
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        print(f"{name:{width}}  {value}".rstrip())


def _rows(measures: Mapping[str, Any], indent: str = "") -> Iterator[tuple[str, str]]:
    for name, value in measures.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}", ""
            yield from _rows(value, f"{indent}  ")
        else:
            yield f"{indent}{name}", _text(value)


def _text(value: int | float | None) -> str:
    if value is None:
        return "not finite"
    return str(value) if isinstance(value, int) else f"{value:.4g}"
