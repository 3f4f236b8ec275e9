"""The rows of ``train_speed.py``: models, points and batches, and the ways to train on them."""

import copy
from collections.abc import Callable
from functools import partial

import published
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch_geometric.data import Data

from nrae_geometric.cli.process import keep_freed_memory
from nrae_geometric.configs import load_config
from nrae_geometric.experiments.build import (
    build_graph,
    build_loader,
    build_model,
)
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.neighbors import knn_graph
from nrae_geometric.nn import AE, NRAE, BinaryKernel, mlp
from nrae_geometric.training.step import TrainingStep


class Setting:
    """One row: a model, its points and graph, and how its batches are drawn."""

    def __init__(
        self, name: str, model: AE, data: Data, loader: NeighborhoodLoader, order: int | None
    ) -> None:
        self.name = name
        self.model = model
        self.data = data
        self.loader = loader
        self.order = order
        kernel = model.criterion.kernel if isinstance(model, NRAE) else None
        self.weight = kernel.weight if isinstance(kernel, BinaryKernel) else 1.0

    def published_loader(self) -> DataLoader:
        sampler = self.loader.node_sampler
        data = copy.copy(self.data).cpu()
        neighbors = None
        if self.order is not None:
            neighbors = data.edge_index[0].view(data.num_nodes, -1)
        points = published.NeighborhoodDataset(
            data.x,
            neighbors,
            sampler.num_neighbors + sampler.include_center,
            sampler.include_center,
            sampler.replace,
        )
        return DataLoader(points, batch_size=self.loader.batch_size, shuffle=True)


def published_setting(name: str, device: str = "cpu") -> Setting:
    """The row of a published experiment."""
    config = load_config(name, {"seed": 0})
    section = config.data.training
    data = build_graph(section.build(config.seed)[0].to(device), section)
    model = build_model(config.model, data.x.shape[1:]).to(device)
    loader = build_loader(data, config)
    return Setting(name, model, data, loader, config.model.expansion_order)


def synthetic_setting(
    order: int,
    batch_size: int,
    num_neighbors: int,
    num_nodes: int = 2048,
    channels: tuple[int, ...] = (2, 512, 512, 512, 1),
    activation: str = "elu",
    device: str = "cpu",
) -> Setting:
    """A row of random points, with the network of the published toy experiments by default."""
    data = Data(x=torch.randn(num_nodes, channels[0], device=device))
    data.edge_index = knn_graph(data.x, num_neighbors)
    model = NRAE(
        mlp(channels, activation), mlp(channels[::-1], activation), order, BinaryKernel(10.0)
    ).to(device)
    loader = NeighborhoodLoader(data, num_neighbors, batch_size=batch_size, shuffle=True)
    name = f"NRAE-{'LQ'[order - 1]}, batch {batch_size}, {num_neighbors} neighbors"
    return Setting(name, model, data, loader, order)


def synchronize(device: torch.device) -> None:
    """Waits for what a GPU still has to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def library_epoch(setting: Setting, compile: bool = False) -> Callable[[], None]:
    device = setting.data.x.device
    keep_freed_memory()
    step = TrainingStep(copy.deepcopy(setting.model), 1e-3, device, compile=compile)

    def epoch() -> None:
        for batch in setting.loader:
            step(batch)
        synchronize(device)

    return epoch


def published_epoch(setting: Setting, expand: Callable[..., Tensor]) -> Callable[[], None]:
    model = copy.deepcopy(setting.model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loader = setting.published_loader()
    device = setting.data.x.device

    def epoch() -> None:
        for x, neighbors in loader:
            optimizer.zero_grad()
            loss = published.published_loss(
                model, x.to(device), neighbors.to(device), setting.order, setting.weight, expand
            )
            loss.backward()
            optimizer.step()
            loss.item()

    return epoch


def check(setting: Setting) -> None:
    """Makes sure that all three ways give the same loss and gradients on one batch."""
    model = copy.deepcopy(setting.model).double()
    batch = next(iter(setting.loader))
    batch.x = batch.x.double()
    x = batch.x[: batch.batch_size]
    neighbors = batch.x[batch.edge_index[0]].unflatten(0, (batch.batch_size, -1))
    losses = [partial(model.loss, batch)] + [
        partial(published.published_loss, model, x, neighbors, setting.order, setting.weight, way)
        for way in (published.expand_by_double_backward, published.expand_by_nested_jvp)
    ]
    results = []
    for loss in losses:
        model.zero_grad()
        value = loss()
        value.backward()
        results.append([value.detach(), *(p.grad for p in model.parameters())])
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=1e-7, atol=1e-9)
