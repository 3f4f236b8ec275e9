"""``nrae decode``: points at latent coordinates, however many."""

import argparse
import re

from nrae_geometric.cli.embed import (
    add_model,
    latent_names,
    load_model,
    rows_per_block,
    show_written,
)
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


def add_decode(commands: Commands) -> CommandParser:
    """Adds ``nrae decode`` to the commands."""
    parser = commands.add_parser(
        "decode",
        help="map latent coordinates to points",
        usage="nrae decode Z --model MODEL --out POINTS [option]...",
        description="Map latent coordinates to the points that a model has there. "
        f"{STREAMED} Of a table, the columns z1, z2, ... are read that nrae embed wrote, or else "
        "all; the points get the columns that the model was fitted to.",
        example="nrae decode z.csv --model model.nrae --out points.csv",
    )
    add_points(parser, labels=False, metavar="Z")
    add_model(parser)
    add_points_output(parser, "POINTS")
    add_device(parser)
    return set_command(parser, _decode, show_written)


def _decode(arguments: argparse.Namespace) -> Results:
    # Imported here to show help without waiting for torch.
    with no_gc_imports():
        from nrae_geometric.datasets import column_names, read_blocks

    flush_denormals()
    out = points_output(arguments, may_be_images=True)
    columns = picked_columns(arguments)
    estimator = load_model(arguments)
    latents = latent_names(estimator)
    if columns is None:
        present = column_names(arguments.points) or []
        if set(latents) <= set(present):
            columns = latents
            given = [name for name in present if re.fullmatch(r"z[1-9]\d*", name)]
            if len(given) > len(latents):
                raise ValueError(
                    f"{arguments.points} has latents {', '.join(given)}, but the model has "
                    f"{len(latents)}; name those to decode by --columns"
                )
    if out is not None:
        check_places(out)
    names = getattr(estimator, "feature_names_in_", None)
    num_rows = rows_per_block(estimator.n_features_in_)
    blocks = with_progress(read_blocks(arguments.points, num_rows, columns=columns))
    points = (estimator.inverse_transform(block) for block in blocks)
    names = None if names is None else [str(name) for name in names]
    with naming_options(arguments):
        return write_stream(out, points, names, "points", estimator.feature_shape_)
