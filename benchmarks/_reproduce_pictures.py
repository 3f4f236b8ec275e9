"""What the models of ``reproduce.py`` have learned: curves in the plane, and strips of images."""

import base64
import io
from typing import Any

import numpy as np
import torch
from _reproduce_report import Record, method
from PIL import Image
from torch import Tensor
from torch_geometric.data import Data

from nrae_geometric.configs import load_config
from nrae_geometric.nn import AE
from nrae_geometric.nn.traversal import decode_latent_range
from nrae_geometric.visualization import Panel, plot_latent_traversal, plot_learned_curves

NUM_CURVE_POINTS, NUM_IMAGES = 150, 12
CURVES = {"sine": "denoising", "roll": "connectivity"}
"""The studies whose learned curves are drawn, and what the figure shows."""
STRIPS = {"rotated": "angle", "shifted": "shift"}
"""The studies whose images are drawn along the latent line, and what orders them."""


def learned(model: AE, points: Data) -> dict[str, Any]:
    """The learned manifold in a form that a record of text can hold."""
    if points.x.dim() == 2:
        curve = decode_latent_range(model, points.x, num=NUM_CURVE_POINTS)[1]
        return {"learned": [[round(value, 3) for value in point] for point in curve.tolist()]}
    images = decode_latent_range(model, points.x, num=NUM_IMAGES)[1]
    with torch.no_grad():
        z = model.encode(points.x).squeeze(1)
    if torch.corrcoef(torch.stack([z, points.y.to(z)]))[0, 1] < 0:
        images = images.flip(0)
    places = torch.linspace(0, len(points.x) - 1, NUM_IMAGES).round().long()
    return {"learned": _as_text(images), "truth": _as_text(points.x[places])}


def curves(runs: list[Record]) -> Any:
    """The learned curves of one study and seed, side by side."""
    config = load_config(runs[0]["experiment"], runs[0]["overrides"])
    dataset = config.data.training.build(config.seed)
    panels = [
        Panel(
            method(run),
            torch.tensor(run["learned"]),
            {name: run[name] for name in ("error", "distance") if name in run},
            run["spearman"],
        )
        for run in runs
    ]
    return plot_learned_curves(panels, dataset[0].x, dataset.manifold().x)


def strips(runs: list[Record], coordinate: str) -> Any:
    """The images along the latent lines of one study and seed, below the true ones."""
    panels = [Panel(f"by {coordinate}", _as_images(runs[0]["truth"]))]
    for run in runs:
        images = _as_images(run["learned"])
        panels.append(Panel(method(run), images, {"error": run["error"]}, run["spearman"]))
    return plot_latent_traversal(panels, num_images=NUM_IMAGES, axis="along the latent line")


def _as_text(images: Tensor) -> str:
    """Images ``[N, 1, H, W]`` side by side, as a PNG file in base 64."""
    strip = torch.cat(tuple(images.squeeze(1)), dim=1).clamp(0, 1)
    file = io.BytesIO()
    Image.fromarray((strip * 255).round().byte().numpy()).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


def _as_images(text: str) -> Tensor:
    strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    return torch.from_numpy(strip / 255).unflatten(1, (NUM_IMAGES, -1)).transpose(0, 1)
