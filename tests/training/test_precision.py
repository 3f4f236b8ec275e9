"""The number types that a run computes in."""

import pytest
import torch
from torch_geometric.data import Data


@pytest.mark.parametrize(
    ("precision", "dtype"), [("64-true", torch.float64), ("bf16-true", torch.bfloat16)]
)
def test_true_precision_converts_model_and_points(
    trainer, make_model, make_loader, precision, dtype
):
    model = make_model()
    run = trainer(2, precision=precision)
    run.fit(model, make_loader(), validation=make_loader())

    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    assert len(run.history) == 2


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_mixed_precision_keeps_the_weights_in_full(trainer, make_model, make_loader, precision):
    model = make_model()
    run = trainer(3, precision=precision)
    run.fit(model, make_loader())

    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert len(run.history) == 3


@pytest.mark.parametrize(
    ("alias", "name"),
    [("32", "32-true"), (64, "64-true"), ("16", "16-mixed"), ("bf16", "bf16-mixed")],
)
def test_short_names_of_precisions_are_those_of_lightning(trainer, alias, name):
    assert trainer(precision=alias).precision == name


def test_points_of_another_floating_type_are_converted_for_the_step_alone(trainer, make_model):
    batch = Data(x=torch.randn(4, 2, dtype=torch.float64))
    trainer(1).fit(make_model(), [batch])

    assert batch.x.dtype == torch.float64
