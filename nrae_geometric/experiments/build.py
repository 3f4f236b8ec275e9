"""Data sets, batches and models of a validated configuration."""

import torch
from torch import nn
from torch_geometric.data import Data, Dataset

from nrae_geometric.configs import ConfigError, ExperimentConfig
from nrae_geometric.configs.schema import Model, Network, Points
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import AE, mlp
from nrae_geometric.transforms import KNNGraph


def build_test_points(config: ExperimentConfig, dataset: Dataset) -> Data | None:
    """Returns the points to measure on, or ``None`` where neither file nor data set has any.

    Args:
        config (ExperimentConfig): The experiment.
        dataset (Dataset): What ``config.data.training`` has built.
    """
    if config.data.test is not None:
        return config.data.test.build(config.seed + 1)[0]
    return config.data.training.test_points(dataset)


def build_graph(points: Data, section: Points) -> Data:
    """Returns the points with their k-nearest-neighbor graph, or with no edges without any.

    Args:
        points (Data): The points.
        section (Points): The data section that they are from.
    """
    if (graph := section.graph) is not None:
        return KNNGraph(graph.num_nn, metric=graph.metric, backend=graph.backend)(points)
    edge_index = torch.empty(2, 0, dtype=torch.long, device=points.x.device)
    return Data(x=points.x, y=points.y, edge_index=edge_index)


def build_loader(data: Data, config: ExperimentConfig) -> NeighborhoodLoader:
    """Returns the shuffled batches to train on, with a generator of their own.

    Args:
        data (Data): What :func:`build_graph` returned, on the device to train on.
        config (ExperimentConfig): The experiment.
    """
    # A model that follows no graph takes the points alone, whatever its start has followed.
    graph = config.data.training.graph if config.model.follows_graph else None
    return NeighborhoodLoader(
        data,
        0 if graph is None else graph.num_neighbors,
        include_center=graph is None or graph.include_center,
        replace=graph is not None and graph.replace,
        batch_size=config.data.training.batch_size,
        shuffle=True,
        generator=torch.Generator().manual_seed(config.seed),
    )


def build_model(section: Model, point_shape: tuple[int, ...]) -> AE:
    """Returns a freshly initialized model.

    Args:
        section (Model): The ``model`` section.
        point_shape (tuple[int, ...]): The shape of one point: ``[x_dim]``, or ``[C, H, W]`` with
            ``x_dim`` values.

    Raises:
        ConfigError: If the section does not fit such points.
        ValueError: If an activation is unknown.
    """
    if faults := [f"model.{key}: {why}" for key, why in section.misfits(tuple(point_shape))]:
        raise ConfigError("the configuration", faults)
    width = section.encoder_width(section.z_dim)
    encoder: nn.Module = _layers(section.x_dim, section.encoder, width)
    decoder: nn.Module = _layers(section.z_dim, section.decoder, section.x_dim)
    if section.encoder.arch == "fc_image":
        encoder = nn.Sequential(nn.Flatten(), encoder)
    if section.decoder.arch == "fc_image":
        decoder = nn.Sequential(decoder, nn.Unflatten(1, point_shape))
    return section.build(encoder, decoder)


def _layers(in_channels: int, network: Network, out_channels: int) -> nn.Sequential:
    return mlp(
        [in_channels, *network.l_hidden, out_channels],
        network.activation,
        network.out_activation,
    )
