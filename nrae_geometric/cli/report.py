"""``nrae report``: a page about a model or a run, which opens anywhere."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nrae_geometric.cli.fit import fit_command
from nrae_geometric.cli.inputs import POINTS, picked_columns, read_input
from nrae_geometric.cli.outputs import MODEL_SUFFIX, check_places, output_path
from nrae_geometric.cli.parsing import CommandParser, Commands, Results, set_command
from nrae_geometric.cli.process import no_gc_imports
from nrae_geometric.quiet import quiet

if TYPE_CHECKING:
    from nrae_geometric.estimator import ManifoldAutoencoder
    from nrae_geometric.report import Subject

# They do not change what is learned.
_OF_A_MACHINE = ("device", "devices", "num_nodes", "strategy", "verbose")
_SUFFIXES = (".html", ".htm")


def add_report(commands: Commands) -> CommandParser:
    """Adds ``nrae report`` to the commands."""
    parser = commands.add_parser(
        "report",
        help="write a page about a model or a run",
        usage="nrae report MODEL|RUN [--points POINTS] --out PAGE [option]...",
        description="Write one HTML file that opens without a network: how good the model is and "
        "what to try, its latent space to walk through, the neighbor graph, and every setting.",
        example="nrae report model.nrae --points points.csv --label-column kind --out page.html",
    )
    parser.add_argument(
        "model", metavar="MODEL|RUN", help="a file that nrae fit wrote, or a folder of nrae train"
    )
    parser.add_argument(
        "--points", metavar="POINTS", help=f"{POINTS} (default: those learned from)"
    )
    group = parser.add_argument_group("parts of the file")
    group.add_argument("--columns", metavar="A,B,C", help="the columns of a table to read")
    group.add_argument("--array", metavar="NAME", help="the array of an .npz file to read")
    group.add_argument("--label-column", metavar="NAME", help="a column that colors the points")
    parser.add_argument(
        "--image-shape",
        type=_shape,
        metavar="H,W",
        help="the shape of the images that the values of a point are, such as 28,28 or 3,32,32",
    )
    parser.add_argument(
        "--unit",
        action="append",
        type=_unit,
        metavar="NAME=UNIT",
        help="the unit of a column, unless its name ends in [UNIT] or (UNIT); can be repeated",
    )
    parser.add_argument("--out", required=True, metavar="PAGE", help="the file to write, .html")
    return set_command(parser, _report, _show)


def _shape(text: str) -> list[int]:
    sizes = text.split(",")
    if not all(size.isascii() and size.isdigit() for size in sizes):
        raise argparse.ArgumentTypeError(f"must be numbers such as 28,28, got {text!r}")
    return [int(size) for size in sizes]


def _unit(text: str) -> tuple[str, str]:
    name, equals, unit = text.rpartition("=")
    if not (name and equals and unit):
        raise argparse.ArgumentTypeError(f"must be such as 'mass=kg', got {text!r}")
    return name, unit


@quiet()  # the page says itself what the library would warn about
def _report(arguments: argparse.Namespace) -> Results:
    out = output_path(arguments.out, _SUFFIXES, "a page")
    # Imported here to show help without waiting for torch.
    with no_gc_imports():
        from nrae_geometric.report import make_report

    check_places(out)
    subject = _subject(arguments)
    make_report(subject).save(out)
    return {
        "page": str(out),
        "bytes": out.stat().st_size,
        "num_points": len(subject.z),
        "n_components": subject.z.shape[1],
    }


def _subject(arguments: argparse.Namespace) -> "Subject":
    from nrae_geometric.archive import library_of
    from nrae_geometric.estimator import ManifoldAutoencoder
    from nrae_geometric.report import estimator_subject, run_subject
    from nrae_geometric.report.subject import Setting

    path = Path(arguments.model).expanduser()
    if path.is_dir():
        given = [
            f"--{name.replace('_', '-')}"
            for name in ("points", "columns", "array", "label_column", "image_shape", "unit")
            if getattr(arguments, name) is not None
        ]
        if given:
            raise ValueError(f"{path} is a run, whose points are known; leave out {given[0]}")
        return run_subject(path)
    estimator = ManifoldAutoencoder.load(path, "cpu")
    points, labels, source = None, None, "the points learned from"
    if arguments.points is not None:
        source = Path(arguments.points).name
        learned_columns = _pick_columns(arguments, estimator)
        found = read_input(arguments)
        points, labels = found.points, found.labels
        arguments.columns = learned_columns
    elif arguments.label_column is not None:
        raise ValueError("--label-column needs --points, the file that has it")
    subject = estimator_subject(
        estimator,
        points,
        labels,
        title=f"{path.name}: {source}",
        label_name=arguments.label_column or "label",
        image_shape=arguments.image_shape,
        units=dict(arguments.unit or []),
    )
    trained = Setting("trained with", library_of(path))
    command, note = _fit_command(arguments, estimator, subject)
    return replace(
        subject,
        settings=[trained, *subject.settings],
        shell_command=command,
        command_note=" ".join(filter(None, [note, subject.command_note])),
    )


def _pick_columns(arguments: argparse.Namespace, estimator: "ManifoldAutoencoder") -> str | None:
    """Picks the columns of a table that were learned, and returns what nrae fit needs to as well.

    The latter picks all but that of the labels where nothing is said.
    """
    from nrae_geometric.datasets import column_names

    known = getattr(estimator, "feature_names_in_", None)
    is_table = Path(arguments.points).suffix.lower() in (".csv", ".parquet")
    if arguments.columns is not None or known is None or not is_table:
        return arguments.columns
    usual = picked_columns(arguments) or column_names(Path(arguments.points).expanduser())
    arguments.columns = ",".join(map(str, known))
    return None if usual == list(known) else arguments.columns


def _fit_command(
    arguments: argparse.Namespace, estimator: "ManifoldAutoencoder", subject: "Subject"
) -> tuple[str, str]:
    """The command line that fits the model again, and what it leaves open."""
    import numpy as np

    parameters, open_places = dict(estimator.get_params(deep=False)), []
    for name in _OF_A_MACHINE:
        parameters.pop(name)
    if isinstance(parameters["init"], np.ndarray):
        parameters["init"] = "LATENTS.npy"
        open_places.append("LATENTS.npy is a file of the latents that it began with.")
    learned = estimator.graph_.x.flatten(1).double().numpy(force=True)
    is_same = learned.shape == subject.rows.shape and np.allclose(
        learned, subject.scaled, rtol=1e-5, atol=1e-5
    )
    if arguments.points is None or not is_same:
        arguments = argparse.Namespace(points="POINTS", columns=None, array=None, label_column=None)
        open_places.append("POINTS is the file that it learned from.")
    command = fit_command(arguments, f"again{MODEL_SUFFIX}", parameters)
    return command, " ".join(open_places)


def _show(results: Results) -> None:
    print(f"{results['page']} ({results['bytes'] / 1e6:.1f} MB)")
