"""``nrae embed``: latent coordinates of points, however many."""

import argparse
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nrae_geometric.cli.inputs import add_points, naming_options, picked_columns
from nrae_geometric.cli.outputs import (
    STREAMED,
    add_points_output,
    check_places,
    points_output,
    with_progress,
    write_stream,
)
from nrae_geometric.cli.parsing import CommandParser, Commands, Results, add_device, set_command
from nrae_geometric.cli.process import flush_denormals, no_gc_imports

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nrae_geometric.estimator import ManifoldAutoencoder

_VALUES_PER_BLOCK, _MOST_ROWS_PER_BLOCK = 2**22, 2**16


def add_embed(commands: Commands) -> CommandParser:
    """Adds ``nrae embed`` to the commands."""
    parser = commands.add_parser(
        "embed",
        help="map points to latent coordinates",
        usage="nrae embed POINTS --model MODEL --out Z [option]...",
        description="Map points to the latent coordinates of a model that nrae fit wrote. "
        f"{STREAMED} Of a table, the columns are read that the model was fitted to.",
        example="nrae embed new.csv --model model.nrae --out z.csv",
    )
    add_points(parser, labels=False)
    add_model(parser)
    add_points_output(parser, "Z")
    add_device(parser)
    return set_command(parser, _embed, show_written)


def add_model(parser: CommandParser) -> None:
    """Adds ``--model``."""
    parser.add_argument(
        "--model", required=True, metavar="MODEL", help="a file that nrae fit wrote"
    )


def load_model(arguments: argparse.Namespace) -> "ManifoldAutoencoder":
    """Returns the estimator of the model that the arguments name."""
    from nrae_geometric.estimator import ManifoldAutoencoder

    return ManifoldAutoencoder.load(arguments.model, arguments.device)


def rows_per_block(num_values: int) -> int:
    """Returns the number of points of so many values that are in memory at a time."""
    return max(1, min(_VALUES_PER_BLOCK // num_values, _MOST_ROWS_PER_BLOCK))


def latent_names(estimator: "ManifoldAutoencoder") -> list[str]:
    """Returns the names of the latent coordinates in tables."""
    return [f"z{i + 1}" for i in range(estimator.n_components)]


def _embed(arguments: argparse.Namespace) -> Results:
    # Imported here to show help without waiting for torch.
    with no_gc_imports():
        from nrae_geometric.datasets import column_names, read_blocks

    flush_denormals()
    out = points_output(arguments)
    columns = picked_columns(arguments)
    estimator = load_model(arguments)
    known = getattr(estimator, "feature_names_in_", None)
    if columns is None and known is not None and column_names(arguments.points) is not None:
        columns = [str(name) for name in known]
    if out is not None:
        check_places(out)
    num_rows = rows_per_block(estimator.n_features_in_)
    blocks = read_blocks(arguments.points, num_rows, columns=columns)
    names = latent_names(estimator)
    latents = _latents(estimator, with_progress(blocks))
    with naming_options(arguments, is_free=known is None):
        return write_stream(out, latents, names, "z", [estimator.n_components])


def _latents(
    estimator: "ManifoldAutoencoder", blocks: "Iterator[NDArray[Any]]"
) -> "Iterator[NDArray[Any]]":
    with warnings.catch_warnings():
        # The columns have been picked by their names.
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        for block in blocks:
            yield estimator.transform(block)


def show_written(results: Results) -> None:
    """Prints how many points are where, unless they are on standard output themselves."""
    if results["out"] is not None:
        shape = " x ".join(map(str, results["shape"]))
        print(f"{results['num_points']} rows of {shape} values in {results['out']}")
