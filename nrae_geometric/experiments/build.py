"""From a validated configuration to data sets, batches and models."""

import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.configs.schema import (
    ExperimentSections,
    MNISTPoints,
    Model,
    Network,
    Points,
    SyntheticPoints,
)
from nrae_geometric.datasets import RotatedMNIST, ShiftedMNIST, SinCurve, SwissRoll
from nrae_geometric.datasets.mnist_files import data_root
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import AE, NRAE, BinaryKernel, mlp
from nrae_geometric.transforms import KNNGraph

KnownManifold = SinCurve | SwissRoll | RotatedMNIST | ShiftedMNIST
"""A data set that knows the manifold its points come from."""

TAYLOR_ORDER = {"ae": None, "nrael": 1, "nraeq": 2}
"""The order of each architecture's local expansion; a plain autoencoder has none."""


def build_dataset(section: SyntheticPoints | MNISTPoints, seed: int) -> KnownManifold:
    """Returns the data set of a data section.

    Args:
        section: A validated ``data.training`` or ``data.test``.
        seed: The seed of the noise.

    Raises:
        FileNotFoundError: If MNIST is neither there nor can be downloaded.
    """
    if isinstance(section, MNISTPoints):
        root = data_root(section.root)
        if section.type == "shift":
            return ShiftedMNIST(root, section.digit, section.shift_range)
        return RotatedMNIST(root, section.digit, section.num_rotate, section.rotate_range)
    if section.type == "sincurve":
        return SinCurve(section.num_data, section.noise_level, seed=seed)
    return SwissRoll(section.num_data, section.noise_level, seed=seed)


def build_test_points(config: ExperimentSections, dataset: KnownManifold) -> Data:
    """Returns the configured test points; without any, the clean curve, or the orbit itself.

    Args:
        config: The experiment.
        dataset: What :func:`build_dataset` returned for ``config.data.training``.
    """
    if config.data.test is not None:
        return build_dataset(config.data.test, config.seed + 1)[0]
    return dataset.manifold() if config.data.training.dataset == "synthetic" else dataset[0]


def build_graph(points: Data, section: Points) -> Data:
    """Returns the points with their k-nearest-neighbor graph, or with no edges for ``ae``."""
    if section.graph is not None:
        return KNNGraph(section.graph.num_nn)(points)
    points = Data(x=points.x, y=points.y)
    points.edge_index = torch.empty(2, 0, dtype=torch.long, device=points.x.device)
    return points


def build_loader(data: Data, section: Points, seed: int) -> NeighborhoodLoader:
    """Returns the shuffled batches of a data section, with a generator of their own.

    Args:
        data: What :func:`build_graph` returned, on the device to train on.
        section: The same data section.
        seed: The generator's seed.
    """
    graph = section.graph
    return NeighborhoodLoader(
        data,
        # The published count of neighbors has the center in it.
        0 if graph is None else graph.bs_nn - graph.include_center,
        include_center=graph is None or graph.include_center,
        replace=graph is not None and graph.replace,
        batch_size=section.batch_size,
        shuffle=True,
        generator=torch.Generator().manual_seed(seed),
    )


def build_model(model: Model, point_shape: torch.Size) -> AE:
    """Returns a freshly initialized model.

    Args:
        model: The validated ``model`` section.
        point_shape: The shape of one point: ``[x_dim]``, or ``[C, H, W]`` with ``x_dim`` values.
    """
    encoder: nn.Module = _layers(model.x_dim, model.encoder, model.z_dim)
    decoder: nn.Module = _layers(model.z_dim, model.decoder, model.x_dim)
    if model.encoder.arch == "fc_image":
        encoder = nn.Sequential(nn.Flatten(), encoder)
    if model.decoder.arch == "fc_image":
        decoder = nn.Sequential(decoder, nn.Unflatten(1, point_shape))
    order = TAYLOR_ORDER[model.arch]
    if order is None:
        return AE(encoder, decoder)
    kernel = None if model.kernel is None else BinaryKernel(model.kernel.weight)
    return NRAE(encoder, decoder, order, kernel)


def _layers(in_channels: int, network: Network, out_channels: int) -> nn.Sequential:
    return mlp(
        [in_channels, *network.l_hidden, out_channels],
        network.activation,
        network.out_activation,
    )
