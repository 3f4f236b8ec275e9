"""``nrae fit``: a manifold of your own points, measured and pictured."""

import argparse
import shlex
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nrae_geometric.cli.evaluate import print_measures
from nrae_geometric.cli.inputs import Input, add_points, read_input
from nrae_geometric.cli.options import add_estimator_options, as_options, given_parameters
from nrae_geometric.cli.outputs import MODEL_SUFFIX, check_places, output_path, wrapped
from nrae_geometric.cli.parsing import CommandParser, Commands, Results, set_command
from nrae_geometric.cli.process import (
    end_unless_first,
    flush_denormals,
    keep_freed_memory,
    no_gc_imports,
)

if TYPE_CHECKING:
    from nrae_geometric.estimator import ManifoldAutoencoder
    from nrae_geometric.report.quality import Quality

PICTURE_SUFFIX = ".png"
_CURVE_POINTS = 400
_INDENT = " " * 6


def add_fit(commands: Commands) -> CommandParser:
    """Adds ``nrae fit`` to the commands."""
    parser = commands.add_parser(
        "fit",
        help="learn a manifold of your points",
        usage="nrae fit POINTS --out MODEL [--label-column NAME] [--n-components N] [option]...",
        description="Learn a manifold of your points: an encoder to latent coordinates and a "
        "decoder back. Prints what was chosen, how good it is and where the picture is. Points in "
        ".npy files and Zarr arrays stay on the disk where they take more than a quarter of the "
        "memory, and need --graph; other files are read whole.",
        example="nrae fit points.csv --out model.nrae --label-column kind",
    )
    add_points(parser, labels=True)
    parser.add_argument(
        "--out",
        required=True,
        metavar="MODEL",
        help=f"the file of the model, NAME{MODEL_SUFFIX}; the picture is NAME{PICTURE_SUFFIX}",
    )
    parser.add_argument(
        "--graph",
        metavar="FOLDER",
        help="the neighbor graph of these points that nrae graph --out FOLDER/ has kept (default: "
        "it is searched)",
    )
    add_estimator_options(parser)
    return set_command(parser, _fit, _show)


def _fit(arguments: argparse.Namespace) -> Results:
    model = output_path(arguments.out, [MODEL_SUFFIX], "a model")
    picture = model.with_suffix(PICTURE_SUFFIX)
    # Imported here to show help without waiting for torch.
    with no_gc_imports():
        from nrae_geometric.estimator import ManifoldAutoencoder

    flush_denormals()
    keep_freed_memory()
    parameters = _parameters(arguments)
    points = read_input(arguments, parameters.get("on_disk", "auto"))
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    estimator = ManifoldAutoencoder(**{"verbose": int(is_terminal), **parameters})
    check_places(model, picture)
    graph = None
    if arguments.graph is not None:
        from nrae_geometric.neighbors import open_knn_graph

        graph = open_knn_graph(arguments.graph, points.points).pair
    start = perf_counter()
    try:
        estimator.fit(points.points, graph=graph)
    except TypeError as error:  # of a parameter
        raise ValueError(str(error)) from error
    seconds = perf_counter() - start
    end_unless_first()
    quality = write_model(estimator, points, model, picture, arguments)
    return {
        "model": str(model),
        "picture": str(picture),
        "num_points": len(points.points),
        "point_shape": list(points.points.shape[1:]),
        "columns": points.names,
        "n_components": estimator.n_components,
        "seconds": round(seconds, 3),
        "epochs": estimator.n_epochs_,
        "choices": getattr(estimator, "choices_", {}),
        **quality._asdict(),
    }


def _parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    from nrae_geometric.datasets import read_points
    from nrae_geometric.datasets.formats import READERS

    parameters = given_parameters(arguments)
    init = parameters.get("init")
    if isinstance(init, str) and Path(init).suffix.lower() in READERS:
        parameters["init"] = read_points(init)[0]
    return parameters


