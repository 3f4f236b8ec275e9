"""Sections take the keys of the kinds that they name, registered early or late."""

from typing import Literal

import pytest

from nrae_geometric.configs import ExperimentConfig, load_config
from nrae_geometric.registry import (
    DatasetSettings,
    ModelSettings,
    register_dataset,
    register_model,
)


@pytest.mark.parametrize(
    ("name", "type_"), [("AE_toy_denoising", "sincurve"), ("AE_mnist_rotated", "rotate")]
)
def test_kind_that_is_meant_without_a_type(name, type_):
    settings = load_config(name).to_dict()
    del settings["data"]["training"]["type"]
    assert ExperimentConfig.from_dict(settings).data.training.type == type_


def test_kinds_registered_after_a_first_validation_are_known():
    settings = load_config("AE_toy_denoising").to_dict()

    @register_dataset
    class Late(DatasetSettings):
        dataset: Literal["late points"]
        radius: float = 1.0

    @register_model
    class LateModel(ModelSettings):
        arch: Literal["late model"]
        depth: int = 3

    settings["data"] = {"training": {"dataset": "late points", "batch_size": 4, "radius": 2.0}}
    settings["model"]["arch"] = "late model"
    config = ExperimentConfig.from_dict(settings)
    assert isinstance(config.data.training, Late)
    assert isinstance(config.model, LateModel)
    assert (config.data.training.radius, config.model.depth) == (2.0, 3)
    assert ExperimentConfig.from_dict(config.to_dict()) == config


def test_graph_needs_its_number_of_neighbors_alone():
    overrides = {"data.training.graph": {"num_nn": 10}}
    graph = load_config("NRAEL_toy_denoising", overrides).data.training.graph
    assert (graph.include_center, graph.replace, graph.bs_nn) == (True, False, 2)
    assert (graph.metric, graph.backend) == ("euclidean", "auto")
    assert graph.num_neighbors == 1


@pytest.mark.parametrize(("include_center", "num_neighbors"), [(True, 1), (False, 2)])
def test_bs_nn_counts_the_center(include_center, num_neighbors):
    overrides = {"data.training.graph.include_center": include_center}
    graph = load_config("NRAEL_toy_denoising", overrides).data.training.graph
    assert (graph.bs_nn, graph.num_neighbors) == (2, num_neighbors)


def test_every_backend_is_accepted():
    for backend in ("auto", "torch", "scipy"):
        overrides = {"data.training.graph.backend": backend}
        graph = load_config("NRAEL_toy_denoising", overrides).data.training.graph
        assert graph.backend == backend
