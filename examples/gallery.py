"""Learns planes of real data with default parameters and draws what they show.

    python examples/gallery.py
    python examples/gallery.py --data path/to/mnist

The data are the breast cancer and the digits that come with scikit-learn, and 5000 images of MNIST
where --data or NRAE_DATA names a folder of its files. Each is fitted once, to nine tenths of the
points; the rest are held out. A table goes to the screen, the pictures go to results/gallery/.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.datasets import MNIST
from nrae_geometric.geodesics import distance_graph, shortest_path, shortest_paths
from nrae_geometric.metrics import trustworthiness
from nrae_geometric.visualization import (
    Panel,
    plot_decoded_images,
    plot_decoded_value,
    plot_embedding,
    plot_latent_traversal,
    save_figure,
    style,
)

COLUMNS = ("mean radius", "mean texture", "worst concavity", "mean smoothness")
NUM_IMAGES = 16  # of a walk
K = 10


class Points(NamedTuple):
    """Points of a data set."""

    x: np.ndarray  # [N, D], or images [N, H, W] with values in 0..1
    labels: np.ndarray  # [N]
    columns: list[str]  # of a table


class Plane(NamedTuple):
    """A data set and what was learned of it."""

    points: Points
    estimator: ManifoldAutoencoder
    learned: np.ndarray  # the rows that were not held out
    z: np.ndarray  # [N, 2], of all points

    @property
    def shown(self) -> np.ndarray:
        """The points [N] in the part of the plane that is drawn, between percentiles."""
        low, high = np.percentile(self.z, [1, 99], axis=0)
        return ((self.z >= low) & (self.z <= high)).all(axis=1)


def main() -> None:
    args = parse_arguments()
    data: dict[str, tuple[Callable[[], Points], Callable[[Plane], Figure]]] = {
        "breast cancer": (breast_cancer, draw_table),
        "digits": (digits, draw_images),
    }
    if args.data is None:
        print("MNIST is left out: name the folder of its files with --data or NRAE_DATA")
    else:
        data["MNIST"] = (lambda: mnist(args.data), draw_images)
    folder = args.logdir / "gallery"
    table = [f"{'':14}{'points':>14}{'seconds':>9}{'trust-':>10}{'10-NN':>10}{'held-out':>10}"]
    table += [f"{'':37}{'worthiness':>10}{'accuracy':>10}{'R²':>10}"]
    for name, (load, draw) in data.items():
        print(f"Learning {name}", file=sys.stderr, flush=True)
        points = load()
        if args.quick:
            points = points._replace(x=points.x[:300], labels=points.labels[:300])
        start = perf_counter()
        plane = learn(points, args)
        seconds = perf_counter() - start
        size = f"{len(points.x)} x {points.x[0].size}"
        measures = "".join(f"{value:10.3f}" for value in measure(plane))
        table.append(f"{name:14}{size:>14}{seconds:9.1f}{measures}")
        save_figure(draw(plane), folder / f"{name.replace(' ', '_').lower()}.png")
    print("\n".join(table))
    print(f"\nThe pictures are in {folder}")


def learn(points: Points, args: argparse.Namespace) -> Plane:
    """Fits nine tenths of the points to a plane, and maps all of them there."""
    learned, _ = train_test_split(
        np.arange(len(points.x)), test_size=0.1, stratify=points.labels, random_state=args.seed
    )
    estimator = ManifoldAutoencoder(
        max_epochs=2 if args.quick else None, random_state=args.seed, device=args.device
    ).fit(points.x[learned])
    return Plane(points, estimator, learned, estimator.transform(points.x))


def measure(plane: Plane) -> tuple[float, float, float]:
    """Trustworthiness, the cross-validated accuracy of ten neighbors in the plane, and the share
    of the held-out points' variance that comes back from it, in the unit of the model."""
    x, z, estimator = plane.points.x, plane.z, plane.estimator
    flat = (x.reshape(len(x), -1) - estimator.center_) / estimator.scale_
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    accuracy = cross_val_score(KNeighborsClassifier(K), z, plane.points.labels, cv=folds).mean()
    held_out = np.setdiff1d(np.arange(len(x)), plane.learned)
    decoded = estimator.inverse_transform(z[held_out]).reshape(len(held_out), -1)
    error = flat[held_out] - (decoded - estimator.center_) / estimator.scale_
    # The mean of the points learned from is the origin.
    r2 = 1 - np.square(error).sum() / np.square(flat[held_out]).sum()
    return trustworthiness(flat, z, K), float(accuracy), float(r2)


