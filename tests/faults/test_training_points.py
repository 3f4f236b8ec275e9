"""Guarantee: where points are the cause of a failed training, the error says what is wrong with
the points.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import NRAE, mlp
from nrae_geometric.training import Callback, Trainer
from nrae_geometric.transforms import KNNGraph

LINE = torch.linspace(0, 3, 30)
POINTS = torch.stack([LINE, LINE.sin()], dim=1)
GRAPH = KNNGraph(4)(Data(x=POINTS)).edge_index
ROW = torch.arange(30)[:, None] == 7


def fit(x: Tensor, *callbacks: Callback, batches: bool = False, **options: object) -> Trainer:
    torch.manual_seed(0)
    model = NRAE(mlp([2, 8, 1], "elu"), mlp([1, 8, 2], "elu"), 2)
    loader = NeighborhoodLoader(Data(x=x, edge_index=GRAPH), 2, batch_size=30)
    trainer = Trainer(2, device="cpu", progress=False, callbacks=callbacks, **options)
    trainer.fit(model, list(loader) if batches else loader)
    return trainer


FAULTS: dict[str, tuple[Tensor, str]] = {
    "not a number": (POINTS.masked_fill(ROW, torch.nan), r"1 row with NaN .* \(first: row 7\)"),
    "infinite": (POINTS.masked_fill(ROW, torch.inf), r"1 row with NaN .* \(first: row 7\)"),
    "beyond single precision": (POINTS.double() * 1e200, "reach 3e\\+200, .* infinite in float32"),
    "below single precision": (POINTS.double() * 1e-310, "all equal in float32"),
    "far from the origin": (POINTS.double() + 1e12, "differ by 3 .* all equal in float32"),
    "too large for squares": (POINTS * 1e30, r"reach 3e\+30, whose squares are too large"),
}
FAULTS_OF_A_START = {
    **FAULTS,
    "equal": (torch.ones(30, 2), "all points are equal"),
    "equal integers": (torch.ones(30, 2).long(), "all points are equal"),
    "too small for squares": (POINTS * 1e-30, "square is zero in float32"),
}
STARTS: dict[str, Callable[[], EmbeddingStart]] = {
    "geodesic": EmbeddingStart,
    "pca": lambda: EmbeddingStart("pca"),
    "given": lambda: EmbeddingStart(LINE[:, None]),
}


@pytest.mark.parametrize("batches", [False, True], ids=["loader", "batches"])
@pytest.mark.parametrize("name", FAULTS)
def test_training_names_the_fault_of_its_points(name, batches):
    x, message = FAULTS[name]
    with pytest.raises((ValueError, FloatingPointError), match=message) as caught:
        fit(x, batches=batches)
    assert "learning rate" not in str(caught.value)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", FAULTS_OF_A_START)
def test_start_names_the_fault_of_its_points(name, start):
    x, message = FAULTS_OF_A_START[name]
    with pytest.raises(ValueError, match=message):
        fit(x, STARTS[start]())


def test_learning_rate_is_named_where_it_is_the_cause():
    with pytest.raises(FloatingPointError, match="smaller learning rate"):
        fit(POINTS, lr=1e30)


@pytest.mark.parametrize(
    "dtype",
    [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int16, torch.uint8],
    ids=str,
)
@pytest.mark.parametrize("start", [None, *STARTS])
def test_points_of_any_real_type_are_trained_on(dtype, start):
    x = (POINTS * 20).abs().to(dtype)
    trainer = fit(x, *([] if start is None else [STARTS[start]()]))
    assert trainer.history[-1]["loss"] > 0


@pytest.mark.parametrize("start", [None, *STARTS])
@pytest.mark.parametrize("history", [lambda x: x, lambda x: x * 2], ids=["leaf", "computed"])
def test_points_with_a_history_of_gradients_are_trained_on(history, start):
    leaf = POINTS.clone().requires_grad_()
    fit(history(leaf), *([] if start is None else [STARTS[start]()]))
    assert leaf.grad is None


def test_far_points_are_fine_in_double_precision():
    trainer = fit(POINTS.double() * 1e30, precision="64-true")
    assert trainer.history[-1]["loss"] > 0
