r"""The published formulation of NRAE, written afresh from its formulas, to measure against.

It differs from the library in how the same numbers come about: the data set draws neighbors one
point at a time in Python; the encoder sees every copy of a neighbor; the decoder is repeated for
every neighbor and differentiated by :func:`torch.autograd.functional.jvp` (the double-backward
trick), nested for the second order; Adam is not fused; frames are drawn with
:func:`matplotlib.pyplot.savefig`. As a script it trains one of the toy experiments and draws its
animation::

    python benchmarks/published.py NRAEL_toy_denoising out.gif
"""

import io
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


class NeighborhoodDataset(Dataset):
    """Points with neighbors drawn anew at every access.

    Args:
        x: The points, ``[N, *]``.
        neighbors: Their nearest neighbors, ``[N, k]``; :obj:`None` for points alone.
        num_neighbors: How many to draw, the center included where it is one of them.
        include_center: Whether the center is the first of its neighbors.
        replace: Whether to draw with replacement.
    """

    def __init__(
        self,
        x: Tensor,
        neighbors: Tensor | None,
        num_neighbors: int = 0,
        include_center: bool = True,
        replace: bool = False,
    ) -> None:
        self.x = x
        self.neighbors = None if neighbors is None else neighbors.numpy()
        self.num_drawn = num_neighbors - include_center
        self.include_center = include_center
        self.replace = replace

    def __len__(self) -> int:
        return self.x.size(0)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x = self.x[index]
        if self.neighbors is None:
            return x, x[None]
        drawn = np.random.choice(self.neighbors[index], self.num_drawn, replace=self.replace)  # noqa: NPY002
        neighbors = self.x[drawn]
        return x, torch.cat([x[None], neighbors]) if self.include_center else neighbors


def expand_by_double_backward(decoder: nn.Module, z: Tensor, dz: Tensor, order: int) -> Tensor:
    """What the local expansion adds to the value, one repeated row for each direction."""
    jvp = torch.autograd.functional.jvp
    if order == 1:
        return jvp(decoder, z, dz, create_graph=True)[1]
    first, second = jvp(
        lambda point: jvp(decoder, point, dz, create_graph=True)[1], z, dz, create_graph=True
    )
    return first + 0.5 * second


def expand_by_nested_jvp(decoder: nn.Module, z: Tensor, dz: Tensor, order: int) -> Tensor:
    """The same by nested forward mode, as a user of ``torch.func`` would write it today."""
    jvp = torch.func.jvp
    if order == 1:
        return jvp(decoder, (z,), (dz,))[1]
    first, second = jvp(lambda point: jvp(decoder, (point,), (dz,))[1], (z,), (dz,))
    return first + 0.5 * second


def published_loss(
    model: Any,
    x: Tensor,
    neighbors: Tensor,
    order: int | None,
    weight: float,
    expand: Callable[..., Tensor] = expand_by_double_backward,
) -> Tensor:
    """The loss of a batch of points ``[B, *]`` with neighbors ``[B, n, *]``; order None is AE."""
    if order is None:
        return (model.decoder(model.encoder(x)) - x).square().flatten(1).mean(1).mean()
    batch_size, num_neighbors = neighbors.shape[:2]
    z = model.encoder(x)
    z_neighbor = model.encoder(neighbors.flatten(0, 1)).view(batch_size, num_neighbors, -1)
    dz = (z_neighbor - z[:, None]).flatten(0, 1)
    repeated = z.repeat_interleave(num_neighbors, 0)
    recon = model.decoder(z).repeat_interleave(num_neighbors, 0)
    recon = recon + expand(model.decoder, repeated, dz, order)
    squared = (neighbors.flatten(0, 1) - recon).flatten(1).square().sum(1)
    distance = (x[:, None] - neighbors).flatten(2).norm(dim=2).flatten()
    return (torch.where(distance < 1e-12, 1.0, weight) * squared).mean()


def train(
    model: nn.Module,
    loader: DataLoader,
    num_epochs: int,
    order: int | None,
    weight: float,
    draw: Callable[[int, float], None],
) -> None:
    """The published loop: Adam, the decay at the end, and a frame drawn now and then."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    decay = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.9)
    for epoch in range(num_epochs):
        loss = 0.0
        for x, neighbors in loader:
            optimizer.zero_grad()
            batch_loss = published_loss(model, x, neighbors, order, weight)
            batch_loss.backward()
            optimizer.step()
            loss += batch_loss.item()
        if epoch > 0.8 * num_epochs:
            decay.step()
        if epoch < 30 or epoch % 40 == 0:
            draw(epoch, loss / len(loader))


def _main(name: str, path: str) -> None:
    import imageio.v2 as imageio
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from nrae_geometric.configs import load_config
    from nrae_geometric.experiments.build import build_model
    from nrae_geometric.neighbors import knn

    config = load_config(name)
    section = config.data.training
    dataset = section.build(config.seed)
    x, manifold = dataset[0].x, dataset.manifold().x
    graph, order = section.graph, config.model.expansion_order
    model = build_model(config.model, x.shape[1:])
    frames: list[np.ndarray] = []

    def draw(epoch: int, loss: float) -> None:
        with torch.no_grad():
            z = model.encoder(x)
            recon = model.decoder(z)
            curve = model.decoder(torch.linspace(z.min(), z.max(), 300)[:, None])
        figure = plt.figure(figsize=(7, 4.5))
        plt.plot(*manifold.T, "k--", lw=1)
        plt.plot(*curve.T, "C0", lw=2)
        plt.scatter(*x.T, c="k", s=20)
        for point, image in zip(x, recon, strict=True):
            plt.plot([point[0], image[0]], [point[1], image[1]], "C1", lw=0.8)
        plt.title(f"epoch {epoch}, loss {loss:.4f}")
        buffer = io.BytesIO()
        plt.savefig(buffer, format="png")
        plt.close(figure)
        frames.append(imageio.imread(buffer.getvalue()))

    if graph is None:
        points = NeighborhoodDataset(x, None)
    else:
        neighbors = knn(x, graph.num_nn)[1]
        points = NeighborhoodDataset(x, neighbors, graph.bs_nn, graph.include_center, graph.replace)
    loader = DataLoader(points, batch_size=section.batch_size, shuffle=True)
    train(
        model,
        loader,
        config.training.num_epochs,
        order,
        0.0 if order is None else config.model.kernel.weight,
        draw,
    )
    imageio.mimsave(path, frames, duration=100)


if __name__ == "__main__":
    _main(*sys.argv[1:])
