"""The number of dimensions of a manifold."""

import math

import numpy as np
import pytest
import torch

from nrae_geometric.metrics import dimension_of_neighbors, intrinsic_dimension


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("num_values", [3, 50])
def test_dimension_is_that_of_the_manifold_in_whatever_space(dim, num_values):
    random = np.random.default_rng(0)
    flat = random.random((2000, dim))
    axes = np.linalg.qr(random.normal(size=(num_values, dim)))[0]
    assert intrinsic_dimension(flat @ axes.T) == pytest.approx(dim, rel=0.1)


def test_estimate_is_the_formula_of_levina_and_bickel():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(30, 4)))
    inverse = []
    for i in range(30):
        t = (x - x[i]).norm(dim=1).sort().values[1:6]
        inverse.append(sum(math.log(t[4] / t[j]) for j in range(4)) / 4)
    assert intrinsic_dimension(x, 5) == pytest.approx(30 / sum(inverse))


def test_equal_points_do_not_count_as_neighbors():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(300, 2)))
    once = intrinsic_dimension(x, 10)
    assert intrinsic_dimension(torch.cat([x, x]), 21) == pytest.approx(once, rel=0.1)
    with pytest.raises(ValueError, match="remove the duplicates"):
        intrinsic_dimension(torch.zeros(5, 2))


def test_equal_distances_have_no_finite_dimension():
    assert dimension_of_neighbors(torch.ones(4, 3)) == math.inf


def test_too_few_points_or_neighbors_are_refused():
    with pytest.raises(ValueError, match="at least three points"):
        intrinsic_dimension(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="from two neighbors on"):
        intrinsic_dimension(torch.randn(9, 2), 1)
