"""Trains AE, NRAE-L and NRAE-Q on the Swiss roll and compares what they have learned.

    python examples/swiss_roll.py
    python examples/swiss_roll.py --init random
    python examples/swiss_roll.py --dim 3

In the plane there are 30 points of a spiral and a latent line. The networks, graphs and weights are
those published for geometry preservation. All three start from the geodesic coordinates of their
graphs; with --init random all start as published, and which of them get it right depends on the
seed. With --dim 3 the points lie on a rolled-up sheet, and the latent space is a plane.
A table goes to the screen; a figure, and for the spiral an animation of each training run, go to
results/swiss_roll/ (results/swiss_roll_3d/ for the sheet).
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch_geometric import seed_everything

from nrae_geometric.callbacks import EmbeddingStart, recorder_for
from nrae_geometric.datasets import SwissRoll
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.metrics import (
    RIGHT_ORDER,
    latent_order,
    manifold_distance,
    reconstruction_error,
)
from nrae_geometric.nn import AE, NRAE, BinaryKernel, mlp
from nrae_geometric.nn.traversal import decode_latent_range
from nrae_geometric.training import Trainer
from nrae_geometric.transforms import KNNGraph
from nrae_geometric.visualization import (
    Panel,
    plot_latent_planes,
    plot_learned_curves,
    save_figure,
    write_animation,
)


class Settings(NamedTuple):
    """What tells the models apart."""

    order: int | None  # of the local expansion; None for a plain autoencoder
    k: int  # neighbors of each point in the graph
    num_neighbors: int = 0  # how many of them a step samples, besides the center
    weight: float = 0  # lambda: how much a neighbor counts against the center


SPIRAL = {
    "AE": Settings(None, k=2),
    "NRAE-L": Settings(1, k=2, num_neighbors=1, weight=2),
    "NRAE-Q": Settings(2, k=3, num_neighbors=1, weight=100),
}
SHEET = {
    "AE": Settings(None, k=8),
    "NRAE-L": Settings(1, k=8, num_neighbors=3, weight=1),
    "NRAE-Q": Settings(2, k=8, num_neighbors=3, weight=1),
}


class Scores(NamedTuple):
    """How near a model is to the clean roll."""

    error: float  # of reconstruction
    distance: float  # between the learned and the true manifold, the mean of both directions
    order: float  # |Spearman| between the learned and the true coordinate along the roll


def main() -> None:
    args = parse_arguments()
    torch.set_num_threads(1)  # the networks are small: threads would mostly wait for each other
    if args.dim == 2:
        directory, settings, draw = args.logdir / "swiss_roll", SPIRAL, draw_curves
        dataset = SwissRoll(30, noise=0.01, seed=args.seed)
    else:
        directory, settings, draw = args.logdir / "swiss_roll_3d", SHEET, draw_planes
        dataset = SwissRoll(1000, noise=0.05, dim=3, seed=args.seed)

    models, scores = {}, {}
    for name, setting in settings.items():
        print(f"\nTraining {name}", flush=True)
        animation = directory / f"{name.replace('-', '')}_training.gif"
        models[name] = train(dataset, setting, args, animation)
        scores[name] = measure(models[name], dataset)

    print_table(scores)
    save_figure(draw(models, scores, dataset), directory / "comparison.png", dpi=200)
    print(f"\nThe pictures are in {directory}")


def train(dataset: SwissRoll, setting: Settings, args: argparse.Namespace, animation: Path) -> AE:
    """Trains one model; where the latent space is a line, also draws how it learns."""
    seed_everything(args.seed)
    dim = dataset.dim
    width, batch_size = (512, 16) if dim == 2 else (256, 100)
    encoder = mlp([dim, width, width, width, dim - 1], "elu")
    decoder = mlp([dim - 1, width, width, width, dim], "elu")
    if setting.order is None:
        model = AE(encoder, decoder)
    else:
        model = NRAE(encoder, decoder, setting.order, BinaryKernel(setting.weight))

    data = KNNGraph(setting.k)(dataset[0])
    loader = NeighborhoodLoader(
        data,
        setting.num_neighbors,
        batch_size=batch_size,
        shuffle=True,
        generator=torch.Generator(),
    )
    callbacks = []
    if args.init == "geodesic":
        callbacks.append(EmbeddingStart("geodesic"))
    recorder = recorder_for(data, manifold=dataset.manifold().x, order=setting.order)
    if recorder is not None:
        callbacks.append(recorder)
    trainer = Trainer(args.epochs, device=args.device, seed=args.seed, callbacks=callbacks)
    trainer.fit(model, loader)
    if recorder is not None:
        write_animation(recorder, animation)
    return model.cpu().eval()


@torch.no_grad()
def measure(model: AE, dataset: SwissRoll) -> Scores:
    """Compares a model with the clean roll."""
    roll = dataset.manifold()
    latent = model.encode(roll.x)
    distance = manifold_distance(model.decode, model.encode(dataset[0].x), roll.x)
    if dataset.dim == 2:
        order = latent_order(latent, roll.y)
    else:
        angle = roll.y[:, 0]
        order = latent_order(nearest_quadratic(latent, angle), angle)
    return Scores(
        reconstruction_error(roll.x, model.decode(latent)).item(),
        (distance.learned_to_true + distance.true_to_learned) / 2,
        order.spearman,
    )


def nearest_quadratic(latent: Tensor, y: Tensor) -> Tensor:
    """The quadratic function of the latent plane that comes nearest to y, both [N].

    A sheet that lies flat in the latent plane, turned or bent, has its order there; one that is
    folded or torn has not.
    """
    u, v = ((latent - latent.mean(0)) / latent.std(0)).T
    features = torch.stack([torch.ones_like(u), u, v, u * u, u * v, v * v], dim=1)
    return (features @ torch.linalg.lstsq(features, y.unsqueeze(1)).solution).squeeze(1)


def print_table(scores: Mapping[str, Scores]) -> None:
    print(f"\n{'':8}{'reconstruction':>15}{'learned to true':>17}{'latent order':>14}")
    print(f"{'model':8}{'error (clean)':>15}{'distance':>17}{'|Spearman|':>14}")
    for name, score in scores.items():
        verdict = "" if score.order >= RIGHT_ORDER else "  wrong connectivity"
        print(f"{name:8}{score.error:15.4g}{score.distance:17.4g}{score.order:14.3f}{verdict}")


def draw_curves(
    models: Mapping[str, AE], scores: Mapping[str, Scores], dataset: SwissRoll
) -> np.ndarray:
    points = dataset[0].x
    panels = [
        Panel(
            name, decode_latent_range(model, points)[1], _caption(scores[name]), scores[name].order
        )
        for name, model in models.items()
    ]
    return plot_learned_curves(panels, points, dataset.manifold().x)


@torch.no_grad()
def draw_planes(
    models: Mapping[str, AE], scores: Mapping[str, Scores], dataset: SwissRoll
) -> np.ndarray:
    data = dataset[0]
    panels = [
        Panel(name, model.encode(data.x), _caption(scores[name]), scores[name].order)
        for name, model in models.items()
    ]
    return plot_latent_planes(
        panels, data.x, data.y[:, 0], coordinate_name="angle of the roll in rad"
    )


def _caption(score: Scores) -> dict[str, float]:
    return {"error": score.error, "distance": score.distance}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dim", type=int, choices=(2, 3), default=2, help="of the points")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--epochs", type=int, help="default: 600, with --init random 2001, with --dim 3 300"
    )
    parser.add_argument("--init", choices=("random", "geodesic"), default="geodesic")
    parser.add_argument("--device", default="auto", help="auto, cpu, or the number of a GPU")
    parser.add_argument("--logdir", type=Path, default=Path("results"))
    args = parser.parse_args()
    if args.epochs is None:
        args.epochs = 300 if args.dim == 3 else 600 if args.init == "geodesic" else 2001
    return args


if __name__ == "__main__":
    main()
