import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from nrae_geometric.arguments import choice, flag, integer, number


@pytest.mark.parametrize(
    "value", [3, np.int8(3), np.uint64(3), np.array(3), torch.tensor(3), torch.tensor(3).int()]
)
def test_integers_of_any_library_are_integers(value):
    assert integer("k", value, 0) == 3
    assert type(integer("k", value, 0)) is int


@pytest.mark.parametrize(
    "value",
    [
        True, np.True_, torch.tensor(True), np.array(False), 3.0, np.float64(3), torch.tensor(3.0),
        "3", None, [3], np.array([3]), torch.tensor([3, 4]), {3}, 3j, object(),
    ],
)  # fmt: skip
def test_anything_else_is_no_integer(value):
    with pytest.raises(TypeError, match="k must be an integer, got"):
        integer("k", value, 0)


def test_integers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        integer("k", 0, 1)
    with pytest.raises(ValueError, match="k must be at least 1 and at most 5, got 6"):
        integer("k", np.int64(6), 1, 5)


@pytest.mark.parametrize(
    "value", [2, 2.0, np.float32(2), np.int8(2), torch.tensor(2.0), np.array(2.0), Fraction(2)]
)
def test_numbers_of_any_library_are_numbers(value):
    assert number("noise", value) == 2.0
    assert type(number("noise", value)) is float


@pytest.mark.parametrize("value", [True, np.True_, "2", None, [2.0], np.array([2.0]), 2j])
def test_anything_else_is_no_number(value):
    with pytest.raises(TypeError, match="noise must be a number, got"):
        number("noise", value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, -1, np.float32("nan")])
def test_numbers_that_are_not_finite_or_out_of_range_are_refused(value):
    with pytest.raises(ValueError, match="noise must be finite and at least 0, got"):
        number("noise", value, 0)


def test_a_limit_may_be_exclusive():
    with pytest.raises(ValueError, match="lr must be finite and above 0, got 0"):
        number("lr", 0, above=0)


@pytest.mark.parametrize("value", ["c", "A", None, 1, ["a"], np.array(["a", "b"]), True])
def test_a_name_is_one_of_the_choices(value):
    assert choice("mode", "a", ["a", "b"]) == "a"
    with pytest.raises(ValueError, match=r"unknown mode .*; choose one of 'a', 'b'"):
        choice("mode", value, ["a", "b"])


def test_a_truth_value_is_that_of_python_or_numpy():
    assert flag("loop", True) is flag("loop", np.True_) is True
    assert flag("loop", np.False_) is False


@pytest.mark.parametrize("value", [1, 0, "False", None, [], np.array([True]), torch.tensor(True)])
def test_anything_else_is_no_truth_value(value):
    with pytest.raises(TypeError, match="loop must be True or False, got"):
        flag("loop", value)
