"""Captured steps, with a capture that stands in for that of a GPU."""

import copy
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.neighbors import knn_graph
from nrae_geometric.nn import NRAE, BinaryKernel, mlp
from nrae_geometric.training.graphed_step import GraphedStep
from nrae_geometric.training.step import TrainingStep


class Recording:
    """Runs again what it was given, as a captured graph does: recording leaves no trace."""

    def __init__(self, fault: Callable[[], None] = lambda: None) -> None:
        self.num_runs = 0
        self.num_warm_ups = 0
        self.tensors: list[Tensor] = []
        self._fault = fault

    def warm_up(self) -> AbstractContextManager[None]:
        self.num_warm_ups += 1
        return nullcontext()

    def record(self, function: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        self._fault()
        before = [tensor.clone() for tensor in self.tensors]
        with torch.random.fork_rng():
            function()
        for tensor, old in zip(self.tensors, before, strict=True):
            tensor.copy_(old)
        result = torch.empty((), dtype=torch.float64)

        def run() -> None:
            self.num_runs += 1
            result.copy_(function())

        return run, result


class Broken(Recording):
    """A capture that gives a wrong loss."""

    def record(self, function: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        run, result = super().record(function)

        def run_and_spoil() -> None:
            run()
            result.fill_(1.0)

        return run_and_spoil, result


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(1, 16), nn.ELU(), nn.Linear(16, 2))
    return NRAE(mlp([2, 16, 1], "elu"), decoder, 2, BinaryKernel(0.5)).double()


@pytest.fixture
def data() -> Data:
    x = torch.randn(22, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return Data(x=x, edge_index=knn_graph(x, 4))


def train(
    model: nn.Module, data: Data, capture: Recording | None, disjoint: bool = True
) -> tuple[list[Tensor], list[Tensor]]:
    """Weights and losses after seven epochs of two batches of ten and one of two points."""
    model = copy.deepcopy(model)
    torch.manual_seed(5)
    loader = NeighborhoodLoader(
        data,
        3,
        batch_size=10,
        shuffle=True,
        disjoint=disjoint,
        generator=torch.Generator().manual_seed(2),
    )
    step = TrainingStep(model, 1e-2, torch.device("cpu"))
    if capture is not None:
        step._take = GraphedStep(step._step, step.adam, capture, list(model.buffers()))
    losses = []
    for epoch in range(7):
        if capture is not None and epoch > 0:
            capture.tensors = [*step.adam.tensors, *model.buffers()]
        losses.append(step.epoch(loader))
        step.adam.param_groups[0]["lr"] *= 0.7
    return list(model.state_dict().values()), losses


def test_replayed_steps_are_the_usual_ones(model, data, caplog):
    capture = Recording()
    with caplog.at_level(logging.INFO):
        replayed = train(model, data, capture)
    torch.testing.assert_close(replayed, train(model, data, None), rtol=1e-6, atol=1e-9)
    # 14 and 7 steps on two shapes: three to warm up, and one to compare with, of each
    assert capture.num_warm_ups == 6
    assert capture.num_runs == 21 - 6
    assert caplog.text.count("replayed from a CUDA graph") == 2


def test_random_layers_draw_as_usual(model, data):
    model.decoder.insert(2, nn.Dropout(0.5))
    capture = Recording()
    replayed = train(model, data, capture)
    torch.testing.assert_close(replayed, train(model, data, None), rtol=1e-6, atol=1e-9)
    assert capture.num_runs == 15


def test_running_statistics_are_updated_once_a_step(model, data):
    model.encoder.insert(1, nn.BatchNorm1d(16).double())
    capture = Recording()
    replayed = train(model, data, capture)
    torch.testing.assert_close(replayed, train(model, data, None), rtol=1e-6, atol=1e-9)
    assert capture.num_runs == 15


def test_a_step_that_cannot_be_captured_is_taken_as_usual(model, data, caplog):
    def fail() -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nand much more")

    capture = Recording(fail)
    with caplog.at_level(logging.INFO):
        usual = train(model, data, capture)
    torch.testing.assert_close(usual, train(model, data, None), rtol=0, atol=0)
    assert capture.num_runs == 0
    [record] = caplog.records
    assert record.getMessage().endswith("operation not permitted when stream is capturing")


def test_a_capture_that_differs_is_not_relied_on(model, data, caplog):
    capture = Broken()
    with caplog.at_level(logging.INFO):
        usual = train(model, data, capture)
    torch.testing.assert_close(usual, train(model, data, None), rtol=0, atol=0)
    assert capture.num_runs == 1
    assert "differs from the same step" in caplog.text


def test_batches_of_ever_new_shapes_are_given_up_with_advice(model, data, caplog):
    capture = Recording()
    with caplog.at_level(logging.INFO):
        usual = train(model, data, capture, disjoint=False)
    torch.testing.assert_close(
        usual, train(model, data, None, disjoint=False), rtol=1e-6, atol=1e-9
    )
    assert "disjoint=True" in caplog.text


def test_a_parameter_without_gradient_is_a_reason(model, data, caplog):
    model.unused = nn.Parameter(torch.zeros(3, dtype=torch.float64))
    with caplog.at_level(logging.INFO):
        usual = train(model, data, Recording())
    torch.testing.assert_close(usual, train(model, data, None), rtol=0, atol=0)
    assert "some parameters have no gradient" in caplog.text