def fit_command(arguments: argparse.Namespace, model: str, parameters: dict[str, Any]) -> str:
    """Returns the command line that fits an estimator to the points of a file.

    Args:
        arguments (argparse.Namespace): The arguments of a command, which name the points.
        model (str): The file of the model.
        parameters (dict): The parameters of the estimator.
    """
    words = ["nrae", "fit", arguments.points, "--out", model]
    for name in ("columns", "array", "label_column"):
        if (value := getattr(arguments, name)) is not None:
            words += [f"--{name.replace('_', '-')}", value]
    return shlex.join([*words, *as_options(parameters)])


def write_model(
    estimator: "ManifoldAutoencoder",
    points: Input,
    model: Path,
    picture: Path,
    arguments: argparse.Namespace,
) -> "Quality":
    """Writes a fitted estimator with the names of its columns, measures it and draws its picture.

    Args:
        estimator (ManifoldAutoencoder): The estimator.
        points (Input): The points that it was fitted to.
        model (Path): The file of the model.
        picture (Path): That of the picture.
        arguments (argparse.Namespace): The arguments of the command, which name the points.
    """
    import numpy as np

    from nrae_geometric.report.quality import measure
    from nrae_geometric.visualization import plot_embedding, save_figure
    from nrae_geometric.visualization.embedding import embedding_axes

    if hasattr(estimator, "sample_rows_"):  # points on the disk are measured by a sample
        rows = estimator.sample_rows_
        labels = None if points.labels is None else points.labels[rows]
        points = Input(points.points[rows], points.names, labels)
    if points.names is not None:
        estimator.feature_names_in_ = np.array(points.names, dtype=object)
    estimator.save(model)
    quality = measure(estimator, points.points)
    x, z, curve = points.points, estimator.embedding_, None
    if z.shape[1] == 1:
        along = np.linspace(z.min(), z.max(), _CURVE_POINTS).reshape(-1, 1)
        curve = estimator.inverse_transform(along)
        if np.ndim(estimator.scale_):  # columns of different units have no common plane
            x, curve = x / estimator.scale_, curve / estimator.scale_
    axes = embedding_axes(z, x)
    plot_embedding(
        z,
        x=x,
        curve=curve,
        labels=points.labels,
        label_name=arguments.label_column or "",
        title=_title(Path(arguments.points).name, len(z), quality.measures["trustworthiness"]),
        ax=axes,
    )
    save_figure(axes, picture)
    return quality


def _title(name: str, num_points: int, trustworthiness: float | None) -> str:
    from nrae_geometric.report.quality import nearness_in_words

    if trustworthiness is None:
        return f"{name}: {num_points} points"
    finding = nearness_in_words(trustworthiness)
    return f"{name}: {finding}\n(trustworthiness {trustworthiness:.3f}, {num_points} points)"


def _show(results: Results) -> None:
    shape = " x ".join(map(str, results["point_shape"]))
    print(
        f"{results['num_points']} points of {shape} values, learned in {results['seconds']:.1f} s "
        f"({results['epochs']} epochs)"
    )
    if results["choices"]:
        print("\nchosen")
        _print_sentences(results["choices"])
    from nrae_geometric.report.quality import READINGS, reason_of_absence

    num_measured, num_points = results["num_measured"], results["num_points"]
    part = "" if num_measured == num_points else f", on {num_measured} of the points"
    print(f"\nmeasures{part}")
    for name, value in results["measures"].items():
        if value is None:
            print(f"  {name}  none: {reason_of_absence(name, num_points, 1)}")
        else:
            print_measures({f"  {name}": value})
        print(wrapped(READINGS[name], _INDENT, _INDENT))
    if (more := results["more_latents"]) is not None:
        print(
            f"\nhint     the points seem to have {more} dimensions, noise included: more of them "
            f"is kept with --n-components {more}"
        )
    print(f"\nmodel    {results['model']}\npicture  {results['picture']}")


def _print_sentences(sentences: dict[str, str]) -> None:
    width = max(map(len, sentences)) + 4
    for name, sentence in sentences.items():
        first = f"  {name:{width - 2}}"
        print(wrapped(sentence, first, " " * width))
