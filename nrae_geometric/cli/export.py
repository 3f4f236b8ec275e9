"""``nrae export``: a model as ONNX files, for programs without PyTorch."""

import argparse
from pathlib import Path

from nrae_geometric.cli.embed import load_model
from nrae_geometric.cli.outputs import check_places
from nrae_geometric.cli.parsing import CommandParser, Commands, Results, set_command
from nrae_geometric.cli.process import no_gc_imports


def add_export(commands: Commands) -> CommandParser:
    """Adds ``nrae export`` to the commands."""
    parser = commands.add_parser(
        "export",
        help="write a model as ONNX files",
        usage="nrae export MODEL --out FOLDER [option]...",
        description="Write encoder.onnx and decoder.onnx, with centering and scaling inside, for "
        "any number of points at a time, and card.json, which describes them. They are compared "
        "with the model before they are in place. Needs the extra onnx.",
        example="nrae export model.nrae --out onnx",
    )
    parser.add_argument("model", metavar="MODEL", help="a file that nrae fit wrote")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="where the files go")
    return set_command(parser, _export, _show)


def _export(arguments: argparse.Namespace) -> Results:
    folder = Path(arguments.out).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; name a folder for the ONNX files")
    arguments.device = "cpu"
    # Imported here to show help without waiting for torch.
    with no_gc_imports():
        estimator = load_model(arguments)

    check_places(folder / "card.json")
    return {"folder": str(folder), "card": estimator.export(folder)}


def _show(results: Results) -> None:
    print(f"encoder.onnx, decoder.onnx and card.json in {results['folder']}")