def draw_table(plane: Plane) -> Figure:
    """The plane by diagnosis, and what some columns are where."""
    z, labels = plane.z[plane.shown], plane.points.labels[plane.shown]
    decode, columns = plane.estimator.inverse_transform, plane.points.columns
    figure = style.new_figure(style.PAGE, 3.8, pad=0.04)
    title(figure, "Breast cancer: from benign to malignant, tumors are larger and more concave")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.3))
    name = f"{len(plane.z)} tumors ({len(plane.z) - len(z)} lie outside)"
    plot_embedding(z, labels=labels, label_name="", title=name, ax=left.subplots())
    for axes, name in zip(right.subplots(2, 2).ravel(), COLUMNS, strict=True):
        plot_decoded_value(decode, z, columns.index(name), name=name, ax=axes)
        axes.axis("off")
    return figure


def draw_images(plane: Plane) -> Figure:
    """The plane by digit, what it decodes to, and two ways from one digit to another."""
    z, labels = plane.z[plane.shown], plane.points.labels[plane.shown]
    decode = plane.estimator.inverse_transform
    height = 0.6 + 3.3 * np.ptp(z[:, 1]) / np.ptp(z[:, 0])
    figure = style.new_figure(style.PAGE, height + 2.4, pad=0.04)
    title(figure, "Handwritten digits: every place of the plane is an image")
    upper, lower = figure.subfigures(2, 1, height_ratios=(height, 2.0))
    embedding, images = upper.subplots(1, 2)
    pixels = " x ".join(map(str, plane.points.x.shape[1:]))
    name = f"{len(plane.z)} images of {pixels} pixels"
    plot_embedding(z, labels=labels, title=name, ax=embedding)
    name = "What the plane decodes to"
    plot_decoded_images(decode, z, labels=labels, title=name, ax=images)
    images.set(xlim=embedding.get_xlim(), ylim=embedding.get_ylim())
    path = longest_path(plane)
    panels = []
    for name, dashes, way in (
        ("straight (dashed)", "--", plane.z[path[[0, -1]]]),
        ("along the graph (solid)", "-", plane.z[path]),
    ):
        embedding.plot(*way.T, color="white", linewidth=5)
        embedding.plot(*way.T, dashes, color=style.INK, linewidth=2)
        panels.append(Panel(name, decode(even_steps(way, NUM_IMAGES))))
    first, last = plane.points.labels[path[[0, -1]]]
    plot_latent_traversal(
        panels,
        num_images=NUM_IMAGES,
        axis=f"two ways from a {first} to a {last}",
        cmap="gray_r",
        ax=lower.subplots(2, 1),
    )
    return figure


def longest_path(plane: Plane) -> np.ndarray:
    """The points along the graph's path between the two digits whose middle points are farthest
    from each other along it."""
    data, z = plane.estimator.graph_.cpu(), plane.z[plane.learned]
    labels = plane.points.labels[plane.learned]
    graph = distance_graph(data.x.flatten(1), data.edge_index, data.edge_length)
    middles = np.array([middle(z, labels == name) for name in np.unique(labels)])
    distance = shortest_paths(graph, middles, middles)
    pair = np.unravel_index(distance.argmax(), distance.shape)
    return plane.learned[shortest_path(graph, *middles[list(pair)])]


def middle(z: np.ndarray, among: np.ndarray) -> int:
    """The point nearest to the median of some."""
    distance = np.linalg.norm(z - np.median(z[among], axis=0), axis=1)
    return int(np.where(among, distance, np.inf).argmin())


def even_steps(way: np.ndarray, num: int) -> np.ndarray:
    """Points [num, 2] at even steps along a way of straight lines."""
    length = np.concatenate([[0], np.linalg.norm(np.diff(way, axis=0), axis=1).cumsum()])
    steps = np.linspace(0, length[-1], num)
    return np.stack([np.interp(steps, length, each) for each in way.T], axis=1)


def title(figure: Figure, text: str) -> None:
    figure.suptitle(
        text, x=0.01, ha="left", fontsize=style.TITLE_SIZE, color=style.INK, weight="bold"
    )


def breast_cancer() -> Points:
    bunch = load_breast_cancer()
    columns = [str(name) for name in bunch.feature_names]
    return Points(bunch.data, bunch.target_names[bunch.target].astype(str), columns)


def digits() -> Points:
    bunch = load_digits()
    return Points(bunch.images / 16, bunch.target, [])


def mnist(root: Path) -> Points:
    data = MNIST(root, download=False)[0]
    return Points(data.x[:5000, 0].numpy(), data.y[:5000].numpy(), [])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("NRAE_DATA"),
        help="the folder of MNIST (default: that of NRAE_DATA)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="300 points and two epochs each")
    parser.add_argument("--device", default="auto", help="auto, cpu, or the number of a GPU")
    parser.add_argument("--logdir", type=Path, default=Path("results"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
