"""Trains AE and NRAE-L on the rotations of one handwritten digit; nothing is downloaded.

    python examples/rotated_digits.py

The digit is one of those that come with scikit-learn, at 100 angles over half a turn; the layers
are as wide as those published for rotated MNIST. A table goes to the screen; a figure of what lies
along the latent line, and an animation of each model, go to results/rotated_digits/.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn
from torch_geometric import seed_everything

from nrae_geometric.callbacks import recorder_for
from nrae_geometric.datasets import RotatedDigits
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.metrics import (
    RIGHT_ORDER,
    latent_order,
    manifold_distance,
    reconstruction_error,
)
from nrae_geometric.nn import AE, NRAE, BinaryKernel, mlp
from nrae_geometric.training import Trainer
from nrae_geometric.transforms import KNNGraph
from nrae_geometric.visualization import (
    Panel,
    plot_latent_traversal,
    save_figure,
    write_animation,
)


def main() -> None:
    args = parse_arguments()
    torch.set_num_threads(1)  # the networks are small: threads would mostly wait for each other
    directory = args.logdir / "rotated_digits"
    dataset = RotatedDigits(args.digit, num_rotate=100, rotate_range=180)
    data = KNNGraph(k=2)(dataset[0])

    table = [
        f"\n{'':8}{'reconstruction':>15}{'learned to true':>17}{'latent order':>14}",
        f"{'model':8}{'error':>15}{'distance':>17}{'|Spearman|':>14}",
    ]
    panels = [Panel("truth", data.x)]
    for name, order in {"AE": None, "NRAE-L": 1}.items():
        print(f"\nTraining {name}", flush=True)
        seed_everything(args.seed)
        model = build_model(order)
        loader = NeighborhoodLoader(
            data,
            0 if order is None else 1,
            batch_size=50,
            shuffle=True,
            generator=torch.Generator(),
        )
        recorder = recorder_for(data, order=order, coordinate="angle in degrees")
        trainer = Trainer(args.epochs, device=args.device, seed=args.seed, callbacks=[recorder])
        trainer.fit(model, loader)
        model.cpu().eval()
        write_animation(recorder, directory / f"{name.replace('-', '')}_training.gif")

        error, distance, spearman = measure(model, dataset)
        verdict = "" if spearman >= RIGHT_ORDER else "  wrong connectivity"
        table.append(f"{name:8}{error:15.4g}{distance:17.4g}{spearman:14.3f}{verdict}")
        images = images_by_angle(model, data.x, data.y)
        panels.append(Panel(name, images, {"error": error}, spearman))

    print("\n".join(table))
    rows = plot_latent_traversal(panels, axis="along the latent line")
    save_figure(rows, directory / "orbits.png", dpi=200)
    print(f"\nThe pictures are in {directory}")


def build_model(order: int | None) -> AE:
    """An autoencoder of images [N, 1, 28, 28] with a latent line."""
    encoder = nn.Sequential(nn.Flatten(), mlp([784, 512, 512, 512, 1], "elu"))
    decoder = nn.Sequential(
        mlp([1, 512, 512, 512, 784], "elu", out_activation="sigmoid"), nn.Unflatten(1, (1, 28, 28))
    )
    if order is None:
        return AE(encoder, decoder)
    return NRAE(encoder, decoder, order, BinaryKernel(weight=1))


@torch.no_grad()
def measure(model: AE, dataset: RotatedDigits) -> tuple[float, float, float]:
    """Reconstruction error, distance between learned and true manifold, and |Spearman|, all on
    ten times as many angles as the model has seen."""
    orbit = dataset.manifold(1000)
    latent = model.encode(orbit.x)
    error = reconstruction_error(orbit.x, model.decode(latent)).item()
    distance = manifold_distance(model.decode, model.encode(dataset[0].x), orbit.x, 1000)
    mean_distance = (distance.learned_to_true + distance.true_to_learned) / 2
    return error, mean_distance, latent_order(latent, orbit.y).spearman


@torch.no_grad()
def images_by_angle(model: AE, x: Tensor, angle: Tensor) -> Tensor:
    """The images along the latent line, in the direction in which the angle grows.

    They are as many as the angles, at even shares of the points: where the order is right, each
    stands below its own angle.
    """
    latent = model.encode(x).squeeze(1)
    descending = torch.corrcoef(torch.stack([latent, angle]))[0, 1] < 0
    return model.decode(latent.sort(descending=bool(descending)).values.unsqueeze(1))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--digit", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=501)
    parser.add_argument("--device", default="auto", help="auto, cpu, or the number of a GPU")
    parser.add_argument("--logdir", type=Path, default=Path("results"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
